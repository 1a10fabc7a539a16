"""Sessions: who a token speaks for."""

import functools
from typing import Any

from gateway.connection import Connection
from gateway.incoming.revocations import Revocations
from shared.contract.refusals import UNAUTHORIZED, Refusal
from shared.contract.tokens import App, Session, TokenError, make_session_token, read_app, read_session_token
from shared.process.world import World

OTHER_APP = "Token is for another app than that of the handshake"


class Sessions:
    """Checks app tokens and session tokens, and makes the latter. ``lifetime`` is in seconds."""

    def __init__(self, secrets: tuple[str, ...], lifetime: int, revocations: Revocations, world: World) -> None:
        self._secrets = secrets
        self._revocations = revocations
        self._now = world.now
        self._lifetime = lifetime
        # every socket of an app shows the same token, twice
        self._app_of = functools.lru_cache(maxsize=1024)(lambda token: read_app(secrets, token, world.now()))

    def app_of(self, token: object) -> App:
        """The app that an app token was made for. Raises Refusal."""
        try:
            if isinstance(token, str):
                return self._revocations.check(self._app_of(token))
        except TokenError:
            pass
        raise Refusal(UNAUTHORIZED)

    def check(self, connection: Connection, token: Any) -> None:
        """Make sure that ``token`` is a session token of this connection's peer. Raises Refusal."""
        if token is not None and token == connection.token and self._now() < connection.expires:
            return
        session = self.session_of(token) if connection.peer_id else None
        if session is None or session.peer_id != connection.peer_id:
            raise Refusal(UNAUTHORIZED)
        connection.token, connection.expires = token, session.expires

    def app_for(self, connection: Connection, token: object) -> App:
        """The app behind the token of an auth-request: an app token, or a renewal. Raises Refusal.

        It is the app that the socket has shown before, so that a revocation finds whom it is about.
        """
        session = self.session_of(token) if connection.peer_id else None
        if session is not None and session.peer_id == connection.peer_id:
            name, app = session.app, self._revocations.check(connection.app)
        else:
            app = self.app_of(token)
            name = app.name
        if name != connection.app.name:
            raise Refusal(UNAUTHORIZED, OTHER_APP)
        return app

    def session_of(self, token: object) -> Session | None:
        """What a session token says, or None if it says nothing that counts."""
        try:
            return read_session_token(self._secrets, token, self._now())
        except TokenError:
            return None

    def grant(self, app: str, peer_id: str, generation: int, key: str = "") -> tuple[str, int, float]:
        """A new session token, its life in seconds, and its end in seconds since the epoch."""
        expires = int(self._now()) + self._lifetime
        token = make_session_token(self._secrets[0], Session(app, peer_id, generation, expires, key))
        return token, self._lifetime, float(expires)
