"""The Engine.IO server.

* A newcomer is refused before there is anything of it, and so is a WebSocket that its proxy has not passed on as one.
* The answer to a POST says whether it was taken; the library answers 200 to all of them.
"""

import math
import random
import time
import weakref
from collections.abc import Callable
from typing import Any

import engineio
import msgspec
from aiohttp import hdrs, web
from engineio import packet

from gateway.backlog import Backlog
from gateway.metrics import HANDSHAKES, SLOW_CLIENTS
from gateway.transport.aiohttp.lane import Lane, Turns
from gateway.transport.aiohttp.websocket import can_upgrade
from gateway.transport.engineio.endings import SLOW
from gateway.transport.engineio.socket import REFUSED, Socket, on_websocket
from gateway.transport.engineio.websocket import Transport
from gateway.transport.newcomers import Newcomers
from gateway.transport.origins import ANY
from gateway.transport.pace import Entrance
from gateway.transport.packet_queue import PacketQueue

MAX_QUERY = 4096  # characters
NO_JSONP = "JSONP is not served: use polling by XMLHttpRequest or fetch, or a WebSocket"
NO_WEBSOCKET = "This is no WebSocket handshake: does a proxy leave out `Connection: upgrade`?"


class Engine(engineio.AsyncServer):
    """The Engine.IO server, with our sockets in it.

    ``take_event`` acts on a Socket.IO event and ``take_packet`` on whatever comes, or each raises ProtocolError before
    it has changed anything; ``take_end`` is told of the end of a socket, and why. ``cookie`` names one that load
    balancers learn the session from. ``max_unsent`` is in bytes for each client, ``max_unsent_per_address`` for all of
    one address; ``welcome_timeout`` the seconds until a client must have called ``stay``. ``newcomers`` says who may
    come, ``entrance`` when.
    """

    _async: dict[str, Any]
    take_event: Callable[[Socket, str], None]
    take_packet: Callable[[Socket, str], None]
    take_end: Callable[[Socket, str], None]

    def __init__(
        self,
        max_unsent: int,
        max_unsent_per_address: int,
        welcome_timeout: float,
        newcomers: Newcomers,
        entrance: Entrance,
        **options: Any,
    ) -> None:
        super().__init__(monitor_clients=False, **options)
        self.newcomers = newcomers
        self._entrance = entrance
        self.max_unsent = max_unsent
        self._max_unsent_per_address = max_unsent_per_address
        self._backlogs: weakref.WeakValueDictionary[str, Backlog] = weakref.WeakValueDictionary()
        self._nobodys = Backlog(math.inf)
        self.welcome_timeout = welcome_timeout
        self.accepting = True
        self._turns: Turns | None = None
        self._lanes: weakref.WeakValueDictionary[str, Lane] = weakref.WeakValueDictionary()
        self._async = {**self._async, "websocket": Transport}

    def create_queue(self, *_: Any, **__: Any) -> PacketQueue:
        """As the library's, but small."""
        return PacketQueue()

    def lane_of(self, address: str) -> Lane:
        """What the sockets of an address take turns in. A socket that is not counted by one has its own."""
        self._turns = self._turns or Turns()
        lane = self._lanes.get(address) if address else None
        if lane is None:
            lane = Lane(self._turns)
            if address:
                self._lanes[address] = lane
        return lane

    def backlog_of(self, address: str) -> Backlog:
        """What waits for the clients of an address. Nobody's is never full."""
        if not address:
            return self._nobodys
        backlog = self._backlogs.get(address)
        if backlog is None:
            backlog = self._backlogs[address] = Backlog(self._max_unsent_per_address)
        return backlog

    def _turn_out(self, sid: str) -> None:
        """A socket that has not authenticated has to make room."""
        if (socket := self.sockets.get(sid)) is not None:
            socket.ignore()
            socket.disconnect(self.reason.SERVER_DISCONNECT)

    def abandon(self, client: Socket) -> None:
        """Far too much waits for a client: disconnect it."""
        SLOW_CLIENTS.inc()
        client.disconnect(SLOW)

    async def handle_request(self, request: web.Request) -> web.StreamResponse:
        """As the library's, which looks through a query however long it is, and takes long to open a WebSocket."""
        if len(request.query_string) > MAX_QUERY:
            return web.Response(status=414)
        if "j" in request.query:
            return web.json_response(NO_JSONP, status=400)
        if request.method == "GET" and on_websocket(request):
            if self._is_new(request):
                return await self._open_websocket(request)
            if not can_upgrade(request):
                return web.json_response(NO_WEBSOCKET, status=400)
        response: web.StreamResponse = await super().handle_request(request)
        return response

    def _is_new(self, request: web.Request) -> bool:
        """Whether the client is one for whom nothing else is left to look at than its handshake."""
        asked, origin = request.query, request.headers.get(hdrs.ORIGIN)
        return (
            "sid" not in asked
            and asked.get("EIO") == "4"
            and (origin is None or self.cors_allowed_origins == ANY or origin in self.cors_allowed_origins)
        )

    async def _open_websocket(self, request: web.Request) -> web.StreamResponse:
        address = self.newcomers.address_of(request)
        if (refusal := await self._refusal(request, address)) is not None:
            return refusal
        socket = self._let_in(address)
        opening = self._opening(socket, "websocket")
        try:
            return await socket.open_websocket(request, opening)
        except web.HTTPBadRequest:
            return web.json_response(NO_WEBSOCKET, status=400)
        except ConnectionError:
            return web.Response(status=400)

    async def _make_response(self, answer: dict[str, Any], environ: dict[str, Any]) -> Any:
        """As the library's, which answers a POST with 200 whatever came of it."""
        refused = environ.get(REFUSED)
        return await super()._make_response(self._bad_request(refused) if refused else answer, environ)

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        """As the library's, but with our Socket, which it has no other way to put in; by polling only."""
        request = environ["aiohttp.request"]
        address = self.newcomers.address_of(request)
        if (refusal := await self._refusal(request, address)) is not None:
            return refusal
        socket = self._let_in(address)
        socket.send_frame(self._opening(socket, transport))
        socket.connected = True
        cookie = self._generate_sid_cookie(socket.sid, {"name": self.cookie, "path": "/", "SameSite": "Lax"})
        return self._ok(socket.take_waiting(), headers=[("Set-Cookie", cookie)], jsonp_index=jsonp_index)

    async def _refusal(self, request: web.Request, address: str) -> web.Response | None:
        """Why a newcomer is not let in, if that is so; otherwise wait until it is its turn."""
        if self.accepting and (wait := self.newcomers.wait(address, time.monotonic())) > 0:
            return _later(429, "Too many", wait)
        if self.accepting and (wait := await self._entrance.wait(request)) > 0:
            HANDSHAKES.labels("busy").inc()
            return _later(503, "Busy", wait)
        return None if self.accepting else web.Response(status=503, text="Stopping")

    def _let_in(self, address: str) -> Socket:
        sid = self.generate_id()
        socket = self.sockets[sid] = Socket(self, sid, address)
        if (stale := self.newcomers.came(address, sid)) is not None:
            self._turn_out(stale)
        socket.schedule_ping(random.random())  # noqa: S311 - clients that arrive together should not be pinged together for ever
        return socket

    def _opening(self, socket: Socket, transport: str) -> bytes:
        opening = {
            "sid": socket.sid,
            "upgrades": self._upgrades(socket.sid, transport),
            "pingTimeout": int(self.ping_timeout * 1000),
            "pingInterval": int(self.ping_interval * 1000),
            "maxPayload": self.max_http_buffer_size,
        }
        return b"%d%s" % (packet.OPEN, msgspec.json.encode(opening))


def _later(status: int, why: str, seconds: float) -> web.Response:
    return web.Response(status=status, headers={hdrs.RETRY_AFTER: str(math.ceil(seconds))}, text=why)
