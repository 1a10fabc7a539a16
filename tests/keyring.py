"""The keys of an app's own backend, and tokens signed with them, good ones and forged ones."""

import base64
import hmac
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

LIFE = 3600  # seconds

# By algorithm, which is also what each is named by.
PRIVATE: dict[str, Any] = {
    "HS256": b"h" * 32,
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
MAKERS: dict[str, Any] = {
    "HS256": jwt.algorithms.HMACAlgorithm,
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}


def public_jwk(alg: str, app: str, kid: str = "") -> dict[str, Any]:
    """A key as it stands in the file of ``USER_KEYS``."""
    key = PRIVATE[alg]
    member = MAKERS[alg].to_jwk(key if alg == "HS256" else key.public_key(), as_dict=True)
    member = {name: value for name, value in member.items() if name != "key_ops"}
    return {**member, "kid": kid or alg, "alg": alg, "app": app}


def key_file(app: str, other: str) -> bytes:
    """All keys of an app, and one of another app, which is called ``theirs``."""
    return json.dumps(
        {"keys": [*(public_jwk(alg, app) for alg in PRIVATE), public_jwk("HS256", other, "theirs")]}
    ).encode()


def signed(now: int, app: str, alg: str = "EdDSA", header: dict[str, Any] | None = None, **changed: Any) -> str:
    """A token for ann that lives from ``now`` on; a claim that is changed to None is left out."""
    claims = {"iss": app, "aud": "parley", "sub": "ann", "iat": now, "exp": now + LIFE, **changed}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, PRIVATE[alg], alg, headers={"kid": alg} if header is None else header)


def signed_by_a_stranger(app: str) -> str:
    """It names a key, and is signed by another one."""
    return jwt.encode({"iss": app}, ed25519.Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": "EdDSA"})


def signed_with_a_public_key(app: str) -> str:
    """Its HMAC has a public key as its secret. PyJWT would not make that."""
    public = PRIVATE["RS256"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head, body = {"alg": "HS256", "kid": "RS256"}, {"iss": app}
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, body))
    return (text + b"." + base64.urlsafe_b64encode(hmac.digest(pem, text, "sha256")).rstrip(b"=")).decode()


def unsigned(app: str) -> str:
    return jwt.encode({"iss": app}, "", "none", headers={"kid": "ES256"})
