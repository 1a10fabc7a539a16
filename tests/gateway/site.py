"""Our Socket.IO server on a free port of this process, and what its clients did."""

import asyncio
import functools
import json
import logging
import time
from types import TracebackType
from typing import Any, NamedTuple

from aiohttp import web

from gateway.rate import Budget, Rates
from gateway.transport.engineio.socket import Socket
from gateway.transport.newcomers import Limits, Newcomers
from gateway.transport.pace import Entrance, Pace
from gateway.transport.socketio import Server
from shared.http.client_address import networks
from shared.http.edge import Runner

# as in a gateway, but for times so long that they play no part where a test does not ask for them
CALM: dict[str, Any] = {
    "cookie": "io",
    "ping_interval": 60.0,
    "ping_timeout": 60.0,
    "welcome_timeout": 60.0,
    "max_unsent": 1024 * 1024,
    "max_unsent_per_address": 64 * 1024 * 1024,
}
AMPLE = Rates(frames=1e6, frames_burst=1e6, bytes=1e9, bytes_burst=1e9)


class Heard(NamedTuple):
    """An event that a client sent."""

    name: str
    body: Any
    ack: int | None


class Site:
    """``async with Site(...) as site``. ``stay`` says whether those who connect have nothing to prove.

    ``sockets``, ``events`` and ``left`` are in the order in which they came: who connected, said what, left why.
    ``late`` are the names of events heard from one who had left; ``loop_errors`` is what the event loop complained of.
    """

    def __init__(
        self,
        *,
        stay: bool = True,
        limits: Limits | None = None,
        trusted: tuple[str, ...] = (),
        pace: Pace | None = None,
        max_waiting: int = 1000,
        **options: Any,
    ) -> None:
        self.newcomers = Newcomers(limits or Limits(), networks(trusted))
        self.entrance = Entrance(pace or Pace(1000.0), max_waiting)
        self.server = Server(
            self._on_client,
            self._on_gone,
            async_mode="aiohttp",
            newcomers=self.newcomers,
            entrance=self.entrance,
            **{**CALM, **options},
        )
        self.sockets: list[Socket] = []
        self.events: list[Heard] = []
        self.left: list[str] = []
        self.late: list[str] = []
        self.loop_errors: list[dict[str, Any]] = []
        self._stay = stay
        self._here: set[str] = set()
        self.port = 0
        self.rates = AMPLE

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_sockets(self) -> int:
        """How many Engine.IO sessions there are, with or without Socket.IO on them."""
        return len(self.server.eio.sockets)

    @property
    def callers(self) -> list[Any]:
        """The connections that are open."""
        return self._runner.server.connections if self._runner.server else []

    async def __aenter__(self) -> "Site":
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.loop_errors.append(context))
        app = web.Application()
        self.server.attach(app, "socket.io")
        upgrades = {"/socket.io/": self.server.eio.handle_request}
        self._runner = Runner(app, upgrades=upgrades, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in list(self.server.eio.sockets.values()):
            socket.disconnect("the test is over")
        await asyncio.sleep(0)
        await self._runner.cleanup()
        assert error is not None or not self.loop_errors, self.loop_errors

    def _on_client(self, sid: str, socket: Socket, auth: Any) -> None:
        socket.on_event = functools.partial(self._on_event, sid)
        if self._stay:
            socket.stay()
            socket.budget = Budget(self.rates, time.monotonic())
        self.sockets.append(socket)
        self._here.add(sid)

    def _on_gone(self, sid: str, reason: str) -> None:
        self.left.append(reason)
        self._here.discard(sid)

    def _on_event(self, sid: str, name: str, body: Any, ack: int | None) -> None:
        if sid not in self._here:
            self.late.append(name)
        self.events.append(Heard(name, None if body is None else _read(bytes(body)), ack))


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def complaints(records: list[logging.LogRecord]) -> list[str]:
    """Log lines with a traceback, or that call for somebody."""
    return [record.getMessage() for record in records if record.exc_info or record.levelno >= logging.ERROR]
