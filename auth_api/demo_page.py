"""GET /demo: the demo page, its files, and what it needs to know."""

import pathlib

from aiohttp import web

from auth_api.answers import Refused
from auth_api.gateways import connect_sources, gateway_urls, seen_from
from auth_api.ice_servers import ice_servers
from auth_api.settings import Settings
from shared.contract.tokens import DEMO_APP, make_app_token
from shared.process.world import World

ROOT = pathlib.Path(__file__).parent.parent
FILES = pathlib.Path(__file__).parent / "demo"
SOCKET_IO = "socket.io-client/dist/socket.io.esm.min.js"


class DemoPage:
    """Answers /demo and what is below it."""

    def __init__(self, settings: Settings, world: World) -> None:
        self._secret = settings.app_secret
        self._now = world.now
        self._gateways = gateway_urls(settings.gateway_url)
        self._ice_servers = ice_servers(settings.ice_servers)
        self._socket_io = ROOT / settings.node_modules / SOCKET_IO

    def add_to(self, app: web.Application) -> None:
        """Serve the page from ``app``."""
        app.router.add_get("/demo", self._page)
        app.router.add_get("/demo/", to_the_page)
        app.router.add_get("/demo/config.json", self._config)
        app.router.add_get("/demo/socket.io.js", self._client)
        app.router.add_get(r"/demo/{name:[a-z-]+\.(js|css|svg)}", self._file)
        app.on_response_prepare.append(self._secure)

    async def _page(self, request: web.Request) -> web.FileResponse:
        self._need_client()
        return web.FileResponse(FILES / "index.html")

    async def _file(self, request: web.Request) -> web.FileResponse:
        path = FILES / request.match_info["name"]
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path)

    async def _config(self, request: web.Request) -> web.Response:
        token = make_app_token(self._secret, DEMO_APP, int(self._now()))
        return web.json_response(
            {"gateways": self._seen_from(request), "ice_servers": self._ice_servers, "token": token}
        )

    async def _client(self, request: web.Request) -> web.FileResponse:
        self._need_client()
        return web.FileResponse(self._socket_io)

    def _seen_from(self, request: web.Request) -> list[str]:
        return seen_from(request.headers.get("Host", ""), self._gateways)

    def _need_client(self) -> None:
        if not self._socket_io.is_file():
            raise Refused(503, "The demo page needs the npm package socket.io-client: run `make setup` first")

    async def _secure(self, request: web.Request, response: web.StreamResponse) -> None:
        if request.path == "/demo" or request.path.startswith("/demo/"):
            response.headers.update(_security_headers(connect_sources(self._seen_from(request))))


async def to_the_page(request: web.Request) -> web.Response:
    """Send a browser to the demo page. It keeps the room that it has after ``#``."""
    return web.Response(status=302, headers={"Location": "/demo"})


def wants_a_page(request: web.Request) -> bool:
    """Whether a browser asks, which shows what it gets, rather than a program that takes anything (``*/*``)."""
    kinds = request.headers.get("Accept", "").lower().split(",")
    return any(kind.partition(";")[0].strip() == "text/html" for kind in kinds)


def _security_headers(connect: str) -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "media-src": "'self' blob: mediastream:",
        "connect-src": connect,
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(self), microphone=(self)",
        # The page and its modules are one version: each is asked for anew, and answered 304 while it is the same.
        "Cache-Control": "no-cache",
    }
