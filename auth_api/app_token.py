"""POST /app: a token for whoever knows the password."""

import logging
from typing import ClassVar

from aiohttp import web
from prometheus_client import Counter

from auth_api.answers import accept
from auth_api.authority import Authority
from auth_api.password import AppPassword, Password
from auth_api.reading import read
from auth_api.settings import Settings
from auth_api.sparing import Sparing, left_out
from shared.contract.tokens import make_app_token
from shared.envelopes.admin import AppToken, NewApp, NoteIssued
from shared.envelopes.calls import FORM, JSON, Call
from shared.process.world import World

log = logging.getLogger(__name__)

# A page of any origin may ask, as with the server that Parley replaces.
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}
_OUTCOMES = {200: "issued", 401: "wrong_password", 429: "throttled", 500: "failed"}
APP_REQUESTS = Counter("parley_app_token_requests", "Requests for an app token, by outcome.", ["outcome"])
USER_REQUESTS = Counter("parley_user_token_requests", "Requests for a user token, by outcome.", ["outcome"])
_REQUESTS = {"/app": APP_REQUESTS, "/user": USER_REQUESTS}


class AskForToken(Call, frozen=True):
    NAME = "issueAppToken"
    METHOD = "POST"
    PATH = "/app"
    DOC = "Get a token for one client application"
    NOTE = (
        "The token does not expire. Ask once for each application (a mobile app, a web page) and keep it; "
        "do not ask for each connection. Pages of any origin may ask."
    )
    ANSWER = AppToken
    ANSWERS: ClassVar[str] = "The app token, to be shown to a gateway in the Socket.IO handshake and in `auth-request`."
    BODIES: ClassVar[tuple[str, ...]] = (FORM, JSON)

    app: NewApp
    password: AppPassword


class AppTokens:
    """Answers /app."""

    def __init__(self, settings: Settings, password: Password, world: World, authority: Authority | None) -> None:
        self._authority = authority
        self._world = world
        self._secret = settings.app_secret
        self._password = password
        self._issues = Sparing()

    async def issue(self, request: web.Request) -> web.Response:
        """The token as JSON. Raises Refused with 400, 401, 408, 413 or 429."""
        now = int(self._world.now())
        asked = await read(AskForToken, request, now)
        self._password.check(request, asked.password)
        if self._issues.due(asked.app, self._world.monotonic()):
            log.info("token issued for app %r", asked.app, extra=left_out(self._issues))
        if self._authority is not None:
            self._authority.tell(NoteIssued(asked.app, now))
        return accept({"token": make_app_token(self._secret, asked.app, now)})


async def preflight(request: web.Request) -> web.Response:
    """What a browser may send to /app and /user from a page of another origin."""
    return web.Response(status=204, headers=_PREFLIGHT)


async def answered(request: web.Request, response: web.StreamResponse) -> None:
    """Count the answers of POST /app and /user, and let pages of any origin read them, refusals too."""
    if request.path not in _REQUESTS:
        return
    response.headers.update(ANY_ORIGIN)
    if request.method == "POST":
        _REQUESTS[request.path].labels(_OUTCOMES.get(response.status, "malformed")).inc()
