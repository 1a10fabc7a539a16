"""The package in Node: a process in which a test runs its own JavaScript."""

import asyncio
import itertools
import json
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any, Self

from tests.system.rig.node import find_node
from tests.system.rig.process import ROOT

RIG = Path(__file__).parent
MOST = 2**22  # bytes of an answer


class NodePage:
    """``async with NodePage(folder) as page``. In ``folder`` the package is found as an app would find it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        install(self._folder)
        for name in ("evaluate.mjs", "people.js"):
            (self._folder / name).write_text((RIG / name).read_text())
        (self._folder / "package.json").write_text('{"type": "module"}')
        self._process = await asyncio.create_subprocess_exec(
            find_node(), "evaluate.mjs", cwd=self._folder, stdin=PIPE, stdout=PIPE, limit=MOST
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 5)
        await self._listening

    async def run(self, body: str, argument: Any = None, within: float = 30.0) -> Any:
        """What the body of an async function returns; ``$`` in it is the argument."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "body": body, "argument": argument}).encode() + b"\n")
        await self._process.stdin.drain()
        said = await asyncio.wait_for(answer, within)
        assert "error" not in said, said["error"]
        return said["value"]

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            self._answers.pop(said["id"]).set_result(said)


def install(folder: Path) -> None:
    """Let programs in ``folder`` import the package and what it needs."""
    modules = folder / "node_modules"
    modules.mkdir(exist_ok=True)
    (modules / "parley-client").symlink_to(ROOT / "client")
    for package in ("socket.io-client", "socket.io-parser", "engine.io-client"):
        (modules / package).symlink_to(ROOT / "node_modules" / package)
