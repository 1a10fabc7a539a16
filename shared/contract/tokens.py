"""App tokens and session tokens: HS256 JWTs that say what they are for, so one never passes for the other."""

import dataclasses
import hashlib
import hmac
import time
from secrets import token_urlsafe
from typing import Any

import jwt

from shared.envelopes.entries import LONGEST_APP

ALGORITHM = "HS256"
DEMO_APP = "demo"  # what the demo page's visitors come from; they need no password
APP, SESSION = "app", "session"
CLOCKS_APART = 10.0  # seconds by which the clock of who made a token may be ahead of this machine's


class TokenError(Exception):
    """The token is missing, malformed, forged, expired or made for another purpose."""


@dataclasses.dataclass(frozen=True)
class App:
    """What an app token vouches for. ``issued`` is in seconds since the epoch."""

    name: str
    issued: int


@dataclasses.dataclass(frozen=True)
class Session:
    """What a session token vouches for.

    ``turn`` counts the times this peer has been admitted on a new socket; a resume must name the newest one.
    ``expires`` is in seconds since the epoch. ``key`` opens the lock that the room authority knows of this turn; tokens
    of earlier versions have none.
    """

    app: str
    peer_id: str
    turn: int
    expires: int
    key: str = ""


def new_key() -> str:
    """A key for one socket's session tokens, which nobody can guess."""
    return token_urlsafe(16)


def lock_of(key: str) -> bytes:
    """What fits a key, and tells nothing of it. Without a key there is no lock."""
    return hashlib.sha256(key.encode()).digest()[:16] if key else b""


def opens(key: str, lock: bytes) -> bool:
    """Whether a key fits. No lock keeps nobody out."""
    return not lock or hmac.compare_digest(lock_of(key), lock)


def make_app_token(secret: str, app: str, issued: int) -> str:
    """An app token without expiry. ``issued`` is in seconds since the epoch."""
    return jwt.encode({"typ": APP, "app": app, "iat": issued}, secret, ALGORITHM)


def make_session_token(secret: str, session: Session) -> str:
    """A session token that ends at ``session.expires``."""
    claims = {
        "typ": SESSION,
        "app": session.app,
        "sub": session.peer_id,
        "turn": session.turn,
        "exp": session.expires,
        "key": session.key,
    }
    return jwt.encode(claims, secret, ALGORITHM)


def read_app_token(secrets: tuple[str, ...], token: object) -> str:
    """The name of the app that ``token`` was made for. See ``read_app``."""
    return read_app(secrets, token).name


def read_app(secrets: tuple[str, ...], token: object) -> App:
    """The app that ``token`` was made for.

    ``secrets`` are tried in order, so that a secret can be replaced while old tokens still count.
    Raises TokenError.
    """
    claims = _claims(secrets, token, APP)
    name, issued = claims.get("app"), claims.get("iat")
    if isinstance(name, str) and 0 < len(name) <= LONGEST_APP and isinstance(issued, int):
        return App(name, issued)
    raise TokenError("Token lacks a claim")


def read_session_token(secrets: tuple[str, ...], token: object) -> Session:
    """What ``token`` vouches for, if it has not expired. Raises TokenError."""
    claims = _claims(secrets, token, SESSION)
    app, peer_id, turn, expires = (claims.get(name) for name in ("app", "sub", "turn", "exp"))
    key = claims.get("key", "")
    if not isinstance(key, str):
        raise TokenError("Token has no such key")
    if isinstance(app, str) and isinstance(peer_id, str) and isinstance(turn, int) and isinstance(expires, int):
        return Session(app, peer_id, turn, expires, key)
    raise TokenError("Token lacks a claim")


def _claims(secrets: tuple[str, ...], token: object, purpose: str) -> dict[str, Any]:
    if not isinstance(token, str) or not 0 < len(token) <= 4096:
        raise TokenError("Token is missing")
    for secret in secrets:
        try:
            claims: dict[str, Any] = jwt.decode(token, secret, algorithms=[ALGORITHM], leeway=CLOCKS_APART)
        except jwt.InvalidSignatureError:
            continue
        # PyJWT lets a UnicodeError or RecursionError of a hostile header or payload through
        except (jwt.PyJWTError, ValueError, RecursionError):
            break
        if claims.get("typ") != purpose or ("exp" in claims and int(claims["exp"]) <= time.time()):
            break  # its end has no leeway
        return claims
    raise TokenError("Token is not valid")
