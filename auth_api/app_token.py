"""POST /app: a token for whoever knows the password."""

import hmac
import logging
import math
from typing import Annotated, ClassVar

from aiohttp import web
from msgspec import Meta
from prometheus_client import Counter

from auth_api.answers import Refused, accept
from auth_api.authority import Authority
from auth_api.reading import read
from auth_api.settings import Settings
from auth_api.sparing import Sparing, left_out
from shared.contract.tokens import make_app_token
from shared.envelopes.admin import AppToken, NewApp, NoteIssued
from shared.envelopes.calls import FORM, JSON, Call
from shared.http.client_address import Network, client_address
from shared.http.throttle import Throttle
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
REQUESTS = Counter("parley_app_token_requests", "Requests for an app token, by outcome.", ["outcome"])


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
    password: Annotated[str, Meta(description="The setting APP_PASS.", extra_json_schema={"format": "password"})]


class AppTokens:
    """Answers /app."""

    def __init__(
        self, settings: Settings, trusted: tuple[Network, ...], world: World, authority: Authority | None = None
    ) -> None:
        self._authority = authority
        self._world = world
        self._secret = settings.app_secret
        self._password = settings.app_pass.encode()
        self._trusted = trusted
        self._throttle = Throttle(settings.throttle_tries, settings.throttle_seconds, settings.throttle_addresses)
        self._issues, self._guesses = Sparing(), Sparing()

    async def issue(self, request: web.Request) -> web.Response:
        """The token as JSON. Raises Refused with 400, 401, 408, 413 or 429."""
        now = int(self._world.now())
        asked = await read(AskForToken, request, now)
        self._check(asked.password, client_address(request, self._trusted), self._world.monotonic())
        if self._issues.due(asked.app, self._world.monotonic()):
            log.info("token issued for app %r", asked.app, extra=left_out(self._issues))
        if self._authority is not None:
            self._authority.tell(NoteIssued(asked.app, now))
        return accept({"token": make_app_token(self._secret, asked.app, now)})

    async def preflight(self, request: web.Request) -> web.Response:
        """What a browser may send here from a page of another origin."""
        return web.Response(status=204, headers=_PREFLIGHT)

    def _check(self, password: str, address: str, now: float) -> None:
        wait = self._throttle.wait(address, now)
        if wait > 0:
            raise Refused(429, "Too many wrong passwords, try again later", {"Retry-After": str(math.ceil(wait))})
        if not hmac.compare_digest(password.encode(), self._password):
            self._throttle.charge(address, now)
            if self._guesses.due(address, now):
                log.warning("wrong password from %s", address, extra=left_out(self._guesses))
            raise Refused(401, "Wrong password")


async def answered(request: web.Request, response: web.StreamResponse) -> None:
    """Count the answers of POST /app, and let pages of any origin read them, refusals too."""
    if request.path != "/app":
        return
    response.headers.update(ANY_ORIGIN)
    if request.method == "POST":
        REQUESTS.labels(_OUTCOMES.get(response.status, "malformed")).inc()
