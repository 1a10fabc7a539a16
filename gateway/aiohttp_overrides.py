"""Everything of aiohttp's WebSocket that we replace, and why. Pinned to aiohttp 3.14.5; tests/gateway covers each.

* A text message can be acted on as it comes in: waking the task that waits for it, ten coroutines deep, costs more than
  what there is to do.
* A text message is written as it is, without a coroutine; how much may wait is bounded elsewhere.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import WSMessage, WSMsgType
from aiohttp._websocket.models import WSMessageTextBytes
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.web import WebSocketResponse

READ_AHEAD = 65536  # bytes that wait in the queue before the client is held up

TakeText = Callable[[str], bool]


class Inlet(WebSocketDataQueue):
    """The queue of incoming messages, past which ``take`` may lead a text message: it says whether it took it."""

    def __init__(self, *args: Any, take: TakeText, **options: Any) -> None:
        super().__init__(*args, **options)
        self._take = take

    def let_go(self) -> None:
        """Take nothing more."""
        self._take = _no

    def feed_data(self, data: WSMessage | WSMessageTextBytes, size: int) -> None:
        """A message has come in. None overtakes another."""
        if self._buffer or data.type is not WSMsgType.TEXT or not self._take(data.data):
            super().feed_data(data, size)


class WebSocket(WebSocketResponse):
    """A server's WebSocket without compression. ``take`` is asked about a text message while ``receive`` waits."""

    def __init__(self, take: TakeText | None = None, **options: Any) -> None:
        super().__init__(compress=False, **options)
        self.take = take
        self._receiving = False

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
        transport = self._req.transport if self._req is not None else None
        if self._closed or transport is None or transport.is_closing():
            raise ConnectionError
        transport.write(_head(len(text)) + text)
        return transport.get_write_buffer_size()

    def let_go(self) -> None:
        """The end: drop what refers back to here, so that all of it goes now, and not with the next collection."""
        self.take = self._exception = None
        if isinstance(self._reader, Inlet):
            self._reader.let_go()

    def _post_start(self, request: Any, protocol: Any, writer: Any) -> None:
        """As the library's, but with our queue."""
        self._ws_protocol = protocol
        self._writer = writer
        self._reader = Inlet(request.protocol, READ_AHEAD, loop=self._loop, take=self._take_text)
        self._parser = WebSocketReader(self._reader, self._max_msg_size, compress=False, decode_text=True)
        request.protocol.set_parser(self._parser)
        request.protocol.keep_alive(False)

    def _take_text(self, text: str) -> bool:
        take = self.take if self._receiving and not self._closing and not self._closed else None
        return take is not None and take(text)


def _no(_text: str) -> bool:
    return False


def _head(size: int) -> bytes:
    """The header of an unmasked text message."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")
