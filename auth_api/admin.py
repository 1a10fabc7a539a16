"""The operator's calls, under /admin: rooms, peers and apps. The broker's authority answers; nothing is kept here."""

import hmac
import math
import typing
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from auth_api.answers import Refused, accept
from auth_api.authority import Authority
from auth_api.reading import read
from auth_api.settings import Settings
from shared.contract.tokens import make_app_token
from shared.envelopes.admin import AnyAsk, AppRevocation, AppToken, NoteIssued, RevokeApp, RevokeUser, UserRevocation
from shared.http.client_address import Network, client_address
from shared.http.throttle import Throttle
from shared.process.world import World

SPARE = 120  # seconds that a revoked user is remembered longer: tokens have some leeway, and clocks differ


class Admin:
    """Answers /admin, for callers that show ADMIN_TOKEN as a bearer token."""

    def __init__(self, settings: Settings, authority: Authority, trusted: tuple[Network, ...], world: World) -> None:
        self._token = settings.admin_token.encode()
        self._secret = settings.app_secret
        self._longest = settings.user_token_max_life
        self._authority = authority
        self._trusted = trusted
        self._world = world
        self._throttle = Throttle(settings.throttle_tries, settings.throttle_seconds, settings.throttle_addresses)
        self._calls = Throttle(settings.admin_calls_burst, 1 / settings.admin_calls_per_second, addresses=1)

    def add_to(self, app: web.Application) -> None:
        """Add a route for every call that the authority answers."""
        for call in typing.get_args(AnyAsk):
            app.router.add_route(call.METHOD, call.PATH, self._for_operators(call))

    def _for_operators(self, call: type[AnyAsk]) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            self.check(request, self._world.monotonic())
            ask = await read(call, request, int(self._world.now()))
            return accept(await self._answer(ask))

        return checked

    def check(self, request: web.Request, now: float) -> None:
        """Make sure that it is an operator who asks, and not too often. Raises Refused."""
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

    async def _answer(self, ask: AnyAsk) -> Any:
        if isinstance(ask, RevokeUser):
            ask = msgspec.structs.replace(ask, life=self._longest + SPARE)
        answer = await self._authority.ask(ask)
        if not answer.found:
            raise Refused(404, "There is no such thing")
        if answer.refused:
            raise Refused(409, answer.refused)
        match ask:
            case NoteIssued(app, issued):
                return msgspec.to_builtins(AppToken(make_app_token(self._secret, app, issued)))
            case RevokeApp(app, until):
                return msgspec.to_builtins(AppRevocation(app, until))
            case RevokeUser(app, user_id, until):
                return msgspec.to_builtins(UserRevocation(app, user_id, until))
            case _:
                return answer.body
