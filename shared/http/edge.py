"""Where HTTP begins, the same on every process: what a caller may cost before there is a request of it.

aiohttp reads heads of any size in all, waits an hour for the end of one, takes connections without end, and reads on
for ten seconds where a body is not wanted. It begins a task for each connection before that has said anything, and
another one for each request, though a WebSocket is the last one. Pinned to aiohttp 3.14.5; tests/shared covers each.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from aiohttp import web
from aiohttp.http import StreamWriter
from aiohttp.web_protocol import RequestHandler

from shared.http.client_address import Network, is_local, plain_address
from shared.http.listening import BACKLOG, CannotListen, open_listeners
from shared.process.settings import SettingError

MAX_HEAD = 32 * 1024  # bytes of a request's line and headers together
MAX_LINE = 8190  # bytes of the request's line, as in aiohttp
MAX_FIELD = 16 * 1024  # bytes of one header: browsers send all cookies in one
HEAD_SECONDS = 10.0  # for a request to come, with all of its head, from when the connection has nothing else to do
UNUSED = 8192  # bytes of a body that wait until somebody wants them; half as much again may come with the last of them
UNSENT = 16384  # bytes of answers that wait to be sent, from which on no further request of that connection is served
LINGERING = 1.0  # seconds in which a body that nobody wants is read
_SETTINGS = {"host": "APP_HOST", "port": "APP_PORT"}
PROBES = 1000  # connections that a process takes which serves only probes and short requests

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Crowd:
    """Who is connected. ``most`` connections are taken in all, and ``each`` of one address.

    Those on this machine and the ``trusted`` proxies are not counted by address.
    """

    def __init__(self, most: int = PROBES, each: int | None = None, trusted: tuple[Network, ...] = ()) -> None:
        self._most = most
        self._each = each or most
        self._trusted = trusted
        self._counts: Counter[str] = Counter()
        self._total = 0

    def enter(self, peer: str) -> str | None:
        """Let a caller from that address in. Returns what to ``leave`` with, or None if there are too many."""
        address = plain_address(peer, self._trusted)
        if is_local(address):
            address = ""
        if self._total >= self._most or (address and self._counts[address] >= self._each):
            return None
        self._total += 1
        self._counts[address] += 1
        return address

    def leave(self, address: str) -> None:
        """A caller that was let in has gone."""
        self._total -= 1
        self._counts[address] -= 1
        if not self._counts[address]:
            del self._counts[address]


class Caller(RequestHandler):
    """One connection. A head that is too large in all is refused before all of it is read.

    ``on_lost`` is called when it ends.
    """

    __slots__ = ("_body", "_head", "entered", "on_lost")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.entered: str | None = None
        self.on_lost: Callable[[], None] | None = None
        self._body: Any = None  # of the newest request
        self._head = 0  # bytes of the next one that have come

    def connection_lost(self, exc: BaseException | None) -> None:
        """It has ended."""
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if (parser := self._payload_parser) is not None:  # of a WebSocket
            if not (self._force_close or self._close) and parser.feed_data(data)[0]:
                self.close()
        elif self._upgraded or not data:
            super().data_received(data)
        else:
            for start in range(0, len(data), MAX_HEAD):
                self._read(data[start : start + MAX_HEAD])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected. Both event loops have set TCP_NODELAY by now, so that need not be done again."""
        self.transport = cast(asyncio.Transport, transport)
        cast(Edge, self._manager).connection_made(self, self.transport)
        self._expect_request()
        self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)

    async def start(self) -> None:
        """Serve, unless the connection has been refused by then: the library takes it for granted that it is there."""
        if self._manager is not None and (not self._is_upgrade or await self._serve_upgrade()):
            await super().start()

    @property
    def _is_upgrade(self) -> bool:
        """Whether the only request that has come wants to be the last."""
        return self._upgraded and len(self._messages) == 1 and self._messages[0][1].is_eof()

    async def _serve_upgrade(self) -> bool:
        """Serve such a request in the present task. Returns whether the connection is there for others all the same."""
        (message, body), make = cast(Any, self._messages.popleft()), cast(Any, self._request_factory)
        handle = cast(Edge, self._manager).upgrades.get(message.path.partition("?")[0], self._request_handler)
        cast(Any, self._parser).message_consumed()
        request = make(message, body, self, StreamWriter(self, self._loop), self._task_handler)
        stays = False
        try:
            response, gone = await self._handle_request(request, None, cast(Any, handle))
            stays = bool(response.keep_alive) and not (gone or self._close or self._force_close)
        except ConnectionError:
            self.log_debug("Gone in the middle of an answer")
        finally:
            request._task = None  # or each would keep the other
            if not stays:
                self._hang_up()
        self._expect_request()
        return stays

    def _hang_up(self) -> None:
        self._task_handler = None
        if self.transport is not None:
            self.transport.close()

    def _expect_request(self) -> None:
        """The next one has to come in time."""
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout

    def _process_keepalive(self) -> None:
        if self._request_count:
            super()._process_keepalive()
        else:
            self._keepalive_handle = None
            self.force_close()

    def _read(self, data: bytes) -> None:
        requests = self._request_count
        super().data_received(data)
        if not requests and self._request_count:
            self._task_handler = self._loop.create_task(self.start())
        if self._request_count != requests:
            self._head = 0
            self._body = self._messages[-1][1] if self._messages else None
        elif self._body is None or self._body.is_eof():
            self._body = None
            self._head += len(data)
            if self._head > MAX_HEAD and not self._upgraded:
                self._refuse()

    def _refuse(self) -> None:
        if self.transport is not None and not self._request_in_progress:
            self.transport.write(_TOO_LARGE)
        self.force_close()


