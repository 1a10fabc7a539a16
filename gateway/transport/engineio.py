"""Everything of python-engineio that we replace, and why. Pinned to engineio 4.15.1; tests/gateway covers each.

* An event is acted on as it comes in, and what is rare by one plain loop (the library starts a task for each frame);
  frames are written straight to the WebSocket (the library wakes a writer task): half the cost of a relay.
* No permessage-deflate: it takes 100 KiB a connection.
* What waits for a client is bounded: whoever serves it is told that it is slow.
* Broken packets close the connection, without a traceback.
* Pings are timers, not tasks, and a lost one is noticed when its time is up.
* A closed socket is really closed, its WebSocket too; one that never gets as far as ``greet`` and then ``stay`` is
  closed after a time.
* Every frame is charged to the budget of its sender; one that goes on beyond it is cut off, with the rest unread.
* A newcomer is refused before there is anything of it, and so is a WebSocket that its proxy has not passed on as one.
* A POST has a size and a time, however it is sent; a session has one at a time.
* A poll whose connection has gone takes nothing with it. What is said to a closed session is refused, with a reason.
"""

import asyncio
import math
import random
import time
import weakref
from collections.abc import Callable
from typing import Any

import engineio
import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_protocol import RequestPayloadError
from engineio import packet
from engineio.async_drivers import aiohttp as driver
from engineio.async_socket import AsyncSocket
from engineio.exceptions import EngineIOError

from gateway.metrics import FLOODS, SLOW_CLIENTS
from gateway.rate import Allowance, Stranger
from gateway.transport.aiohttp import Lane, TakeText, Turns, WebSocket, can_upgrade, first_protocol
from gateway.transport.newcomers import Newcomers
from gateway.transport.packet_queue import PacketQueue

PARTING = 1.0  # seconds for a client to hang up by itself
SHUTTING = 2.0  # seconds for a client to answer that its WebSocket closes
GRID = 0.1  # seconds; timers of many clients end together, so that one wake-up serves them all
PHASE = random.uniform(0, GRID)  # noqa: S311 - so that the gateways of one machine do not all wake up together
PROBE_TIMEOUT = 10.0  # seconds for a polling client to finish its upgrade
MAX_POLLED_PACKETS = 1024  # in one POST; the library drops more than 16 silently
MAX_POST = 1024 * 1024  # bytes of all packets in one; clients before 4.5 send all that waits at once
MAX_POLLS = 4  # of one session that wait at once: some may be of a connection that broke
BODY_SECONDS = 10.0  # for the body of a POST to come
AT_ONCE = 32  # packets of one client that are acted on in one turn of the loop
MAX_QUERY = 4096  # characters
GREETING = 10.0  # seconds until a socket must have shown an app token
SEPARATOR = "\x1e"
REFUSED = "parley.refused"  # where a request's environment says why it is answered 400

# Bytes that wait for one client, beyond which it is cut off: more than can be on the way to a gateway when it turns out
# that the client is slow.
ABANDONED = 24 * 1024 * 1024


# reasons of ours for a disconnect, beside the library's
SLOW = "does not read"
FLOOD = "too many requests"

ENDED = "Session has ended"  # why a request of it is refused

OnEvent = Callable[[str, msgspec.Raw | None, int | None], None]


class ProtocolError(EngineIOError):
    """A client does not speak Engine.IO or Socket.IO as it should: its connection is closed."""


class Transport(driver.WebSocket):
    """A WebSocket without compression, of ``socket``."""

    def __init__(self, socket: "Socket") -> None:
        super().__init__(socket._websocket_handler, socket.server)
        self.transport: Any = None
        self._socket = socket

    async def __call__(self, environ: dict[str, Any]) -> WebSocket:
        request = environ["aiohttp.request"]
        most = self.server.max_http_buffer_size + 1  # the library refuses what is exactly as large as its limit
        self._sock = WebSocket(
            charge=self._on_frames,
            lane=self._socket.lane,
            max_msg_size=most,
            timeout=SHUTTING,
            protocols=first_protocol(request),
        )
        await self._sock.prepare(request)
        self.transport = request.transport
        try:
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

    def write(self, frame: bytes) -> int:
        """Send a text message now; returns ``unsent``. Raises ConnectionError when the socket is closing."""
        return self._sock.write_text(frame)

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


