"""Our Socket.IO server on a free port of this process, and what its clients did."""

import functools
import json
from typing import Any, NamedTuple

from aiohttp import web

from gateway.engineio_overrides import Socket
from gateway.socketio_overrides import Server

# as in a gateway, but for times so long that they play no part where a test does not ask for them
CALM: dict[str, Any] = {
    "cookie": "io",
    "ping_interval": 60.0,
    "ping_timeout": 60.0,
    "welcome_timeout": 60.0,
    "max_unsent": 1024 * 1024,
}


class Heard(NamedTuple):
    """An event that a client sent."""

    name: str
    body: Any
    ack: int | None


class Site:
    """``sockets``, ``events`` and ``left`` are in the order in which they came: who connected, said what, left why.

    ``late`` are the names of events heard from one who had left.
    """

    def __init__(self, **options: Any) -> None:
        self.server = Server(async_mode="aiohttp", **{**CALM, **options})
        self.server.on("connect", self._on_connect)
        self.server.on("disconnect", self._on_disconnect)
        self.sockets: list[Socket] = []
        self.events: list[Heard] = []
        self.left: list[str] = []
        self.late: list[str] = []
        self._here: set[str] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open_sockets(self) -> int:
        """How many Engine.IO sessions there are, with or without Socket.IO on them."""
        return len(self.server.eio.sockets)

    async def start(self) -> None:
        app = web.Application()
        self.server.attach(app, "socket.io")
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    def _on_connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        socket = self.server.socket(sid)
        assert socket is not None
        socket.on_event = functools.partial(self._on_event, sid)
        self.sockets.append(socket)
        self._here.add(sid)

    def _on_disconnect(self, sid: str, reason: str) -> None:
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
