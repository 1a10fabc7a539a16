"""App tokens and session tokens: HS256 JWTs that say what they are for, so one never passes for the other."""

import base64
import dataclasses
import functools
import json
from typing import Any

import jwt
import msgspec
from jwt.algorithms import HMACAlgorithm

from shared.envelopes.entries import LONGEST_APP
from shared.envelopes.users import User

ALGORITHM = "HS256"
APP, SESSION = "app", "session"
KEY_BYTES = 16
CLOCKS_APART = 10.0  # seconds by which the clock of who made a token may be ahead of this machine's
LONGEST_TOKEN = 4096  # characters
# The library looks at the signature alone: it would ask this machine's clock, and each kind has other claims.
UNCHECKED: Any = {f"verify_{claim}": False for claim in ("exp", "iat", "nbf", "aud", "iss", "sub", "jti")}


class _Hs256(HMACAlgorithm):
    """The library's, which asks with each token anew whether the secret is a key of another kind: half of its time."""

    def __init__(self) -> None:
        super().__init__(self.SHA256)
        self._prepared = functools.lru_cache(maxsize=16)(super().prepare_key)

    def prepare_key(self, key: str | bytes) -> bytes:
        """The secret, as bytes. Raises InvalidKeyError for what is a key of another kind."""
        return self._prepared(key)


class _Json(json.JSONEncoder):
    """What a token says, as JSON: as the standard library's, in a tenth of the time."""

    def __init__(self, **_: Any) -> None:
        """Take none of its options: the most compact form is the only one."""

    def encode(self, o: Any) -> str:
        """As text."""
        return msgspec.json.encode(o).decode()


jwt.unregister_algorithm(ALGORITHM)
jwt.register_algorithm(ALGORITHM, _Hs256())


class TokenError(Exception):
    """The token is missing, malformed, forged, expired or made for another purpose."""


@dataclasses.dataclass(frozen=True)
class App:
    """What a token vouches for: the app, and with a user token (``user_tokens.py``) who of it and what that one may do.

    ``issued`` is in seconds since the epoch.
    """

    name: str
    issued: int
    user: User | None = None


@dataclasses.dataclass(frozen=True)
class Session:
    """What a session token vouches for.

    ``generation`` counts the times this peer has been admitted on a new socket; a resume must name the newest one.
    ``expires`` is in seconds since the epoch. ``key`` opens the lock that the room authority knows of this generation;
    tokens of earlier versions have none.
    """

    app: str
    peer_id: str
    generation: int
    expires: int
    key: str = ""


def key_of(unguessable: bytes) -> str:
    """A key for one socket's session tokens, made of bytes that nobody can guess."""
    return base64.urlsafe_b64encode(unguessable).rstrip(b"=").decode()


def make_app_token(secret: str, app: str, issued: int) -> str:
    """An app token without expiry. ``issued`` is in seconds since the epoch."""
    return jwt.encode({"typ": APP, "app": app, "iat": issued}, secret, ALGORITHM)


def make_session_token(secret: str, session: Session) -> str:
    """A session token that ends at ``session.expires``."""
    claims = {
        "typ": SESSION,
        "app": session.app,
        "sub": session.peer_id,
        "turn": session.generation,
        "exp": session.expires,
        "key": session.key,
    }
    return jwt.encode(claims, secret, ALGORITHM, json_encoder=_Json)


def read_app(secrets: tuple[str, ...], token: object, now: float) -> App:
    """The app that ``token`` was made for.

    ``secrets`` are tried in order, so that a secret can be replaced while old tokens are still valid.
    ``now`` is in seconds since the epoch. Raises TokenError.
    """
    return app_in(signed_claims(secrets, token), now)


def app_in(claims: dict[str, Any], now: float) -> App:
    """The app that these claims are about, if they are an app token's. Raises TokenError."""
    _check_purpose(claims, APP, now)
    name, issued = claims.get("app"), claims.get("iat")
    if isinstance(name, str) and 0 < len(name) <= LONGEST_APP and isinstance(issued, int):
        return App(name, issued)
    raise TokenError("Token lacks a claim")


def read_session_token(secrets: tuple[str, ...], token: object, now: float) -> Session:
    """What ``token`` vouches for, if it has not expired by ``now``. Raises TokenError."""
    claims = signed_claims(secrets, token)
    _check_purpose(claims, SESSION, now)
    app, peer_id, generation, expires = (claims.get(name) for name in ("app", "sub", "turn", "exp"))
    key = claims.get("key", "")
    if not isinstance(key, str):
        raise TokenError("Token has no such key")
    if isinstance(app, str) and isinstance(peer_id, str) and isinstance(generation, int) and isinstance(expires, int):
        return Session(app, peer_id, generation, expires, key)
    raise TokenError("Token lacks a claim")


def signed_claims(secrets: tuple[str, ...], token: object, longest: int = LONGEST_TOKEN) -> dict[str, Any]:
    """What ``token`` says, signed with one of ``secrets``. Raises TokenError."""
    if not isinstance(token, str) or not 0 < len(token) <= longest:
        raise TokenError("Token is missing")
    for secret in secrets:
        try:
            claims: dict[str, Any] = jwt.decode(token, secret, algorithms=[ALGORITHM], options=UNCHECKED)
        except jwt.InvalidSignatureError:
            continue
        # PyJWT lets a UnicodeError or RecursionError of a hostile header or payload through
        except (jwt.PyJWTError, ValueError, RecursionError):
            break
        return claims
    raise TokenError("Token is not valid")


def _check_purpose(claims: dict[str, Any], purpose: str, now: float) -> None:
    if claims.get("typ") != purpose or not _is_valid_at(now, claims):
        raise TokenError("Token is not valid")


def _is_valid_at(now: float, claims: dict[str, Any]) -> bool:
    """Whether a token has begun, give or take CLOCKS_APART, and not ended, for which there is no leeway."""
    try:
        begins = max(int(claims.get("iat", 0)), int(claims.get("nbf", 0)))
        return begins <= now + CLOCKS_APART and ("exp" not in claims or int(claims["exp"]) > now)
    except (TypeError, ValueError, OverflowError):
        return False