class Socket(AsyncSocket):
    """One client's connection, over whichever transport it is on.

    ``on_event`` is for name, first argument (encoded) and acknowledgement id of each Socket.IO event, until the end.
    ``on_slow`` is for when more than ``max_unsent`` bytes wait for the client; ``slow`` is then True until it is reset.
    """

    closed: bool
    closing: bool
    connected: bool
    upgraded: bool
    upgrading: bool

    def __init__(self, server: "Engine", sid: str, address: str) -> None:
        super().__init__(server, sid)
        self.address = address
        self.lane = server.lane_of(address)
        self.ws: Transport | None = None
        self.on_event: OnEvent | None = None
        self.on_slow: Callable[[], None] | None = None
        self.slow = False
        self.budget: Allowance = Stranger(server.max_http_buffer_size)
        self.deaf = False
        self.close_code = int(WSCloseCode.OK)
        self._queued = 0
        self._polls = 0
        self._answered: Any = None
        self._posting = False
        self._pinged = False
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = self._in_time(min(GREETING, server.welcome_timeout))
        self._closing: asyncio.Task[None] | None = None

    def send_frame(self, frame: bytes) -> None:
        """Send an encoded packet: at once over a WebSocket, otherwise with the next poll."""
        if self.closed:
            return
        if self.ws is None:
            self._enqueue(frame)
        else:
            self._write(self.ws, frame)

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client to read."""
        return self._queued if self.ws is None else self.ws.unsent

    async def send(self, pkt: packet.Packet) -> None:
        """Send one of the library's own packets, in order with all others."""
        if not self.closed:
            self.send_frame(pkt.encode().encode())

    async def poll(self, caller: Any) -> list[packet.Packet]:
        """What waits for a polling client, as soon as there is something. ``caller`` is the connection it asks on.

        Raises ConnectionError when that has gone, with all still waiting; ProtocolError when nothing will come any more
        or too many polls wait already.
        """
        if self._polls >= MAX_POLLS:
            raise ProtocolError("Too many polls")
        self._look_after_last_answer(caller)
        self._polls += 1
        caller.on_lost = self.queue.wake
        try:
            while self.queue.empty() and _is_open(caller):
                await self.queue.wait()
        finally:
            self._polls -= 1
            caller.on_lost = None
        if not _is_open(caller):
            raise ConnectionError
        self._answer_on(caller)
        return self.take_waiting()

    def take_waiting(self) -> list[packet.Packet]:
        """What waits for a polling client now. Raises ProtocolError when nothing will come any more."""
        packets = []
        while not self.queue.empty():
            waiting = self.queue.get_nowait()
            if waiting is None:  # stays, for all who ask later
                self.queue.put_nowait(None)
                break
            packets.append(waiting)
        self._queued = 0
        if not packets:
            raise ProtocolError(ENDED)
        return packets

    def _answer_on(self, caller: Any) -> None:
        """The next poll's answer goes out there. If it turns out that it cannot have arrived, the session ends."""
        caller.transport.set_write_buffer_limits(0)  # so that it counts as unsent until the kernel has all of it
        caller.on_lost = self._on_answered_lost
        self._answered = caller

    def _look_after_last_answer(self, caller: Any) -> None:
        """A client that asks again has had its last answer, or will never get it."""
        answered, self._answered = self._answered, None
        if answered is not None and answered.on_lost == self._on_answered_lost:
            answered.on_lost = None
            if answered is not caller and answered.writing_paused:
                raise ProtocolError("The last answer was not read")

    def _on_answered_lost(self) -> None:
        answered, self._answered = self._answered, None
        if answered is not None and answered.writing_paused:
            self.cut_off(self.server.reason.TRANSPORT_ERROR)

    def charge(self, size: int, frames: int = 1) -> bool:
        """So much has come from the client: is it within its budget, and anything it says of interest?

        One who goes on and on beyond it is cut off.
        """
        if self.budget.take(size, time.monotonic(), frames):
            return not self.deaf
        if self.budget.exhausted and self._closing is None:
            FLOODS.inc()
            self.ignore()
            if self.ws is not None:
                self.ws.stop_hearing()
            self.cut_off(FLOOD)
        return False

    def ignore(self) -> None:
        """From now on nothing that the client says is acted on, but that it closes the connection."""
        self.deaf = True

    async def receive_text(self, text: str) -> None:
        """A packet from the client, which has been charged unless it is an event. Raises ProtocolError."""
        kind = text[:1]
        if kind == "4":
            await self.server.handlers["message"](self.sid, text[1:])
        elif kind == "3":
            self._on_pong()
        elif kind == "1":
            await self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        elif kind not in ("5", "6"):  # which mean nothing outside an upgrade, and harm nobody
            raise ProtocolError("unexpected packet")

    async def handle_get_request(self, environ: dict[str, Any]) -> Any:
        """A client polls, or opens a WebSocket. One that has hung up by then is no error of ours.

        The library takes a WebSocket that came without ``Connection: upgrade`` for a poll, and what waits is lost.
        """
        self.charge(0)
        request = environ["aiohttp.request"]
        try:
            if _on_websocket(request):
                return await self._upgrade_websocket(environ)
            if self.upgrading or self.upgraded:
                return [packet.Packet(packet.NOOP)]
            return await self.poll(request.protocol)
        except ConnectionError:
            if not self.connected:
                await self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
            return self.server._bad_request()
        except ProtocolError as error:
            await self.close()
            return self.server._bad_request(str(error))

    def take_text(self, text: str) -> bool:
        """Act on a packet at once, if that is possible: what breaks the protocol or takes time goes the long way."""
        try:
            if text.startswith("42"):
                self.server.take_event(self, text[1:])
                return True
            if text == "3":
                if not self._pinged:
                    self.charge(1)
                self._on_pong()
                return True
        except ProtocolError:
            pass
        return False

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """A polling client says something.

        The library logs a traceback for what it cannot read, and fails when the session has ended by then.
        """
        try:
            await self._take_post(environ["wsgi.input"], int(environ.get("CONTENT_LENGTH", "0")))
        except ProtocolError as error:
            environ[REFUSED] = str(error)
            await self.close()

    async def _take_post(self, stream: Any, announced: int) -> None:
        if self._posting:
            raise ProtocolError("A payload before the last one has come")
        most = self.budget.bytes if isinstance(self.budget, Stranger) else MAX_POST
        if announced > most:
            raise ProtocolError("Payload is too large")
        self._posting = True
        try:
            texts = _packets(await _body(stream, most))
            if self.closed:
                raise ProtocolError(ENDED)
            await self._receive_texts(texts)
        finally:
            self._posting = False

    async def _receive_texts(self, texts: list[str]) -> None:
        if not texts:
            self.charge(0)
        for number, text in enumerate(texts, 1):
            if self.closed or self.deaf:
                return
            size = size_of(text)
            if size > self.server.max_http_buffer_size:
                raise ProtocolError("Packet is too large")
            if not text.startswith("42") and not (text == "3" and self._pinged):
                self.charge(size)
            await self.receive_text(text)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    def schedule_ping(self, part: float = 1.0) -> None:
        """Ping after an interval, or a part of it."""
        self._pinged = False
        self._set_timer(self.server.ping_interval * part, self._ping)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the connection on all levels. ``abort`` skips telling the client so."""
        if self.closed or self.closing:
            return
        self.closing = True
        self.on_event = None
        self._deadline.cancel()
        if self._timer is not None:
            self._timer.cancel()
        await self.server._trigger_event("disconnect", self.sid, reason or self.server.reason.SERVER_DISCONNECT)
        if not abort and self.ws is None:
            self._enqueue(packet.Packet(packet.CLOSE).encode().encode())
        self.closed = True
        self._answered = None
        self.queue.put_nowait(None)
        self.server.sockets.pop(self.sid, None)
        self.server.newcomers.left(self.address, self.sid)
        if self.ws is not None:
            self._closing = asyncio.ensure_future(self.ws.shut(self.close_code))

    def greet(self) -> None:
        """The client has shown an app token: it has more time to prove who it is."""
        self._deadline.cancel()
        self._deadline = self._in_time(self.server.welcome_timeout)

    def stay(self) -> None:
        """The client has proved who it is: no deadline any more."""
        self._deadline.cancel()
        self.server.newcomers.proved(self.address, self.sid)

    def hang_up(self) -> None:
        """End the connection from our side."""
        if not self.closed and self._closing is None:
            self._closing = asyncio.ensure_future(self.close(reason=self.server.reason.SERVER_DISCONNECT))

    def leave(self) -> None:
        """End the connection soon, if the client does not do so first."""
        asyncio.get_running_loop().call_later(PARTING, self.hang_up)

    def cut_off(self, reason: str) -> None:
        """End the connection of a client that does not keep up, or is gone: nothing more is written."""
        if self._closing is None and not self.closed:
            self._closing = asyncio.ensure_future(self._cut_off(reason))

    async def _cut_off(self, reason: str) -> None:
        if self.ws is not None:
            self.ws.abort()
        await self.close(abort=True, reason=reason)

    async def _websocket_handler(self, ws: Transport) -> None:
        """The life of a WebSocket, from upgrade to close. A client whose upgrade fails goes on polling."""
        if self.connected and not await self._upgrade(ws):
            return
        try:
            self.connected = self.upgraded = True
            self._flush_to(ws)
            ws.lead(self.take_text)
            await self._listen(ws)
        except ProtocolError:
            self.close_code = int(WSCloseCode.POLICY_VIOLATION)
        finally:
            if self._closing is None:
                await self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        if self._closing is not None:
            await asyncio.shield(self._closing)
        self.ws = None

    async def _listen(self, ws: Transport) -> None:
        """Act on what goes the long way, and not on too much of it at once."""
        heard = 0
        while (text := await ws.read()) is not None:
            if self.deaf:
                continue
            await self.receive_text(text)
            heard += 1
            if heard % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _upgrade_websocket(self, environ: dict[str, Any]) -> Any:
        if self.upgraded:
            raise ProtocolError("a second WebSocket")
        return await Transport(self)(environ)

    async def _upgrade(self, ws: Transport) -> bool:
        """Engine.IO's probe: ``2probe``, ``3probe``, ``5``. False if it came to nothing."""
        if self.upgrading:
            return False
        self.upgrading = True
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                if await ws.read() != "2probe":
                    return False
                ws.write(b"3probe")
                self.queue.put_nowait(packet.Packet(packet.NOOP))  # ends the poll that is under way
                return await ws.read() == "5" and not self.closed
        except (TimeoutError, ConnectionError, ProtocolError):
            return False
        finally:
            self.upgrading = False

    def _flush_to(self, ws: Transport) -> None:
        self.ws = ws
        while not self.queue.empty():
            waiting = self.queue.get_nowait()
            if waiting is not None and waiting.packet_type != packet.NOOP:
                self._write(ws, waiting.encode().encode())
        self._queued = 0

    def _write(self, ws: Transport, frame: bytes) -> None:
        try:
            self._bound(ws.write(frame))
        except ConnectionError:
            self.cut_off(self.server.reason.TRANSPORT_CLOSE)

    def _enqueue(self, frame: bytes) -> None:
        self._queued += len(frame)
        waiting = packet.Packet(int(frame[:1]))
        waiting.encode_cache = frame.decode()
        self.queue.put_nowait(waiting)
        self._bound(self._queued)

    def _bound(self, unsent: int) -> None:
        """Say that a client is slow; give up on one of whom nobody wants to know, or that is sent more all the same."""
        if unsent <= self.server.max_unsent:
            return
        if self.on_slow is None or unsent > ABANDONED:
            self.server.abandon(self)
        elif not self.slow:
            self.slow = True
            self.on_slow()

    def _on_pong(self) -> None:
        """An answer to the last ping; one that nobody asked for means nothing."""
        if self._pinged:
            self.schedule_ping()

    def _ping(self) -> None:
        self._pinged = True
        self.send_frame(b"2")
        self._set_timer(self.server.ping_timeout, self._no_pong)

    def _no_pong(self) -> None:
        self.cut_off(self.server.reason.PING_TIMEOUT)

    def _in_time(self, seconds: float) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self._outstayed)

    def _outstayed(self) -> None:
        self.cut_off(self.server.reason.SERVER_DISCONNECT)

    def _set_timer(self, seconds: float, action: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.closed:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(on_the_grid(loop.time() + seconds), action)


def on_the_grid(moment: float) -> float:
    """The next moment from then on at which timers of this process end."""
    return math.ceil((moment - PHASE) / GRID) * GRID + PHASE


def size_of(text: str) -> int:
    """Its bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def _is_open(caller: Any) -> bool:
    return caller.transport is not None and not caller.transport.is_closing()


async def _body(stream: Any, most: int) -> bytes:
    """The body of a POST, whether its length was announced or it comes in chunks. Raises ProtocolError."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while part := await stream.readany():
                body += part
                if len(body) > most:
                    raise ProtocolError("Payload is too large")
    except (TimeoutError, ConnectionError, BadHttpMessage, RequestPayloadError):
        raise ProtocolError("A payload that does not come") from None
    return bytes(body)


def _packets(body: bytes) -> list[str]:
    """The packets in a POST. Raises ProtocolError."""
    try:
        text = body.decode()
    except UnicodeError:
        raise ProtocolError("Unreadable payload") from None
    if text.count(SEPARATOR) >= MAX_POLLED_PACKETS:
        raise ProtocolError("Too many packets")
    return [part for part in text.split(SEPARATOR) if part]


class Engine(engineio.AsyncServer):
    """The Engine.IO server, with our sockets in it.

    ``take_event`` acts on a Socket.IO event, or raises ProtocolError before it has changed anything.
    ``cookie`` names one that load balancers learn the session from. ``max_unsent`` is in bytes for each client;
    ``welcome_timeout`` the seconds until it must have called ``stay``. ``newcomers`` says who may come.
    """

    _async: dict[str, Any]
    take_event: Callable[[Socket, str], None]

    def __init__(self, max_unsent: int, welcome_timeout: float, newcomers: Newcomers, **options: Any) -> None:
        super().__init__(monitor_clients=False, **options)
        self.newcomers = newcomers
        self.max_unsent = max_unsent
        self.welcome_timeout = welcome_timeout
        self.accepting = True
        self._turns: Turns | None = None
        self._lanes: weakref.WeakValueDictionary[str, Lane] = weakref.WeakValueDictionary()
        self._async = {**self._async, "websocket": Transport}

    def create_queue(self, *_: Any, **__: Any) -> PacketQueue:
        """As the library's, but small."""
        return PacketQueue()

    def lane_of(self, address: str) -> Lane:
        """What the sockets of an address take turns in. Those that are not counted by one have each its own."""
        self._turns = self._turns or Turns()
        lane = self._lanes.get(address) if address else None
        if lane is None:
            lane = Lane(self._turns)
            if address:
                self._lanes[address] = lane
        return lane

    def _turn_out(self, sid: str) -> None:
        """A socket that has not authenticated has to make room."""
        if (socket := self.sockets.get(sid)) is not None:
            socket.ignore()
            socket.cut_off(self.reason.SERVER_DISCONNECT)

    def abandon(self, client: Socket) -> None:
        """Far too much waits for a client: cut it off."""
        SLOW_CLIENTS.inc()
        client.cut_off(SLOW)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """As the library's, which looks through a query however long it is."""
        if len(request.query_string) > MAX_QUERY:
            return web.Response(status=414)
        if why := _unserved(request):
            return web.json_response(why, status=400)
        response: web.StreamResponse = await super().handle_request(request)
        return response

    async def _make_response(self, answer: dict[str, Any], environ: dict[str, Any]) -> Any:
        """As the library's, which answers a POST with 200 whatever came of it."""
        refused = environ.get(REFUSED)
        return await super()._make_response(self._bad_request(refused) if refused else answer, environ)

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        """As the library's, but with our Socket, which it has no other way to put in; and nobody when we leave."""
        if not self.accepting:
            return {"status": "503 SERVICE UNAVAILABLE", "headers": [], "response": b"Stopping"}
        address = self.newcomers.address_of(environ["aiohttp.request"])
        if (wait := self.newcomers.wait(address, time.monotonic())) > 0:
            again = [("Retry-After", str(math.ceil(wait)))]
            return {"status": "429 TOO MANY REQUESTS", "headers": again, "response": b"Too many"}
        sid = self.generate_id()
        socket = self.sockets[sid] = Socket(self, sid, address)
        if (stale := self.newcomers.came(address, sid)) is not None:
            self._turn_out(stale)
        opening = {
            "sid": sid,
            "upgrades": self._upgrades(sid, transport),
            "pingTimeout": int(self.ping_timeout * 1000),
            "pingInterval": int(self.ping_interval * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        socket.send_frame(b"%d%s" % (packet.OPEN, msgspec.json.encode(opening)))
        await self._trigger_event("connect", sid, environ)
        socket.schedule_ping(random.random())  # noqa: S311 - those who come together are not to be pinged together for ever
        if transport == "websocket":
            return await socket.handle_get_request(environ)
        socket.connected = True
        cookie = self._generate_sid_cookie(sid, {"name": self.cookie, "path": "/", "SameSite": "Lax"})
        return self._ok(socket.take_waiting(), headers=[("Set-Cookie", cookie)], jsonp_index=jsonp_index)


def _on_websocket(request: web.Request) -> bool:
    return "websocket" in request.query.getall("transport", ())


def _unserved(request: web.Request) -> str:
    """Why a request is refused before anything is looked for or made, or nothing."""
    if "j" in request.query:
        return "JSONP is not served: use polling by XMLHttpRequest or fetch, or a WebSocket"
    if request.method == "GET" and _on_websocket(request) and not can_upgrade(request):
        return "This is no WebSocket handshake: does a proxy leave out `Connection: upgrade`?"
    return ""
