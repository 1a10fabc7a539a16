"""GET /demo: the demo page, its files, and what it needs to know."""

import pathlib
from typing import Any

from aiohttp import web

from auth_api.answers import Refused, accept
from auth_api.authority import Authority
from auth_api.gateways import asked_from_here, connect_sources, gateway_urls, loopback_url, seen_from
from auth_api.ice_servers import ice_servers
from auth_api.invitations import LIFE, Invite, make_invitation, room_in
from auth_api.reading import read
from auth_api.settings import Settings
from shared.contract.tokens import TokenError
from shared.contract.user_tokens import make_user_token, read_shown
from shared.envelopes.admin import ShowRoom
from shared.envelopes.users import EVERY_ROOM, Grants, User
from shared.process.world import World

ROOT = pathlib.Path(__file__).parent.parent
FILES = pathlib.Path(__file__).parent / "demo"
LIBRARY = ROOT / "client" / "src"  # parley-client, as it is
APP = "demo"  # what its visitors come from; they need no password
HOUR = 3600  # seconds that a visitor's token lives, and with it what it is lent: the relays of TURN
INVITATION = "Parley-Invitation"  # the header in which a visitor shows one: an address would be in logs
SOCKET_IO = "socket.io-client/dist/socket.io.esm.min.js"
QR = "uqr/dist/index.mjs"  # draws QR codes: one file without dependencies, where error correction is not worth writing


class DemoPage:
    """Answers /demo and what is below it."""

    def __init__(self, settings: Settings, world: World, authority: Authority) -> None:
        self._authority = authority
        self._secret = settings.app_secret
        self._lifetime = min(HOUR, settings.user_token_max_life)
        self._world = world
        self._gateways = gateway_urls(settings.gateway_url)
        self._ice_servers = ice_servers(settings.ice_servers)
        self._kill_switch = loopback_url("KILL_SWITCH_URL", settings.kill_switch_url)
        self._packages = ROOT / settings.node_modules

    def add_to(self, app: web.Application) -> None:
        """Serve the page from ``app``."""
        app.router.add_get("/demo", self._page)
        app.router.add_get("/demo/", to_the_page)
        app.router.add_get("/demo/config.json", self._config)
        app.router.add_post(Invite.PATH, self._invite)
        app.router.add_get("/demo/socket.io.js", self._client)
        app.router.add_get("/demo/qr.js", self._qr)
        app.router.add_get(r"/demo/parley/{name:[a-z-]+\.js}", self._library)
        app.router.add_get(r"/demo/{name:(languages/)?[a-z-]+\.(js|css|svg)}", self._file)
        app.on_response_prepare.append(self._secure)

    async def _page(self, request: web.Request) -> web.FileResponse:
        self._need_client()
        return web.FileResponse(FILES / "index.html")

    async def _file(self, request: web.Request) -> web.FileResponse:
        return _sent(FILES, request)

    async def _library(self, request: web.Request) -> web.FileResponse:
        return _sent(LIBRARY, request)

    async def _config(self, request: web.Request) -> web.Response:
        invited = self._invited_to(request)
        return web.json_response(
            {
                "gateways": self._seen_from(request),
                "ice_servers": self._ice_servers,
                "token": self._token(self._known(request) or self._world.new_id(), invited),
                "expires_in": self._lifetime,
                "invited": invited,
                "kill_switch": self._kill_switch_for(request),
            }
        )

    async def _invite(self, request: web.Request) -> web.Response:
        """An invitation, for a host of the room. Raises Refused with 400, 401, 403, 404 or 503."""
        now = int(self._world.now())
        asked = await read(Invite, request, now)
        visitor = self._known(request)
        if not visitor:
            raise Refused(401, "Show the token of a visit as a bearer token", {"WWW-Authenticate": "Bearer"})
        answer = await self._authority.ask(ShowRoom(asked.room, APP))
        if not answer.found:
            raise Refused(404, "There is no such room")
        if not any(_is_host(member, visitor) for member in answer.body["members"]):
            raise Refused(403, "Only hosts of the room can invite")
        return accept({"invitation": make_invitation(self._secret, asked.room, now), "expires_in": LIFE})

    def _invited_to(self, request: web.Request) -> str:
        """The room that a visitor shows an invitation to; empty without one, or if it is no good any more."""
        shown = request.headers.get(INVITATION, "")
        try:
            return room_in(self._secret, shown, self._world.now()) if shown else ""
        except TokenError:
            return ""  # then they ask at the door, like everybody else

    def _token(self, user_id: str, room: str) -> str:
        """A token for a visitor: it may open rooms that are free, ask to be let into others, and come into ``room``."""
        now = int(self._world.now())
        rooms: Grants = {EVERY_ROOM: "create", **({room: "enter"} if room else {})}
        return make_user_token(self._secret, APP, User(user_id, "", now, now + self._lifetime, rooms))

    def _known(self, request: web.Request) -> str:
        """Whose visit goes on: who shows the token of a visit that is still good. Empty: a new visitor's."""
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            app = read_shown((self._secret,), {}, shown, self._world.now())
        except TokenError:
            return ""
        return app.user.id if app.name == APP and app.user is not None else ""

    async def _client(self, request: web.Request) -> web.FileResponse:
        self._need_client()
        return web.FileResponse(self._packages / SOCKET_IO)

    async def _qr(self, request: web.Request) -> web.FileResponse:
        self._need_client()
        return web.FileResponse(self._packages / QR, headers={"Content-Type": "text/javascript"})

    def _kill_switch_for(self, request: web.Request) -> str:
        """Where the kill switch is, for a page on the machine that has it; empty for others, and without one."""
        return self._kill_switch if asked_from_here(request.headers.get("Host", "")) else ""

    def _seen_from(self, request: web.Request) -> list[str]:
        return seen_from(request.headers.get("Host", ""), self._gateways)

    def _need_client(self) -> None:
        if not all((self._packages / file).is_file() for file in (SOCKET_IO, QR)):
            raise Refused(503, "The demo page needs npm packages, socket.io-client and uqr: run `make setup` first")

    async def _secure(self, request: web.Request, response: web.StreamResponse) -> None:
        if request.path == "/demo" or request.path.startswith("/demo/"):
            switch = self._kill_switch_for(request)
            sources = connect_sources(self._seen_from(request)) + (f" {switch}" if switch else "")
            response.headers.update(_security_headers(sources))


def _sent(folder: pathlib.Path, request: web.Request) -> web.FileResponse:
    path = folder / request.match_info["name"]
    if not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path)


def _is_host(member: dict[str, Any], visitor: str) -> bool:
    """Whether a line about a member is about that visitor, as a host."""
    of_demo = member["app"] == APP and (member["identity"] or {}).get("id") == visitor
    return of_demo and member["role"] in ("owner", "moderator")


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
