"""APP_PASS: what POST /app and POST /user ask for. An address that guesses has to wait, at both of them."""

import hmac
import logging
import math
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from auth_api.answers import Refused
from auth_api.settings import Settings
from auth_api.sparing import Sparing, left_out
from shared.http.client_address import Network, client_address
from shared.http.throttle import Throttle
from shared.process.world import World

log = logging.getLogger(__name__)

AppPassword = Annotated[str, Meta(description="The setting APP_PASS.", extra_json_schema={"format": "password"})]


class Password:
    """Checks the password of a request."""

    def __init__(self, settings: Settings, trusted: tuple[Network, ...], world: World) -> None:
        self._password = settings.app_pass.encode()
        self._trusted = trusted
        self._world = world
        self._throttle = Throttle(settings.throttle_tries, settings.throttle_seconds, settings.throttle_addresses)
        self._guesses = Sparing()

    def check(self, request: web.Request, shown: str) -> None:
        """Raises Refused with 401 for a wrong password, and with 429 for an address that has guessed too often."""
        address, now = client_address(request, self._trusted), self._world.monotonic()
        wait = self._throttle.wait(address, now)
        if wait > 0:
            raise Refused(429, "Too many wrong passwords, try again later", {"Retry-After": str(math.ceil(wait))})
        if not hmac.compare_digest(shown.encode(), self._password):
            self._throttle.charge(address, now)
            if self._guesses.due(address, now):
                log.warning("wrong password from %s", address, extra=left_out(self._guesses))
            raise Refused(401, "Wrong password")
