import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.turn import Turn

URLS = ("turn:turn.example.org:3478", "turns:turn.example.org:5349")


def hmac_by_the_book(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA-1 as RFC 2104 writes it down: H(K xor opad, H(K xor ipad, text))."""
    if len(key) > 64:
        key = hashlib.sha1(key, usedforsecurity=False).digest()
    key = key.ljust(64, b"\0")
    inner = hashlib.sha1(bytes(byte ^ 0x36 for byte in key) + text, usedforsecurity=False).digest()
    return hashlib.sha1(bytes(byte ^ 0x5C for byte in key) + inner, usedforsecurity=False).digest()


@given(secret=st.text(min_size=1, max_size=100), peer_id=st.text(max_size=64), now=st.floats(0, 1e10))
def test_a_credential_is_what_coturn_works_out_from_the_name(secret: str, peer_id: str, now: float) -> None:
    [server] = Turn(URLS, secret, 600).ice_servers(peer_id, now)
    assert base64.b64decode(server["credential"], validate=True) == hmac_by_the_book(
        secret.encode(), server["username"].encode()
    )


def test_the_name_says_first_when_the_credential_ends() -> None:
    [server] = Turn(URLS, "secret", 600).ice_servers("peer", 1_000_000.9)
    assert server["username"] == "1000600:peer"


@pytest.mark.parametrize(("lifetime", "expires", "ends"), [(86400, 3600.0, 3600), (600, 3600.0, 600), (600, None, 600)])
def test_a_credential_ends_with_the_user_token_at_the_latest(lifetime: int, expires: float | None, ends: int) -> None:
    [server] = Turn(URLS, "secret", lifetime).ice_servers("peer", 0, expires)
    assert server["username"] == f"{ends}:peer"


def test_every_server_is_named_in_one_entry_that_a_browser_takes() -> None:
    servers = Turn(URLS, "secret", 600).ice_servers("peer", 0)
    assert json.loads(json.dumps(servers)) == servers
    assert [set(server) for server in servers] == [{"urls", "username", "credential"}]
    assert servers[0]["urls"] == list(URLS)


def test_the_secret_is_not_told() -> None:
    assert "north" not in str(Turn(URLS, "north", 600).ice_servers("peer", 0))
