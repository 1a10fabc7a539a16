"""Sessions: who a token speaks for."""

import functools
from typing import Any

from gateway.connection import Connection
from gateway.incoming.revocations import Revocations
from gateway.incoming.user_keys import UserKeys
from shared.contract.refusals import FORBIDDEN, UNAUTHORIZED, Refusal
from shared.contract.tokens import App, Session, TokenError, make_session_token, read_session_token
from shared.contract.user_tokens import LONGEST_LIFE, check_not_expired, read_shown
from shared.envelopes.users import User
from shared.process.world import World

OTHER_APP = "Token is for another app than that of the handshake"
OTHER_USER = "Token is for another user than that of the handshake"
NOT_ANONYMOUS = "An app token is not enough here: ask your app's backend for a user token"


class Sessions:
    """Checks app tokens, user tokens and session tokens, and makes the latter.

    ``lifetime`` is that of a session token, ``longest`` the longest of a user token, both in seconds. ``anonymous``
    says whether an app token is enough.
    """

    def __init__(
        self,
        secrets: tuple[str, ...],
        lifetime: int,
        revocations: Revocations,
        world: World,
        keys: UserKeys | None = None,
        longest: int = LONGEST_LIFE,
        anonymous: bool = True,
    ) -> None:
        self._secrets = secrets
        self._revocations = revocations
        self._now = world.now
        self._lifetime = lifetime
        self._anonymous = anonymous
        user_keys = keys if keys is not None else UserKeys("", secrets)
        # every socket of an app shows the same token, twice; checking a backend's signature is dear
        self._read = functools.lru_cache(maxsize=1024)(
            lambda token: read_shown(secrets, user_keys.keys, token, world.now(), longest)
        )

    def app_of(self, token: object) -> App:
        """The app, and the user of it, that an app token or user token was made for. Raises Refusal."""
        if not isinstance(token, str):
            raise Refusal(UNAUTHORIZED)
        try:
            app = self._revocations.check(self._read(token))
            check_not_expired(app, self._now())
        except TokenError as error:
            raise Refusal(UNAUTHORIZED, str(error)) from None
        if app.user is None and not self._anonymous:
            raise Refusal(FORBIDDEN, NOT_ANONYMOUS)
        return app

    def forget_what_was_read(self) -> None:
        """Other keys count from now on: check every token anew."""
        self._read.cache_clear()

    def check(self, connection: Connection, token: Any) -> None:
        """Make sure that ``token`` is a session token of this connection's peer. Raises Refusal."""
        if token is not None and token == connection.token and self._now() < connection.expires:
            return
        session = self.session_of(token) if connection.peer_id else None
        if session is None or session.peer_id != connection.peer_id:
            raise Refusal(UNAUTHORIZED)
        connection.token, connection.expires = token, session.expires

    def app_for(self, connection: Connection, token: object) -> App:
        """The app and user behind the token of an auth-request: one of their tokens, or a renewal. Raises Refusal.

        They are those that the socket has shown before, so that a revocation finds whom it is about.
        """
        session = self.session_of(token) if connection.peer_id else None
        if session is not None and session.peer_id == connection.peer_id:
            name, app = session.app, self._revocations.check(connection.app)
        else:
            app = self.app_of(token)
            name = app.name
        if name != connection.app.name:
            raise Refusal(UNAUTHORIZED, OTHER_APP)
        if _identity(app) != _identity(connection.app):
            raise Refusal(UNAUTHORIZED, OTHER_USER)
        return app

    def session_of(self, token: object) -> Session | None:
        """What a session token says, or None if it says nothing that counts."""
        try:
            return read_session_token(self._secrets, token, self._now())
        except TokenError:
            return None

    def grant(
        self, app: str, peer_id: str, generation: int, key: str = "", user: User | None = None
    ) -> tuple[str, int, float]:
        """A new session token, its life in seconds, and its end in seconds since the epoch: at most the user's."""
        now = int(self._now())
        expires = now + self._lifetime if user is None else min(now + self._lifetime, user.expires)
        token = make_session_token(self._secrets[0], Session(app, peer_id, generation, expires, key))
        return token, max(0, expires - now), float(expires)


def _identity(app: App) -> str | None:
    return app.user.id if app.user is not None else None
