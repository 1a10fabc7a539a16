"""The kill switch of the demo: it ends a gateway, or the broker that speaks, as ``kill -9`` does.

The call goes on and nothing is lost: the page shows it. The launcher starts again whatever was killed. The switch
listens on this machine's loopback address alone, and only a page that auth_api serves from there may press it: a
browser says which page asks (``Origin``), and which name it looked up (``Host``).
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from aiohttp import web

from dev import readiness
from dev.processes import Processes
from dev.system import Service

PAUSE = 4.0  # seconds from one to the next: the launcher gives up when processes end all the time
SPEAKS = "parley_broker_speaking 1.0"  # a line of the metrics of the broker that does
_NAMES = ("localhost", "127.0.0.1", "[::1]")  # of this machine, for itself
_LARGEST = 1024  # bytes of a request

Kill = Callable[[str], Awaitable[bool]]


class KillSwitch:
    """Decides which process to kill, and does it. One at a time, with a pause."""

    def __init__(self, kill: Kill, services: Sequence[Service]) -> None:
        """``kill`` ends the process of that name, and tells whether there was one."""
        self._kill = kill
        self._gateways = {service.url: service.name for service in services if service.module == "gateway"}
        self._brokers = [service for service in services if service.module == "broker"]
        self._since = -PAUSE  # monotonic seconds of the last one
        self._turn = asyncio.Lock()

    async def gateway(self, url: str) -> str:
        """Kill the gateway at that address. Returns its name. Raises HTTPException."""
        if url not in self._gateways:
            raise web.HTTPNotFound(text="There is no such gateway")
        return await self._end(self._gateways[url])

    async def broker(self) -> str:
        """Kill the broker that speaks. Returns its name. Raises HTTPException."""
        return await self._end(await self._speaker())

    async def _end(self, name: str) -> str:
        async with self._turn:
            if time.monotonic() - self._since < PAUSE:
                raise web.HTTPTooManyRequests(text="Another process was killed just now")
            if not await self._kill(name):
                raise web.HTTPConflict(text=f"{name} is being started")
            self._since = time.monotonic()
        return name

    async def _speaker(self) -> str:
        for broker in self._brokers:
            with contextlib.suppress(OSError, TimeoutError):
                if SPEAKS in (await readiness.get(*broker.address, "/metrics")).splitlines():
                    return broker.name
        return self._brokers[0].name


def build(switch: KillSwitch, port: int, page: int) -> web.Application:
    """The switch's HTTP side at ``port``, for the page that auth_api serves at the port ``page``."""
    hosts = {f"{name}:{port}" for name in _NAMES}
    origins = {f"http://{name}" + (f":{page}" if page != 80 else "") for name in _NAMES}

    @web.middleware
    async def guard(request: web.Request, handler: Callable[..., Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        if request.headers.get("Host", "") not in hosts or origin not in origins:
            raise web.HTTPForbidden(text="Only the demo page of this machine may do this")
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.text)
        response.headers["Access-Control-Allow-Origin"] = origin
        return response

    async def preflight(_: web.Request) -> web.Response:
        allowed = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type"}
        return web.Response(status=204, headers=allowed)

    async def gateway(request: web.Request) -> web.Response:
        return web.json_response({"killed": await switch.gateway(await _text(request, "url"))})

    async def broker(request: web.Request) -> web.Response:
        await _text(request, "")
        return web.json_response({"killed": await switch.broker()})

    app = web.Application(middlewares=[guard], client_max_size=_LARGEST)
    for path, answer in (("/gateway", gateway), ("/broker", broker)):
        app.router.add_post(path, answer)
        app.router.add_route("OPTIONS", path, preflight)
    return app


async def _text(request: web.Request, key: str) -> str:
    """A field of the request. JSON is what a page of another site cannot send without asking first."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send JSON")
    try:
        asked = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="This is no JSON") from None
    value = asked.get(key, "") if isinstance(asked, dict) else None
    if not isinstance(value, str):
        raise web.HTTPBadRequest(text="This is not what the page sends")
    return value


@contextlib.asynccontextmanager
async def served(
    listener: socket.socket, processes: Processes, services: Sequence[Service], page: int
) -> AsyncIterator[None]:
    """While this context lasts, ``listener`` answers."""
    switch = KillSwitch(processes.crash, services)
    runner = web.AppRunner(build(switch, listener.getsockname()[1], page), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        yield
    finally:
        await runner.cleanup()
