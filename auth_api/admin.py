"""The operator's calls, under /admin: rooms, peers and apps. The broker's authority answers; nothing is kept here."""

import hmac
import math
from collections.abc import Awaitable, Callable

from aiohttp import web

from auth_api.answers import Refused, accept
from auth_api.app_name import check_app_name
from auth_api.authority import Authority
from auth_api.settings import Settings
from shared.contract.tokens import make_app_token
from shared.envelopes.admin import (
    MOST_APPS,
    MOST_ROOMS,
    AnyAsk,
    CloseRoom,
    ListApps,
    ListRooms,
    NoteIssued,
    RemovePeer,
    RevokeApp,
    ShowRoom,
)
from shared.http.client_address import Network, client_address
from shared.http.throttle import Throttle
from shared.process.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admin:
    """Answers /admin for who shows ADMIN_TOKEN as a bearer token."""

    def __init__(self, settings: Settings, authority: Authority, trusted: tuple[Network, ...], world: World) -> None:
        self._token = settings.admin_token.encode()
        self._secret = settings.app_secret
        self._authority = authority
        self._trusted = trusted
        self._world = world
        self._throttle = Throttle(settings.throttle_tries, settings.throttle_seconds, settings.throttle_addresses)
        self._calls = Throttle(settings.admin_calls_burst, 1 / settings.admin_calls_per_second, addresses=1)

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/admin/rooms", self._rooms),
            ("GET", "/admin/rooms/{room}", self._room),
            ("DELETE", "/admin/rooms/{room}", self._close_room),
            ("DELETE", "/admin/peers/{peer_id}", self._remove_peer),
            ("GET", "/admin/apps", self._apps),
            ("POST", "/admin/apps/{app}", self._issue),
            ("DELETE", "/admin/apps/{app}", self._revoke),
        )
        for method, path, handler in routes:
            app.router.add_route(method, path, self._for_operators(handler))

    def _for_operators(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            self._check(request, self._world.monotonic())
            return await handler(request)

        return checked

    def _check(self, request: web.Request, now: float) -> None:
        address = client_address(request, self._trusted)
        wait = self._throttle.wait(address, now)
        if wait > 0:
            raise Refused(429, "Too many wrong tokens, try again later", {"Retry-After": str(math.ceil(wait))})
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(errors="surrogateescape"), self._token):
            self._throttle.charge(address, now)
            raise Refused(401, "Show ADMIN_TOKEN as a bearer token", {"WWW-Authenticate": "Bearer"})
        wait = self._calls.wait("", now)
        if wait > 0:
            raise Refused(429, "Too many calls, try again later", {"Retry-After": str(math.ceil(wait))})
        self._calls.charge("", now)

    async def _rooms(self, request: web.Request) -> web.Response:
        return await self._answer(ListRooms(request.query.get("after", ""), _limit(request, 100, MOST_ROOMS)))

    async def _room(self, request: web.Request) -> web.Response:
        return await self._answer(ShowRoom(request.match_info["room"], request.query.get("app", "")))

    async def _close_room(self, request: web.Request) -> web.Response:
        return await self._answer(CloseRoom(request.match_info["room"], request.query.get("app", "")))

    async def _remove_peer(self, request: web.Request) -> web.Response:
        return await self._answer(RemovePeer(request.match_info["peer_id"]))

    async def _apps(self, request: web.Request) -> web.Response:
        return await self._answer(ListApps(request.query.get("after", ""), _limit(request, MOST_APPS, MOST_APPS)))

    async def _issue(self, request: web.Request) -> web.Response:
        app, now = check_app_name(request.match_info["app"]), int(self._world.now())
        await self._answer(NoteIssued(app, now))
        return accept({"token": make_app_token(self._secret, app, now)})

    async def _revoke(self, request: web.Request) -> web.Response:
        app, now = check_app_name(request.match_info["app"]), int(self._world.now())
        await self._answer(RevokeApp(app, now))
        return accept({"app": app, "revoked": now})

    async def _answer(self, ask: AnyAsk) -> web.Response:
        answer = await self._authority.ask(ask)
        if not answer.found:
            raise Refused(404, "There is no such thing")
        return accept(answer.body)


def _limit(request: web.Request, default: int, most: int) -> int:
    """How many things are asked for at once. Raises Refused."""
    limit = request.query.get("limit", str(default))
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= most:
        raise Refused(400, f"limit must be a number from 1 to {most}")
    return int(limit)
