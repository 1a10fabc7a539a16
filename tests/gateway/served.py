"""The gateway's Socket.IO server alone on a real port, and a record of what it hears."""

import asyncio
import json
import logging
from types import TracebackType
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from gateway.engineio_overrides import Socket
from gateway.socketio_overrides import Server

HANDSHAKE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Event(NamedTuple):
    """An event as the server's one function gets it; ``body`` is its first argument, decoded."""

    name: str
    body: Any
    ack: int | None


class Served:
    """``async with Served(...) as served``. ``stay`` says whether those who connect have nothing to prove."""

    def __init__(self, *, stay: bool = True, **options: Any) -> None:
        defaults = {
            "max_unsent": 65536,
            "welcome_timeout": 5.0,
            "ping_interval": 5.0,
            "ping_timeout": 5.0,
            "cookie": "io",
        }
        self.server = Server(async_mode="aiohttp", **{**defaults, **options})
        self.server.on("connect", self._on_connect)
        self.server.on("disconnect", self._on_disconnect)
        self.events: list[Event] = []
        self.sids: list[str] = []
        self.reasons: list[str] = []
        self.loop_errors: list[dict[str, Any]] = []
        self._stay = stay

    async def __aenter__(self) -> "Served":
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.loop_errors.append(context))
        app = web.Application()
        self.server.attach(app, "socket.io")
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in list(self.server.eio.sockets.values()):
            socket.cut_off("the test is over")
        await asyncio.sleep(0)
        await self._runner.cleanup()
        assert error is not None or not self.loop_errors, self.loop_errors

    def socket(self, sid: str = "") -> Socket:
        """The server's end of a connection, by default the newest."""
        socket = self.server.socket(sid or self.sids[-1])
        assert socket is not None
        return socket

    def _on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        self.sids.append(sid)
        self.socket(sid).on_event = self._on_event
        if self._stay:
            self.socket(sid).stay()

    def _on_disconnect(self, sid: str, reason: str) -> None:
        self.reasons.append(reason)

    def _on_event(self, name: str, body: msgspec.Raw | None, ack: int | None) -> None:
        decoded = None if body is None else json.loads(bytes(body)) if bytes(body) != b"?" else "unreadable"
        self.events.append(Event(name, decoded, ack))


class DeafClient:
    """Opens a WebSocket by hand, and from then on neither reads nor answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> "DeafClient":
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(HANDSHAKE.encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_masked(b"40"))
        await writer.drain()
        return cls(reader, writer)

    async def closed(self, within: float) -> None:
        """Return when the TCP connection is closed from the other side; what came before is read away."""
        async with asyncio.timeout(within):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
        self.writer.close()


def _masked(text: bytes) -> bytes:
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


def complaints(records: list[logging.LogRecord]) -> list[str]:
    """Log lines with a traceback, or that call for somebody."""
    return [record.getMessage() for record in records if record.exc_info or record.levelno >= logging.ERROR]
