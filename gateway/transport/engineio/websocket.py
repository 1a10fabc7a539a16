"""The WebSocket of a client, as Engine.IO uses it.

* There is no permessage-deflate: it takes 100 KiB a connection.
* Frames are written straight to the WebSocket. Together with acting on events as they come in, this halves the cost of
  a relay; the library wakes a writer task.
* Every frame is charged to its sender's budget; when that is exhausted, the connection is aborted with the rest unread.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import WSMsgType, web
from engineio.async_drivers import aiohttp as driver

from gateway.rate import Allowance
from gateway.transport.aiohttp.inlet import TakeText
from gateway.transport.aiohttp.lane import Lane
from gateway.transport.aiohttp.websocket import WebSocket, first_protocol
from gateway.transport.engineio.endings import ProtocolError

SHUTTING = 2.0  # seconds for a client to answer that its WebSocket closes


class Owner(Protocol):
    """Whose WebSocket it is: the Socket, as far as a Transport knows it."""

    server: Any
    lane: Lane
    budget: Allowance

    def charge(self, size: int, frames: int = 1) -> bool:
        """That many bytes have come."""

    async def serve_websocket(self, ws: "Transport") -> None:
        """The life of the WebSocket."""


class Transport(driver.WebSocket):
    """A WebSocket without compression, of ``socket``.

    ``write`` sends a text message now, and returns ``unsent``; it raises ConnectionError when the socket is closing.
    """

    write: Callable[[bytes], int]

    def __init__(self, socket: Owner) -> None:
        super().__init__(socket.serve_websocket, socket.server)
        self.transport: Any = None
        self._socket = socket

    async def serve(self, request: web.Request, first: bytes = b"") -> WebSocket:
        """From the handshake to the end. ``first`` is a text message that goes out with the answer to the handshake.

        Raises HTTPBadRequest when it is no handshake; ConnectionError.
        """
        most = self.server.max_http_buffer_size + 1  # the library refuses what is exactly as large as its limit
        self._sock = WebSocket(
            charge=self._on_frames,
            lane=self._socket.lane,
            max_msg_size=most,
            timeout=SHUTTING,
            protocols=first_protocol(request),
        )
        self.write = self._sock.write_text
        try:
            await self._sock.prepare(request, first)
            self.transport = request.transport
            await self.handler(self)
            await self._sock.close()  # if its upgrade came to nothing; the library would do so when we hear no more
        finally:
            del self.handler, self._socket
            self._sock.let_go()
        return self._sock

    async def read(self) -> str | None:
        """The next text message; None when there will be no more. Raises ProtocolError for a binary one."""
        message = await self._sock.receive()
        if message.type is WSMsgType.TEXT:
            text: str = message.data
            return text
        if message.type is WSMsgType.BINARY:
            raise ProtocolError("binary message")
        return None

    def lead(self, take_text: TakeText) -> None:
        """From now on ``take_text`` may act on a message before ``read`` gets it."""
        self._sock.take = take_text

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client to read."""
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    async def shut(self, code: int) -> None:
        """Close politely; abort if the client does not answer in time."""
        try:
            async with asyncio.timeout(SHUTTING):  # the library's own begins when the client has read everything
                await self._sock.close(code=code)
        except TimeoutError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever is still unsent or unread."""
        self.stop_hearing()
        if self.transport is not None:
            self.transport.abort()

    def stop_hearing(self) -> None:
        """Drop whatever comes from now on."""
        if self._sock is not None:
            self._sock.stop_hearing()

    def _on_frames(self, size: int, frames: int) -> None:
        self._socket.charge(size, frames)
        if self._socket.budget.exhausted:
            self.abort()  # also when the socket is still on another transport, or closing
