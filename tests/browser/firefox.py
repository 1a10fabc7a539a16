"""Headless Firefox with a made-up camera and microphone, driven over WebDriver BiDi."""

import asyncio
import itertools
import json
import os
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import aiohttp

NAMES = ("firefox-esr", "firefox")
PREFERENCES: dict[str, object] = {
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "media.gmp-manager.updateEnabled": False,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
}
_LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")


def find_firefox() -> str | None:
    """Where Firefox is."""
    return os.environ.get("FIREFOX") or next(filter(None, map(shutil.which, NAMES)), None)


class Firefox:
    """``async with Firefox(path, folder) as firefox``; its profile is made in ``folder``."""

    def __init__(self, path: str, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._stack = AsyncExitStack()
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> Self:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
        (self._folder / "user.js").write_text("".join(lines))
        options = ("--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(self._folder))
        self._process = await asyncio.create_subprocess_exec(self._path, *options, stdout=DEVNULL, stderr=PIPE)
        self._stack.push_async_callback(self._end)
        async with asyncio.timeout(40):
            url = await self._listening()
            http = await self._stack.enter_async_context(aiohttp.ClientSession())
            self._socket = await http.ws_connect(f"{url}/session", max_msg_size=0)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._drain())]
        await self._do("session.new", capabilities={})
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()
        await asyncio.gather(*self._tasks)

    async def open(self, url: str) -> "FirefoxPage":
        context = (await self._do("browsingContext.create", type="tab"))["context"]
        await self._do("browsingContext.navigate", context=context, url=url, wait="complete")
        return FirefoxPage(self, context)

    async def evaluate(self, context: str, expression: str) -> Any:
        """What an expression is, or what its promise becomes; it must be a string of JSON."""
        target = {"context": context}
        said = await self._do(
            "script.evaluate", expression=expression, target=target, awaitPromise=True, resultOwnership="none"
        )
        assert said["type"] == "success", said.get("exceptionDetails", {}).get("text", said)
        return json.loads(said["result"]["value"])

    async def click(self, context: str, x: float, y: float) -> None:
        """Press the mouse's button there, as a person does."""
        move: dict[str, Any] = {"type": "pointerMove", "x": round(x), "y": round(y)}
        steps = [move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        await self._do("input.performActions", context=context, actions=[mouse])

    async def _do(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        said = await answer
        assert said["type"] == "success", said
        return said["result"]

    async def _listening(self) -> str:
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            if found := _LISTENING.search(line):
                return found[1].decode()
        raise AssertionError("Firefox ended before it could be driven")

    async def _listen(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if said.get("id") in self._answers:
                self._answers.pop(said["id"]).set_result(said)

    async def _drain(self) -> None:
        assert self._process.stderr is not None
        while await self._process.stderr.readline():
            pass

    async def _end(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()


class FirefoxPage:
    """A tab."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    async def run(self, body: str, argument: Any = None, within: float = 40.0) -> Any:
        """What the body of an async function returns; ``$`` in it is the argument."""
        expression = f"(async ($) => {{ {body} }})({json.dumps(argument)}).then((it) => JSON.stringify(it ?? null))"
        return await asyncio.wait_for(self._firefox.evaluate(self._context, expression), within)

    async def click(self, selector: str) -> None:
        """Click on the middle of an element, which must be within the window."""
        middle = """
        const { x, y, width, height } = document.querySelector($).getBoundingClientRect();
        return [x + width / 2, y + height / 2];
        """
        await self._firefox.click(self._context, *await self.run(middle, selector))
