"""What goes out to a client, and how its connection ends.

* What waits for a client is bounded: the code that serves it is told that it is slow.
* Pings are timers, not tasks, and a lost one is noticed when its time is up.
* A closed socket is really closed, its WebSocket too. One that never gets as far as ``greet`` and then ``stay`` is
  closed after a time.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import WSCloseCode
from engineio import packet
from engineio.async_socket import AsyncSocket

from gateway.backlog import LOW_WATER, Backlog
from gateway.transport.aiohttp.lane import Lane
from gateway.transport.engineio.endings import ENDED, ProtocolError
from gateway.transport.engineio.moments import on_the_grid
from gateway.transport.engineio.polls import Polls
from gateway.transport.engineio.websocket import Transport
from gateway.transport.newcomers import Newcomers

PARTING = 1.0  # seconds for a client to hang up by itself
GREETING = 10.0  # seconds until a socket must have shown an app token

# Bytes waiting for one client, beyond which it is disconnected. More than can be on the way to a gateway when a client
# turns out to be slow.
ABANDONED = 24 * 1024 * 1024


class Host(Protocol):
    """The Engine.IO server, as far as its sockets know it."""

    newcomers: Newcomers
    max_unsent: int
    max_http_buffer_size: int
    welcome_timeout: float

    def lane_of(self, address: str) -> Lane:
        """What the sockets of an address take turns in."""

    def backlog_of(self, address: str) -> Backlog:
        """What waits for the clients of an address."""

    def abandon(self, client: Any) -> None:
        """Far too much waits for a client."""


class Outlet(AsyncSocket):
    """The side of a Socket on which frames are sent, pings among them, and on which it ends.

    ``on_slow`` is for when more than ``max_unsent`` bytes wait for the client; ``slow`` is then True until it is reset.
    """

    closed: bool
    closing: bool
    connected: bool
    upgraded: bool
    upgrading: bool

    def __init__(self, server: Host, sid: str, address: str) -> None:
        super().__init__(server, sid)
        self.address = address
        self.lane = server.lane_of(address)
        self.ws: Transport | None = None
        self.on_slow: Callable[[], None] | None = None
        self.slow = False
        self.close_code = int(WSCloseCode.OK)
        self._backlog = server.backlog_of(address)
        self._noted = 0  # of what is unsent
        self._queued = 0
        self._polls: Polls | None = None
        self._pinged = False
        self._timer: asyncio.TimerHandle | None = None
        self._greeted = 0.0  # when the client showed an app token, in the loop's seconds
        self._deadline = self._in_time(min(GREETING, server.welcome_timeout))
        self._closing: asyncio.Task[None] | None = None

    def send_frame(self, frame: bytes) -> None:
        """Send an encoded packet: at once over a WebSocket, otherwise with the next poll."""
        if self.closed:
            return
        if self.ws is None:
            self._enqueue(frame)
            return
        try:
            unsent = self.ws.write(frame)
        except ConnectionError:
            self.disconnect(self.server.reason.TRANSPORT_CLOSE)
            return
        if unsent or self._noted:  # which is rare
            self._bound(unsent)

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client to read."""
        return self._queued if self.ws is None else self.ws.unsent

    def take_waiting(self) -> list[packet.Packet]:
        """What waits for a polling client now. Raises ProtocolError when nothing more will come."""
        packets = []
        while not self.queue.empty():
            waiting = self.queue.get_nowait()
            if waiting is None:  # stays, for all who ask later
                self.queue.put_nowait(None)
                break
            packets.append(waiting)
        self._queued = 0
        self._note(0)
        if not packets:
            raise ProtocolError(ENDED)
        return packets

    def schedule_ping(self, part: float = 1.0) -> None:
        """Ping after an interval, or a part of it."""
        self._pinged = False
        self._set_timer(self.server.ping_interval * part, self._ping)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the connection on all levels. ``abort`` skips telling the client so."""
        if self.closed or self.closing:
            return
        self.closing = True
        self._deadline.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self.server.take_end(self, reason or self.server.reason.SERVER_DISCONNECT)
        if not abort and self.ws is None:
            self._enqueue(packet.Packet(packet.CLOSE).encode().encode())
        self.closed = True
        self.on_slow = None
        self._note(0)
        if self._polls is not None:
            self._polls.let_go()
        self.queue.put_nowait(None)
        self.server.sockets.pop(self.sid, None)
        self.server.newcomers.left(self.address, self.sid)
        if self.ws is not None:
            self._closing = asyncio.ensure_future(self.ws.shut(self.close_code))

    def greet(self) -> None:
        """The client has shown an app token: it has more time to prove who it is, which the timer finds out."""
        self._greeted = asyncio.get_running_loop().time()

    def stay(self) -> None:
        """The client has proved who it is, and has no deadline any longer."""
        self._deadline.cancel()
        self.server.newcomers.proved(self.address, self.sid)

    def hang_up(self) -> None:
        """End the connection from our side."""
        if not self.closed and self._closing is None:
            self._closing = asyncio.ensure_future(self.close(reason=self.server.reason.SERVER_DISCONNECT))

    def leave(self) -> None:
        """End the connection soon, if the client does not do so first."""
        if not self.closing:
            asyncio.get_running_loop().call_later(PARTING, self.hang_up)

    def disconnect(self, reason: str) -> None:
        """End the connection of a client that does not keep up, or is gone: nothing more is written."""
        if self._closing is None and not self.closed:
            self._closing = asyncio.ensure_future(self._disconnect_now(reason))

    async def _disconnect_now(self, reason: str) -> None:
        if self.ws is not None:
            self.ws.abort()
        await self.close(abort=True, reason=reason)

    def _flush_to(self, ws: Transport) -> None:
        self.ws = ws
        while not self.queue.empty():
            waiting = self.queue.get_nowait()
            if waiting is not None and waiting.packet_type != packet.NOOP:
                self.send_frame(waiting.encode().encode())
        self._queued = 0

    def _enqueue(self, frame: bytes) -> None:
        self._queued += len(frame)
        waiting = packet.Packet(int(frame[:1]))
        waiting.encode_cache = frame.decode()
        self.queue.put_nowait(waiting)
        self._bound(self._queued)

    def _note(self, unsent: int) -> None:
        if unsent != self._noted:
            self._noted = unsent
            self._backlog.note(self, unsent)

    def _bound(self, unsent: int) -> None:
        """Say that a client is slow; give up on one of whom nobody wants to know, or that is sent more all the same."""
        self._note(unsent)
        if not self._is_too_much(unsent):
            return
        if self.on_slow is None or unsent > ABANDONED:
            self.server.abandon(self)
        elif not self.slow:
            self.slow = True
            self.on_slow()

    def _is_too_much(self, unsent: int) -> bool:
        most = self.server.max_unsent
        return unsent > most or (unsent > most * LOW_WATER and self._backlog.full)

    def _on_pong(self) -> None:
        """An answer to the last ping; one that nobody asked for means nothing."""
        if self._pinged:
            self.schedule_ping()

    def _ping(self) -> None:
        self._pinged = True
        self.send_frame(b"2")
        self._set_timer(self.server.ping_timeout, self._no_pong)

    def _no_pong(self) -> None:
        self.disconnect(self.server.reason.PING_TIMEOUT)

    def _in_time(self, seconds: float) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self._outstayed)

    def _outstayed(self) -> None:
        left = self._greeted and self._greeted + self.server.welcome_timeout - asyncio.get_running_loop().time()
        if left > 0:
            self._greeted = 0.0
            self._deadline = self._in_time(left)
            return
        self.disconnect(self.server.reason.SERVER_DISCONNECT)

    def _set_timer(self, seconds: float, action: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.closed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(on_the_grid(loop.time() + seconds), action)
