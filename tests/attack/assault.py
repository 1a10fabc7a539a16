"""The attacker's process, as the command sees it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process

import msgspec

from tests.attack.scene import Outcome, Scene
from tests.system.rig.process import ROOT

PREPARING = 45.0  # seconds; the attacker gives up before that
SPARE = 10.0  # seconds beyond the attack's own


class Assault:
    """One attack in a process of its own."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._process: Process | None = None
        self._early: Outcome | None = None

    async def prepare(self) -> None:
        """Start the process, and return when it is ready."""
        argv = [sys.executable, "-m", "tests.attack.attacker"]
        self._process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdin=PIPE, stdout=PIPE, limit=2**20)
        await self._say(msgspec.json.encode(self._scene))
        line = await self._line(PREPARING)
        if line != b"ready":
            self._early = _outcome(line)

    async def strike(self) -> Outcome:
        """Let it attack; returns what it did, when it has ended."""
        if self._early is not None:
            return self._early
        await self._say(b"go")
        return _outcome(await self._line(self._scene.seconds + SPARE))

    async def close(self) -> None:
        """End the process, if it has not ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _say(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        await self._process.stdin.drain()

    async def _line(self, within: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            return (await asyncio.wait_for(self._process.stdout.readline(), within)).strip()
        except TimeoutError:
            return b""


def _outcome(line: bytes) -> Outcome:
    if not line:
        return Outcome(sent=0, seconds=0.0, breaches=["the attacker ended without a word: the attack proves nothing"])
    return msgspec.json.decode(line, type=Outcome)
