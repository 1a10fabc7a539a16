"""A server's WebSocket.

* A text message is written as it is, without a coroutine; how much may wait is bounded elsewhere.
* The answer to the handshake and the first message go out together: each write wakes somebody up.
* A client that asks for subprotocols gets the first, as from Node's server; the library gives none, and logs the names.
  One whose first cannot be one is refused.
"""

import asyncio
import re
from typing import Any

from aiohttp import WSMessage, hdrs
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web import BaseRequest, HTTPBadRequest, WebSocketResponse

from gateway.transport.aiohttp.inlet import Charge, TakeText, nothing
from gateway.transport.aiohttp.lane import Lane
from gateway.transport.aiohttp.sluice import Sluice

_PROTOCOL = re.compile(r"[\w!#$%&'*+.^`|~-]{1,128}", re.ASCII)  # what may be the name of a subprotocol


class WebSocket(WebSocketResponse):
    """A server's WebSocket without compression. ``take`` is asked about a text message while ``receive`` waits.

    ``charge`` is told of everything that was not taken so.
    """

    _send_headers_immediately = False

    def __init__(
        self, take: TakeText | None = None, charge: Charge | None = None, lane: Lane | None = None, **options: Any
    ) -> None:
        super().__init__(compress=False, **options)
        self._lane = lane
        self.take = take
        self._charge = charge or nothing
        self._receiving = False
        self._sluice: Sluice | None = None
        self._transport: asyncio.Transport | None = None

    async def prepare(self, request: BaseRequest, first: bytes = b"") -> AbstractStreamWriter:
        """Answer the handshake, with a ``first`` text message if there is one.

        Raises HTTPBadRequest when it is none; ConnectionError.
        """
        writer = await super().prepare(request)
        if first:
            await writer.write(_head(len(first)) + first)
        else:
            writer.send_headers()
        return writer

    async def receive(self, timeout: float | None = None) -> WSMessage:
        """The next message that was not taken as it came in."""
        self._receiving = True
        try:
            return await super().receive(timeout)
        finally:
            self._receiving = False

    def write_text(self, text: bytes) -> int:
        """Send a text message now. Returns how many bytes of all that was sent wait for the client to read.

        Raises ConnectionError when the socket is closing.
        """
        transport = self._transport
        if transport is None or self._closed or transport.is_closing():
            raise ConnectionError
        transport.write(_head(len(text)) + text)
        return transport.get_write_buffer_size()

    def stop_hearing(self) -> None:
        """Drop what has come in and was not acted on, and what still comes. The connection stays open."""
        self.take = None
        if self._sluice is not None:
            self._sluice.stop()

    def let_go(self) -> None:
        """The end: drop what refers back to here, so that all of it goes now, and not with the next collection."""
        self.take = self._exception = self._transport = None
        self._charge = nothing
        if self._sluice is not None:
            self._sluice.let_go()
            self._sluice = None

    def _handshake(self, request: BaseRequest) -> Any:
        if hdrs.SEC_WEBSOCKET_PROTOCOL in request.headers and not self._protocols:
            raise HTTPBadRequest
        return super()._handshake(request)

    def _post_start(self, request: Any, protocol: Any, writer: Any) -> None:
        """As the library's, but with our queue, and a sluice before it."""
        self._ws_protocol = protocol
        self._writer = writer
        self._transport = request.transport
        self._sluice = Sluice(request.protocol, self._max_msg_size, self._take_text, self._charge, self._lane)
        self._reader = self._sluice.inlet
        request.protocol.set_parser(self._sluice)
        request.protocol.keep_alive(False)

    def _take_text(self, text: str) -> bool:
        take = self.take if self._receiving and not self._closing and not self._closed else None
        return take is not None and take(text)


def can_upgrade(request: BaseRequest) -> bool:
    """Whether a request is a WebSocket handshake, in all of its headers."""
    return bool(WebSocket(protocols=first_protocol(request)).can_prepare(request))


def first_protocol(request: BaseRequest) -> tuple[str, ...]:
    """The first subprotocol that a client names; it hangs up when it asked for some and gets none."""
    asked = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").partition(",")[0].strip()
    return (asked,) if _PROTOCOL.fullmatch(asked) else ()


def _head(size: int) -> bytes:
    """The header of an unmasked text message."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")
