"""POST /user: a user token for whoever knows the password. It says who a peer is, and what it may do."""

import logging
from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from auth_api.answers import Refused, accept
from auth_api.authority import Authority
from auth_api.password import AppPassword, Password
from auth_api.reading import read
from auth_api.settings import Settings
from auth_api.sparing import Sparing, left_out
from shared.contract.user_tokens import LONGEST_USER_TOKEN, make_user_token
from shared.envelopes.admin import Jwt, NewApp, NoteIssued
from shared.envelopes.calls import FORM, JSON, Call
from shared.envelopes.users import Grants, Single, User, UserId, UserName
from shared.process.world import World

log = logging.getLogger(__name__)

HOUR = 3600  # seconds
LONGEST = 366 * 24 * HOUR  # seconds


class UserToken(msgspec.Struct, frozen=True):
    """A token for a user."""

    token: Jwt


class AskForUserToken(Call, frozen=True):
    NAME = "issueUserToken"
    METHOD = "POST"
    PATH = "/user"
    DOC = "Get a token for one user of an application"
    NOTE = (
        "It says who a peer is and what it may do. Ask from your backend, where you know who the user is. "
        "In a form, `rooms` is JSON."
    )
    ANSWER = UserToken
    ANSWERS: ClassVar[str] = "The user token, to be shown wherever an app token is."
    BODIES: ClassVar[tuple[str, ...]] = (FORM, JSON)

    app: NewApp
    password: AppPassword
    id: Annotated[UserId, Meta(description="The identity: the same for all devices of a user.", examples=["user-17"])]
    name: Annotated[UserName, Meta(description="What others may call the user.")] = ""
    rooms: Annotated[Grants, Meta(description="What the user may do, by room; `*` stands for all other rooms.")] = (
        msgspec.field(default_factory=dict)
    )
    expires_in: Annotated[int, Meta(ge=1, le=LONGEST, description="Life of the token in seconds.")] = HOUR
    single: Annotated[Single, Meta(description="Which of two peers of one identity stays; both if empty.")] = ""


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
        now = int(self._world.now())
        asked = await read(AskForUserToken, request, now)
        self._password.check(request, asked.password)
        if asked.expires_in > self._longest:
            raise Refused(400, f"expires_in must be at most {self._longest} seconds")
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
