"""A witness who owns a room that attackers know: present, on a slow line, or absent for a while."""

import asyncio
import contextlib
import secrets

import aiohttp

from tests.attack.plan import Host
from tests.attack.record import Record
from tests.attack.scene import Place
from tests.attack.slow_line import SlowLine
from tests.attack.witness import Witness
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process

PATIENCE = 20.0  # seconds until one who cannot come back has lost its place
SLOW = 1_250_000.0  # bytes in a second: 10 Mbit/s


class Hosting:
    """The host in its room. It must keep both, however it is pestered; what it waits is not looked at."""

    def __init__(self, http: aiohttp.ClientSession, kind: Host, gateway: Process, app_token: str) -> None:
        self.record = Record()
        self.room = f"host-{secrets.token_hex(6)}"
        self._kind = kind
        port = free_port()
        self._slow_line = SlowLine(port, gateway.port, SLOW)
        url = f"http://127.0.0.1:{port}" if kind == "slow" else gateway.url
        self._witness = Witness(http, url, app_token, self.record)

    @property
    def place(self) -> Place:
        return Place(self.room, self._witness.peer_id)

    async def open(self) -> None:
        """Come, and let in who asks."""
        await self._slow_line.open()
        await self._witness.come()
        assert await self._witness.ask("room-create-request", room=self.room) == "ok"

    async def begin(self) -> None:
        """The attack begins."""
        self._witness.welcoming = False
        if self._kind == "absent":
            await self._witness.step_out()

    async def end(self) -> None:
        """The attack has ended: be back, if it was away, and see whether the room is still there and its own."""
        if self._kind == "absent":
            try:
                await asyncio.wait_for(self._witness.step_in(), PATIENCE)
            except TimeoutError:
                self.record.places += 1
        answer = await self._witness.ask("room-leave-request", room=self.room)
        if answer != "ok" or self._witness.moved:
            self.record.rooms += 1

    async def close(self) -> None:
        """Go."""
        with contextlib.suppress(OSError):
            await self._witness.go()
        await self._slow_line.close()