class Edge(web.Server):
    """Makes a Caller of each connection, if there is room for it in the ``crowd``. ``upgrades`` are as in Runner."""

    def __init__(self, server: web.Server, crowd: Crowd, upgrades: Mapping[str, Handler]) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(server.request_handler, request_factory=server.request_factory, loop=loop, **server._kwargs)
        self._crowd = crowd
        self.upgrades = upgrades

    def __call__(self) -> RequestHandler:
        return Caller(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Somebody connects."""
        super().connection_made(handler, transport)
        transport.set_write_buffer_limits(high=UNSENT)
        peer = transport.get_extra_info("peername")
        entered = self._crowd.enter(str(peer[0]) if peer else "")
        if entered is None:
            transport.abort()
        elif isinstance(handler, Caller):
            handler.entered = entered

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Somebody has gone."""
        super().connection_lost(handler, exc)
        if isinstance(handler, Caller) and handler.entered is not None:
            self._crowd.leave(handler.entered)
            handler.entered = None


class Runner(web.AppRunner):
    """Runs an application behind an Edge.

    ``upgrades`` has by path what is asked for a WebSocket directly: the application's router takes long to find one.
    """

    def __init__(
        self,
        app: web.Application,
        crowd: Crowd | None = None,
        upgrades: Mapping[str, Handler] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            app,
            access_log=None,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            keepalive_timeout=HEAD_SECONDS,
            lingering_time=LINGERING,
            read_bufsize=UNUSED,
            tcp_keepalive=False,  # each of our connections has a deadline or is pinged
            auto_decompress=False,
            **options,
        )
        self._crowd = crowd or Crowd()
        self._upgrades = upgrades or {}

    async def _make_server(self) -> web.Server:
        return Edge(await super()._make_server(), self._crowd, self._upgrades)


async def listen(runner: web.AppRunner, host: str, port: int) -> list[socket.socket]:
    """Serve on every address that ``host`` means. Raises SettingError."""
    try:
        listeners = open_listeners(host, port)
    except CannotListen as error:
        raise SettingError(_SETTINGS[error.part], str(error)) from None
    for listener in listeners:
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
    return listeners
