"""Tokens made by hand, some of them forged."""

import base64
import json
import time
from typing import Any

import jwt

from tests.system.rig.harness import APP_SECRET

OTHER_SECRET = "another-secret-" * 6


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(claims: dict[str, Any], secret: str = APP_SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm)


def forged(token: str) -> str:
    """The same claims under another signature."""
    return signed(claims_of(token), OTHER_SECRET)


def unsigned(token: str) -> str:
    """The same claims with ``alg: none``, as old libraries believed."""
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims_of(token))}."


def expired(token: str) -> str:
    """The same claims, rightly signed, an hour past their end."""
    return signed({**claims_of(token), "exp": int(time.time()) - 3600})


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
