"""POST /user: a user token for whoever knows the password. It says who a peer is, and what it may do."""

import logging

from aiohttp import web

from auth_api.answers import Refused, accept
from auth_api.authority import Authority
from auth_api.password import Password
from auth_api.settings import Settings
from auth_api.sparing import Sparing, left_out
from auth_api.token_request import UserRequest, read_request
from shared.contract.user_tokens import LONGEST_USER_TOKEN, make_user_token
from shared.envelopes.admin import NoteIssued
from shared.envelopes.users import User
from shared.process.world import World

log = logging.getLogger(__name__)


class UserTokens:
    """Answers /user."""

    def __init__(self, settings: Settings, password: Password, world: World, authority: Authority | None) -> None:
        self._secret = settings.app_secret
        self._longest = settings.user_token_max_life
        self._password = password
        self._world = world
        self._authority = authority
        self._issues = Sparing()

    async def issue(self, request: web.Request) -> web.Response:
        """The token as JSON. Raises Refused with 400, 401, 408, 413 or 429."""
        asked = await read_request(request, UserRequest)
        self._password.check(request, asked.password)
        if asked.expires_in > self._longest:
            raise Refused(400, f"expires_in must be at most {self._longest} seconds")
        now = int(self._world.now())
        user = User(asked.id, asked.name, now, now + asked.expires_in, asked.rooms, asked.single)
        token = make_user_token(self._secret, asked.app, user)
        if len(token) > LONGEST_USER_TOKEN:
            raise Refused(400, "The names of these rooms are too long for one token")
        self._note(asked.app, now)
        return accept({"token": token})

    def _note(self, app: str, now: int) -> None:
        """Let an operator see for which apps tokens are issued; the log does not say for whom."""
        if self._issues.due(app, self._world.monotonic()):
            log.info("user token issued for app %r", app, extra=left_out(self._issues))
        if self._authority is not None:
            self._authority.tell(NoteIssued(app, now))
