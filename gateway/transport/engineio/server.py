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
from aiohttp import web
from engineio import packet

from gateway.metrics import SLOW_CLIENTS
from gateway.transport.aiohttp.lane import Lane, Turns
from gateway.transport.aiohttp.websocket import can_upgrade
from gateway.transport.engineio.endings import SLOW
from gateway.transport.engineio.socket import REFUSED, Socket, on_websocket
from gateway.transport.engineio.websocket import Transport
from gateway.transport.newcomers import Newcomers
from gateway.transport.packet_queue import PacketQueue

MAX_QUERY = 4096  # characters


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
            socket.disconnect(self.reason.SERVER_DISCONNECT)

    def abandon(self, client: Socket) -> None:
        """Far too much waits for a client: disconnect it."""
        SLOW_CLIENTS.inc()
        client.disconnect(SLOW)

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
        socket.schedule_ping(random.random())  # noqa: S311 - clients that arrive together should not be pinged together for ever
        if transport == "websocket":
            return await socket.handle_get_request(environ)
        socket.connected = True
        cookie = self._generate_sid_cookie(sid, {"name": self.cookie, "path": "/", "SameSite": "Lax"})
        return self._ok(socket.take_waiting(), headers=[("Set-Cookie", cookie)], jsonp_index=jsonp_index)


def _unserved(request: web.Request) -> str:
    """Why a request is refused before anything is looked for or made, or nothing."""
    if "j" in request.query:
        return "JSONP is not served: use polling by XMLHttpRequest or fetch, or a WebSocket"
    if request.method == "GET" and on_websocket(request) and not can_upgrade(request):
        return "This is no WebSocket handshake: does a proxy leave out `Connection: upgrade`?"
    return ""
