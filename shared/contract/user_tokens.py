"""User tokens: JWTs that say who a peer is and what it may do. They are shown wherever app tokens are.

Two can make them: auth_api, with APP_SECRET, and an app's own backend, with a key that the server knows
(``user_keys.py``). The latter name their key by ``kid`` in the header; the former have no ``kid``.
"""

from typing import Annotated, Any

import jwt
import msgspec

from shared.contract.tokens import ALGORITHM, CLOCKS_APART, UNCHECKED, App, TokenError, app_in, signed_claims
from shared.contract.user_keys import Keys
from shared.envelopes.entries import LONGEST_APP
from shared.envelopes.users import Epoch, Grants, Single, User, UserId, UserName

USER = "user"
AUDIENCE = "parley"
LONGEST_USER_TOKEN = 8192  # characters
LONGEST_LIFE = 30 * 86400  # seconds, by default


class _Claims(msgspec.Struct, frozen=True):
    """The claims of a user token, as PROTOCOL.md has them. Others are ignored."""

    iss: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_APP)]
    aud: str | list[str]
    sub: UserId
    iat: Epoch
    exp: Epoch
    nbf: Epoch = 0
    name: UserName = ""
    rooms: Grants = {}
    single: Single = ""


def make_user_token(secret: str, app: str, user: User) -> str:
    """A user token of auth_api's own."""
    claims = {
        "typ": USER,
        "iss": app,
        "aud": AUDIENCE,
        "sub": user.id,
        "iat": user.issued,
        "exp": user.expires,
        "name": user.name,
        "rooms": user.rooms,
        "single": user.single,
    }
    return jwt.encode(claims, secret, ALGORITHM)


def read_shown(secrets: tuple[str, ...], keys: Keys, token: str, now: float, most: int = LONGEST_LIFE) -> App:
    """The app that an app token or user token was made for, with the user in the latter.

    ``secrets`` are as in ``read_app``, ``most`` is the longest life of a user token in seconds, ``now`` is in seconds
    since the epoch. Raises TokenError, whose text says what is wrong.
    """
    kid = _kid(token)
    if kid is not None:
        return _of_backend(keys, kid, token, now, most)
    claims = signed_claims(secrets, token, LONGEST_USER_TOKEN)
    return _user_in(claims, now, most) if claims.get("typ") == USER else app_in(claims, now)


def check_not_expired(app: App, now: float) -> None:
    """Make sure that a token which was read before has not ended by ``now``. Raises TokenError."""
    if app.user is not None and app.user.expires + CLOCKS_APART <= now:
        raise TokenError("Token has expired")


def _kid(token: str) -> object:
    """The key that a token of reasonable length names; None if there is none. Nothing of it is checked yet."""
    if len(token) > LONGEST_USER_TOKEN:
        raise TokenError("Token is too long")
    try:
        return jwt.get_unverified_header(token).get("kid")
    # PyJWT lets a UnicodeError, TypeError or RecursionError of a hostile header or payload through
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenError("Token is not valid") from None


def _of_backend(keys: Keys, kid: object, token: str, now: float, most: int) -> App:
    if not isinstance(kid, str) or kid not in keys:
        raise TokenError("Token names a key that is not known here")
    key = keys[kid]
    try:
        claims = jwt.decode(token, key.key, algorithms=[key.algorithm], options=UNCHECKED)
    except jwt.InvalidAlgorithmError:
        raise TokenError("Token is signed by another algorithm than its key is for") from None
    except jwt.InvalidSignatureError:
        raise TokenError("Token is not signed with the key that it names") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenError("Token is not valid") from None
    app = _user_in(claims, now, most)
    if app.name != key.app:
        raise TokenError("Token is for another app than its key")
    return app


def _user_in(claims: dict[str, Any], now: float, most: int) -> App:
    try:
        said = msgspec.convert(claims, _Claims)
    except msgspec.ValidationError as error:  # names claims, and shows no value but a grant that does not exist
        raise TokenError(f"Token has a claim that is missing or wrong: {error}") from None
    if AUDIENCE not in ([said.aud] if isinstance(said.aud, str) else said.aud):
        raise TokenError('Token is not meant for this server: its aud is not "parley"')
    _check_times(said, now, most)
    return App(said.iss, said.iat, User(said.sub, said.name, said.iat, said.exp, said.rooms, said.single))


def _check_times(said: _Claims, now: float, most: int) -> None:
    if max(said.iat, said.nbf) > now + CLOCKS_APART:
        raise TokenError("Token is not valid yet")
    if said.exp + CLOCKS_APART <= now:
        raise TokenError("Token has expired")
    if not 0 < said.exp - said.iat <= most:
        raise TokenError(f"Token lives too long: at most {most} seconds from iat to exp")
