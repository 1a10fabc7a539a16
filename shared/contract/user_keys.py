"""The keys that apps' backends sign user tokens with: a JWKS file, as bytes.

Each key has three members beside its own: ``kid``, by which tokens name it, ``alg``, the one algorithm it is for, and
``app``, the one app it may speak for. What a token says of its algorithm is never asked.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jwt
import msgspec

from shared.envelopes.entries import LONGEST_APP

LARGEST_FILE = 1024 * 1024  # bytes
LONGEST_KID = 256  # characters
LEAST_SECRET = 32  # bytes of an HS256 key, as long as what it makes
LEAST_RSA = 2048  # bits
_CURVES = {"ES256": "P-256", "EdDSA": "Ed25519"}
_KINDS = {"HS256": "oct", "RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


class KeysError(ValueError):
    """The file cannot be used. The text says which key is wrong, and shows nothing of it but its ``kid``."""


@dataclasses.dataclass(frozen=True)
class UserKey:
    """A key, the algorithm it is for, and the app it speaks for."""

    app: str
    algorithm: str
    key: Any = dataclasses.field(repr=False)


Keys = Mapping[str, UserKey]


class _Entry(msgspec.Struct, frozen=True):
    """What we need to know of each key, whatever its kind."""

    kid: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_KID)]
    alg: Literal["HS256", "RS256", "ES256", "EdDSA"]
    app: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_APP)]
    kty: str
    crv: str = ""
    use: str = "sig"


class _File(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


def read_user_keys(data: bytes, ours: tuple[str, ...] = ()) -> Keys:
    """The keys of a JWKS file, by their ``kid``. ``ours`` are secrets that no key may be equal to. Raises KeysError."""
    if len(data) > LARGEST_FILE:
        raise KeysError(f"it is larger than {LARGEST_FILE} bytes")
    try:
        members = msgspec.json.decode(data, type=_File).keys
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise KeysError('it is not a JWKS file: {"keys": [...]}') from None
    keys: dict[str, UserKey] = {}
    for number, member in enumerate(members, 1):
        entry = _entry(number, member)
        if entry.kid in keys:
            raise KeysError(f"two keys have the kid {entry.kid!r}")
        keys[entry.kid] = UserKey(entry.app, entry.alg, _key(entry, member, ours))
    return keys


def _entry(number: int, member: dict[str, Any]) -> _Entry:
    try:
        entry = msgspec.convert(member, _Entry)
    except msgspec.ValidationError as error:  # names the member, shows no value but an unknown algorithm
        raise KeysError(f"key {number} of the file: {error}") from None
    if entry.kty != _KINDS[entry.alg] or entry.crv != _CURVES.get(entry.alg, entry.crv) or entry.use != "sig":
        raise KeysError(f"key {entry.kid!r} is not one for {entry.alg}")
    return entry


def _key(entry: _Entry, member: dict[str, Any], ours: tuple[str, ...]) -> Any:
    if entry.kty != "oct" and "d" in member:
        raise KeysError(f"key {entry.kid!r} is a private one: it belongs to the app's backend, give its public part")
    try:
        key = jwt.PyJWK(member, entry.alg).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        raise KeysError(f"key {entry.kid!r} is damaged") from None
    if entry.kty == "oct" and len(key) < LEAST_SECRET:
        raise KeysError(f"key {entry.kid!r} is too short: at least {LEAST_SECRET} bytes")
    if entry.kty == "oct" and key in [secret.encode() for secret in ours]:
        raise KeysError(f"key {entry.kid!r} is the server's own secret: make another one for the app")
    if entry.kty == "RSA" and key.key_size < LEAST_RSA:
        raise KeysError(f"key {entry.kid!r} is too short: at least {LEAST_RSA} bits")
    return key
