"""A file of keys is taken whole or not at all, and the refusal names the key."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from shared.contract.user_keys import LARGEST_FILE, KeysError, read_user_keys

SECRET = {"kty": "oct", "k": "aGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGg", "kid": "k1", "alg": "HS256", "app": "chat"}
CURVE = {"kid": "k1", "alg": "ES256", "app": "chat"}
RSA_KEY = {"kid": "k1", "alg": "RS256", "app": "chat"}


def jwk(maker: Any, key: Any, **members: str) -> dict[str, Any]:
    made: dict[str, Any] = {**maker.to_jwk(key, as_dict=True), **members}
    made.pop("key_ops", None)
    return made


def why_not(*members: Any, ours: tuple[str, ...] = ()) -> str:
    with pytest.raises(KeysError) as refused:
        read_user_keys(json.dumps({"keys": members}).encode(), ours)
    return str(refused.value)


def test_each_key_has_its_app_and_its_algorithm() -> None:
    edwards = jwk(jwt.algorithms.OKPAlgorithm, ed25519.Ed25519PrivateKey.generate().public_key())
    file = {"keys": [SECRET, {**edwards, "kid": "k2", "alg": "EdDSA", "app": "mail", "use": "sig"}]}
    keys = read_user_keys(json.dumps(file).encode())
    assert {kid: (key.app, key.algorithm) for kid, key in keys.items()} == {
        "k1": ("chat", "HS256"),
        "k2": ("mail", "EdDSA"),
    }
    assert "hhhh" not in repr(keys)


def test_no_keys_are_a_file_too() -> None:
    assert read_user_keys(b'{"keys": []}') == {}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": [7]}', b"\xff", b"[" * 5000])
def test_what_is_no_such_file(data: bytes) -> None:
    with pytest.raises(KeysError, match="not a JWKS file"):
        read_user_keys(data)


def test_a_file_that_is_too_large() -> None:
    with pytest.raises(KeysError, match="larger than"):
        read_user_keys(b" " * (LARGEST_FILE + 1))


@pytest.mark.parametrize("missing", ["kid", "alg", "app", "kty"])
def test_what_every_key_needs(missing: str) -> None:
    assert f"`{missing}`" in why_not({name: value for name, value in SECRET.items() if name != missing})


@pytest.mark.parametrize("wrong", [{"alg": "HS512"}, {"alg": "none"}, {"app": ""}, {"kid": ""}, {"app": 7}])
def test_members_that_are_wrong(wrong: dict[str, Any]) -> None:
    assert why_not({**SECRET, **wrong}).startswith("key 1 of the file: ")


@pytest.mark.parametrize("wrong", [{"alg": "RS256"}, {"alg": "EdDSA"}, {"use": "enc"}])
def test_a_key_for_something_else(wrong: dict[str, Any]) -> None:
    assert "is not one for" in why_not({**SECRET, **wrong})


def test_a_curve_that_the_algorithm_does_not_mean() -> None:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    assert why_not(jwk(jwt.algorithms.ECAlgorithm, key, **CURVE)) == "key 'k1' is not one for ES256"


def test_a_private_key_does_not_belong_here() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert "is a private one" in why_not(jwk(jwt.algorithms.ECAlgorithm, key, **CURVE))


@pytest.mark.filterwarnings("ignore")
def test_keys_that_are_too_short() -> None:
    assert "at least 32 bytes" in why_not({**SECRET, "k": "aGho"})
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 (it is to be refused)
    weak_public = weak.public_key()
    assert "at least 2048 bits" in why_not(jwk(jwt.algorithms.RSAAlgorithm, weak_public, **RSA_KEY))


@pytest.mark.parametrize("damage", [{"k": 7}, {"k": "é"}])
def test_a_damaged_key(damage: dict[str, Any]) -> None:
    assert why_not({**SECRET, **damage}) in ("key 'k1' is damaged", "key 'k1' is too short: at least 32 bytes")


def test_two_keys_of_one_name() -> None:
    assert why_not(SECRET, SECRET) == "two keys have the kid 'k1'"


def test_the_servers_own_secret_is_no_key_of_an_app() -> None:
    """Its app's backend could make tokens of every other app."""
    assert "is the server's own secret" in why_not(SECRET, ours=("h" * 32,))
