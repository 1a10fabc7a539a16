"""The official JavaScript clients: a Node process that is told what to do line by line."""

import asyncio
import itertools
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests import contract
from tests.system.rig.client import Client
from tests.system.rig.process import ROOT

SCRIPT = Path(__file__).parent / "npm" / "clients.mjs"


class Node:
    """``async with Node() as node``. Many clients live in one Node process."""

    def __init__(self) -> None:
        self._clients: dict[str, NodeClient] = {}
        self._answers: dict[int, asyncio.Future[list[Any]]] = {}
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> "Node":
        self._process = await asyncio.create_subprocess_exec(find_node(), str(SCRIPT), stdin=PIPE, stdout=PIPE)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(20):  # polls that are under way end first
                await self._process.wait()
                await self._listening
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise AssertionError("node did not end") from None
        assert self._process.returncode == 0

    def client(self, name: str, url: str, app_token: str) -> "NodeClient":
        client = self._clients[name] = NodeClient(self, name, url, app_token)
        return client

    async def do(self, what: str, within: float = 5.0, **fields: Any) -> list[Any]:
        """One command; returns what it is answered."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": what, **fields}).encode() + b"\n")
        await self._process.stdin.drain()
        return await asyncio.wait_for(answer, within)

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "id" in said:
                # taken out, so that a second answer to one command is an error
                self._answers.pop(said["id"]).set_result(said["answer"])
            else:
                self._clients[said["name"]].note(said["event"], said["data"])


class NodeClient(Client):
    """One socket.io-client in the Node process."""

    def __init__(self, node: Node, name: str, url: str, app_token: str) -> None:
        super().__init__(name, url, app_token)
        self._node = node

    async def open(self, **options: Any) -> None:
        """Start connecting. ``options`` are those of socket.io-client."""
        options = {"auth": {"token": self.app_token}, "reconnectionDelay": 100, "reconnectionDelayMax": 300, **options}
        await self._node.do("open", name=self.name, url=self.url, options=options)

    async def send_bare(self, event: str, *args: Any) -> None:
        await self._node.do("emit", name=self.name, event=event, args=args)

    async def call_bare(self, event: str, *args: Any, within: float = 5.0) -> Any:
        answer = await self._node.do("call", within, name=self.name, event=event, args=args)
        assert len(answer) == 1, answer
        contract.hold_answer(event, args[0] if args else None, answer[0])
        return answer[0]

    async def transport(self) -> str:
        """The transport in use just now."""
        return str((await self._node.do("transport", name=self.name))[0])

    async def close(self) -> None:
        await self._node.do("close", name=self.name)


def find_node(package: str = "socket.io-client") -> str:
    """Where Node is. Skips the test where that or a package is missing, but not in CI."""
    # the virtual environment brings its own where the machine has none
    beside = Path(sys.executable).parent / "node"
    node = str(beside) if beside.exists() else shutil.which("node")
    if node and (ROOT / "node_modules" / package).exists():
        return node
    reason = f"{package} is not installed: npm ci" if node else "node is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
