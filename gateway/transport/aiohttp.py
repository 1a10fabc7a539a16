"""Everything of aiohttp's WebSocket that we replace, and why. Pinned to aiohttp 3.14.5; tests/gateway covers each.

* A text message can be acted on as it comes in: waking the task that waits for it, ten coroutines deep, costs more than
  what there is to do.
* A text message is written as it is, without a coroutine; how much may wait is bounded elsewhere.
* What has come in is acted on in slices, so many in a turn of the loop; the library takes all the kernel hands over.
* Frames are charged to their sender, whatever they are; one that is to be heard no more has nothing parsed any more.
* A client that asks for subprotocols gets the first, as from Node's server; the library gives none, and logs the names.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMessage, WSMsgType, hdrs
from aiohttp._websocket.models import WSMessageTextBytes
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from aiohttp.web import BaseRequest, WebSocketResponse

READ_AHEAD = 65536  # bytes that wait in the queue before the client is held up
SLICE = 4096  # bytes that are parsed at once
SMALL_SLICE = 512  # the same of a client whose frames are many and small
TURN_BYTES = 65536  # of one lane, that are parsed in one turn of the loop
TURN_MESSAGES = 64  # the same in messages; those of one slice may be more
HEAD = 8  # bytes that a frame takes beside its content
_PROTOCOL = re.compile(r"[\w!#$%&'*+.^`|~-]{1,128}", re.ASCII)  # what may be the name of a subprotocol

TakeText = Callable[[str], bool]
Charge = Callable[[int, int], None]  # bytes and frames

_TAKEN = (False, b"")  # what the library's reader says of data that it could read
_BROKEN = (True, b"")  # and of data that it could not


class Inlet(WebSocketDataQueue):
    """The queue of incoming messages, past which ``take`` may lead a text message: it says whether it took it.

    What is not taken is charged here. ``messages`` counts all there were; ``unpaid`` is how many of the bytes that the
    reader has been given were in none of them.
    """

    def __init__(self, *args: Any, take: TakeText, charge: Charge, **options: Any) -> None:
        super().__init__(*args, **options)
        self._take = take
        self._charge = charge
        self.deaf = False
        self.messages = 0
        self.unpaid = 0

    def let_go(self) -> None:
        """Take nothing more."""
        self.deaf = True
        self._take = _no
        self._charge = _nothing

    def feed_data(self, data: WSMessage | WSMessageTextBytes, size: int) -> None:
        """A message has come in. None overtakes another."""
        self.messages += 1
        self.unpaid -= size + HEAD
        if self._buffer or data.type is not WSMsgType.TEXT or not self._take(data.data):
            self._charge(size, 1)
            if not self.deaf:
                super().feed_data(data, size)


class Turns:
    """Counts the turns of the loop, as long as somebody asks in which one this is."""

    __slots__ = ("_asked", "_loop", "_number")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._asked = False

    @property
    def number(self) -> int:
        """The same within one turn, and another one in the next."""
        if not self._asked:
            self._asked = True
            self._loop.call_soon(self._end)
        return self._number

    def _end(self) -> None:
        self._asked = False
        self._number += 1


class Lane:
    """The sockets of one address: so much of all of them together is acted on in one turn of the loop.

    Those with more to say are heard one after the other.
    """

    __slots__ = ("__weakref__", "_bytes", "_loop", "_messages", "_running", "_turn", "_turns", "_waiting")

    def __init__(self, turns: Turns | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = turns or Turns()
        self._waiting: deque[Sluice] = deque()
        self._running = False
        self._turn = 0
        self._bytes = 0
        self._messages = 0

    @property
    def free(self) -> bool:
        """Whether more may be acted on in this turn."""
        if (turn := self._turns.number) != self._turn:
            self._turn = turn
            self._bytes = self._messages = 0
        return self._bytes < TURN_BYTES and self._messages < TURN_MESSAGES

    def spend(self, size: int, messages: int) -> None:
        """So much has been acted on."""
        self._bytes += size
        self._messages += messages

    def wait(self, sluice: "Sluice") -> None:
        """Give one a turn when it is due."""
        self._waiting.append(sluice)
        if not self._running:
            self._running = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        while self._waiting and self.free:
            self._waiting.popleft().turn()
        self._running = bool(self._waiting)
        if self._running:
            self._loop.call_soon(self._run)


class Sluice:
    """Between a client's connection and the reader of its frames: lets through so much in each turn of the loop.

    The rest waits here, which is at most what was read at once, and reading is paused. For the queue that the reader
    fills it stands in for the protocol, so that both can hold up the client.
    """

    __slots__ = (
        "_at",
        "_charge",
        "_ended",
        "_lane",
        "_most",
        "_protocol",
        "_reader",
        "_reading_paused",
        "_rest",
        "_slice",
        "inlet",
    )

    def __init__(self, protocol: Any, max_size: int, take: TakeText, charge: Charge, lane: Lane | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._reading_paused = False  # by the queue; the name is the library's
        self._charge = charge
        self._most = max_size
        self._rest = b""  # of which what is before _at has gone through
        self._at = 0
        self._slice = SLICE
        self._ended = False
        self._lane = lane or Lane()
        self.inlet = Inlet(self, READ_AHEAD, loop=loop, take=take, charge=charge)
        self._reader: WebSocketReader | None = WebSocketReader(self.inlet, max_size, compress=False, decode_text=True)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Data has come in. The little that comes at once in ordinary times goes straight through."""
        if self._rest or self._reading_paused:
            self._rest = self._rest[self._at :] + data
            self._at = 0
            return _TAKEN
        if len(data) <= self._slice and self._lane.free:
            return self._feed(data)
        self._rest = data
        return _TAKEN if self._take_turn() else _BROKEN

    def feed_eof(self) -> None:
        """The connection has ended. What came in before that still counts."""
        self._ended = True
        if not self._rest:
            self.inlet.feed_eof()

    def pause_reading(self) -> None:
        """The queue is full."""
        self._reading_paused = True
        self._protocol.pause_reading()

    def resume_reading(self) -> None:
        """The queue has space again."""
        self._reading_paused = False
        if self._rest:
            self._lane.wait(self)
        else:
            self._protocol.resume_reading()

    def stop(self) -> None:
        """Drop what waits, and whatever still comes."""
        self.inlet.let_go()
        self._drop()

    def let_go(self) -> None:
        """The end: break the circle of references."""
        self.stop()
        self._reader = None
        self._charge = _nothing

    def _feed(self, data: bytes) -> tuple[bool, bytes]:
        inlet, reader = self.inlet, self._reader
        if inlet.deaf or reader is None:
            return _TAKEN
        inlet.unpaid += len(data)
        messages = inlet.messages
        fed: tuple[bool, bytes] = reader.feed_data(data)
        self._lane.spend(len(data), inlet.messages - messages)
        if inlet.unpaid > self._most:
            self._charge_for_parts()
        return fed

    def _charge_for_parts(self) -> None:
        """More has come than one message holds, so these are the heads of its parts."""
        extra = self.inlet.unpaid - self._most
        self.inlet.unpaid = self._most
        self._charge(extra, extra // HEAD)

    def turn(self) -> None:
        """Go on with what waits."""
        if not self._take_turn():
            self._protocol.close()

    def _take_turn(self) -> bool:
        """Feed the reader as much as one turn may take. False when it cannot read it."""
        while self._rest and not self._reading_paused and self._lane.free:
            if not self._feed_slice():
                self._drop()
                return False
        if self._rest and not self._reading_paused:
            self._protocol.pause_reading()
            self._lane.wait(self)
        return True

    def _feed_slice(self) -> bool:
        part, messages = self._rest[self._at : self._at + self._slice], self.inlet.messages
        self._at += self._slice
        broken, _ = self._feed(part)
        self._slice = SMALL_SLICE if self.inlet.messages - messages > TURN_MESSAGES else SLICE
        if self._at >= len(self._rest):
            self._drop()
        return not broken

    def _drop(self) -> None:
        """Nothing waits any more: read on, if the queue does not mind."""
        self._rest = b""
        self._at = 0
        if self._ended:
            self.inlet.feed_eof()
        elif self._protocol._reading_paused and not self._reading_paused:
            self._protocol.resume_reading()


class WebSocket(WebSocketResponse):
    """A server's WebSocket without compression. ``take`` is asked about a text message while ``receive`` waits.

    ``charge`` is told of everything that was not taken so.
    """

    def __init__(
        self, take: TakeText | None = None, charge: Charge | None = None, lane: Lane | None = None, **options: Any
    ) -> None:
        super().__init__(compress=False, **options)
        self._lane = lane
        self.take = take
        self._charge = charge or _nothing
        self._receiving = False
        self._sluice: Sluice | None = None

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

    def stop_hearing(self) -> None:
        """Drop what has come in and was not acted on, and what still comes. The connection stays open."""
        self.take = None
        if self._sluice is not None:
            self._sluice.stop()

    def let_go(self) -> None:
        """The end: drop what refers back to here, so that all of it goes now, and not with the next collection."""
        self.take = self._exception = None
        self._charge = _nothing
        if self._sluice is not None:
            self._sluice.let_go()
            self._sluice = None

    def _post_start(self, request: Any, protocol: Any, writer: Any) -> None:
        """As the library's, but with our queue, and a sluice before it."""
        self._ws_protocol = protocol
        self._writer = writer
        self._sluice = Sluice(request.protocol, self._max_msg_size, self._take_text, self._charge, self._lane)
        self._reader = self._sluice.inlet
        request.protocol.set_parser(self._sluice)
        request.protocol.keep_alive(False)

    def _take_text(self, text: str) -> bool:
        take = self.take if self._receiving and not self._closing and not self._closed else None
        return take is not None and take(text)


def can_upgrade(request: BaseRequest) -> bool:
    """Whether a request is a WebSocket handshake, in all of its headers."""
    protocols = first_protocol(request)
    if hdrs.SEC_WEBSOCKET_PROTOCOL in request.headers and not protocols:
        return False
    return bool(WebSocketResponse(protocols=protocols).can_prepare(request))


def first_protocol(request: BaseRequest) -> tuple[str, ...]:
    """The first subprotocol that a client names; it hangs up when it asked for some and gets none."""
    asked = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "").partition(",")[0].strip()
    return (asked,) if _PROTOCOL.fullmatch(asked) else ()


def _no(_text: str) -> bool:
    return False


def _nothing(_size: int, _frames: int) -> None:
    pass


def _head(size: int) -> bytes:
    """The header of an unmasked text message."""
    if size < 126:
        return bytes((0x81, size))
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big")
    return b"\x81\x7f" + size.to_bytes(8, "big")
