"""The sluice: passes what a client sends to its reader in slices, a limited amount in each turn of the loop.

The library takes all that the kernel hands over. Nothing more is parsed of a client that is no longer heard.
"""

import asyncio
from typing import Any

from aiohttp._websocket.reader import WebSocketReader

from gateway.transport.aiohttp.inlet import HEAD, Charge, Inlet, TakeText, nothing
from gateway.transport.aiohttp.lane import TURN_MESSAGES, Lane

READ_AHEAD = 65536  # bytes that wait in the queue before the client is held up
SLICE = 4096  # bytes that are parsed at once
SMALL_SLICE = 512  # the same of a client whose frames are many and small

_TAKEN = (False, b"")  # what the library's reader says of data that it could read
_BROKEN = (True, b"")  # and of data that it could not


class Sluice:
    """Between a client's connection and the reader of its frames: lets a bounded amount through per turn of the loop.

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
        """The connection has ended. What came in before that is still read."""
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
        """The end: break the circles of references."""
        self.stop()
        self._reader = None
        self._charge = nothing
        self.inlet._protocol = self._protocol

    def _feed(self, data: bytes) -> tuple[bool, bytes]:
        inlet, reader = self.inlet, self._reader
        if inlet.deaf or reader is None:
            return _TAKEN
        size, messages = len(data), inlet.messages
        inlet.unpaid += size
        fed: tuple[bool, bytes] = reader.feed_data(data)
        self._lane.spend(size, inlet.messages - messages)
        if inlet.unpaid > self._most:
            self._charge_for_parts()
        return fed

    def _charge_for_parts(self) -> None:
        """More has come than one message holds, so these are the heads of its parts."""
        extra = self.inlet.unpaid - self._most
        self.inlet.unpaid = self._most
        self._charge(extra, extra // HEAD)

    def turn(self) -> None:
        """Continue with what waits."""
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
