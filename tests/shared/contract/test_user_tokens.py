"""A user token counts only if all of it is as it should be, and its refusal says what is not."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.tokens import Session, TokenError, make_app_token, make_session_token
from shared.contract.user_keys import read_user_keys
from shared.contract.user_tokens import check_not_expired, make_user_token, read_shown
from shared.envelopes.users import User
from tests import keyring

SECRET, OLD = "a" * 32, "b" * 32
NOW = 2_000_000_000  # of no clock of this machine
ANN = User("ann", "Ann", NOW, NOW + 3600, {"tea": "own", "*": "knock"}, "newest")
KEYS = read_user_keys(keyring.key_file("chat", "other"))


def token(alg: str = "EdDSA", header: dict[str, Any] | None = None, **changed: Any) -> str:
    return keyring.signed(NOW, "chat", alg, header, **changed)


def why_not(shown: str, now: float = NOW) -> str:
    with pytest.raises(TokenError) as refused:
        read_shown((SECRET, OLD), KEYS, shown, now)
    return str(refused.value)


@pytest.mark.parametrize("secret", [SECRET, OLD])
def test_what_auth_api_makes_is_read_back(secret: str) -> None:
    app = read_shown((SECRET, OLD), {}, make_user_token(secret, "chat", ANN), NOW)
    assert (app.name, app.issued, app.user) == ("chat", NOW, ANN)


@pytest.mark.parametrize("alg", keyring.PRIVATE)
def test_a_backend_signs_with_its_own_key(alg: str) -> None:
    app = read_shown((SECRET,), KEYS, token(alg, name="Ann", rooms={"tea": "own"}, single="oldest"), NOW)
    assert app.name == "chat"
    assert app.user == User("ann", "Ann", NOW, NOW + 3600, {"tea": "own"}, "oldest")


def test_an_app_token_names_no_user() -> None:
    assert read_shown((SECRET,), KEYS, make_app_token(SECRET, "chat", NOW), NOW).user is None


def test_a_session_token_is_no_user_token() -> None:
    assert why_not(make_session_token(SECRET, Session("chat", "ann", 1, NOW + 60))) == "Token is not valid"


def test_a_user_token_of_a_strange_secret() -> None:
    assert why_not(make_user_token("c" * 32, "chat", ANN)) == "Token is not valid"


def test_a_key_that_nobody_knows() -> None:
    assert why_not(token(header={"kid": "gone"})) == "Token names a key that is not known here"


def test_a_signature_by_another_key() -> None:
    assert why_not(keyring.signed_by_a_stranger("chat")) == "Token is not signed with the key that it names"


def test_the_algorithm_is_the_keys_and_never_the_tokens() -> None:
    """The public key is public: whoever signs with it as a secret must not pass."""
    by_hand, unsigned = keyring.signed_with_a_public_key("chat"), keyring.unsigned("chat")
    sentence = "Token is signed by another algorithm than its key is for"
    assert [why_not(shown) for shown in (by_hand, unsigned, token("HS256", {"kid": "EdDSA"}))] == [sentence] * 3


def test_the_key_of_another_app() -> None:
    assert why_not(token("HS256", {"kid": "theirs"})) == "Token is for another app than its key"
    assert why_not(token(iss="other")) == "Token is for another app than its key"


@pytest.mark.parametrize("aud", ["somebody", [], ["a", "b"]])
def test_a_token_for_another_server(aud: Any) -> None:
    assert why_not(token(aud=aud)) == 'Token is not meant for this server: its aud is not "parley"'


def test_one_of_several_audiences() -> None:
    assert read_shown((), KEYS, token(aud=["video", "parley"]), NOW).name == "chat"


def test_times_have_ten_seconds_of_leeway() -> None:
    assert why_not(token(), NOW - 11) == "Token is not valid yet"
    assert why_not(token(nbf=NOW + 60)) == "Token is not valid yet"
    assert why_not(token(), NOW + 3610) == "Token has expired"
    for now in (NOW - 9, NOW + 3609):
        app = read_shown((), KEYS, token(), now)
        check_not_expired(app, now)
    with pytest.raises(TokenError, match="expired"):
        check_not_expired(app, NOW + 3610)


def test_a_token_that_lives_too_long() -> None:
    day = 86400
    assert read_shown((), KEYS, token(exp=NOW + 30 * day), NOW).user is not None
    assert "lives too long: at most 2592000 seconds" in why_not(token(exp=NOW + 30 * day + 1))
    assert "lives too long" in why_not(token(exp=NOW - 1), NOW - 5)


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "iat", "exp"])
def test_a_claim_that_is_missing_is_named(missing: str) -> None:
    assert f"required field `{missing}`" in why_not(token("HS256", **{missing: None}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sub": ""},
        {"sub": "s" * 129},
        {"sub": "a\nb"},
        {"sub": "a\n"},
        {"sub": 7},
        {"name": "n" * 129},
        {"name": "a\x85b"},
        {"iat": "1"},
        {"iat": -1},
        {"exp": 2**60},
        {"rooms": {"tea": "rule"}},
        {"rooms": {"": "own"}},
        {"rooms": {"t\x00": "own"}},
        {"rooms": {f"r{number}": "own" for number in range(65)}},
        {"rooms": ["tea"]},
        {"single": "both"},
    ],
)
def test_a_claim_that_is_wrong(wrong: dict[str, Any]) -> None:
    assert why_not(token("HS256", **wrong)).startswith("Token has a claim that is missing or wrong: ")


def test_long_identities_and_many_rooms_fit() -> None:
    rooms = {f"room-{number}": "own" for number in range(64)}
    user = read_shown((), KEYS, token(sub="s" * 128, name="é" * 128, rooms=rooms), NOW).user
    assert user is not None
    assert len(user.rooms) == 64


def test_a_grant_is_the_rooms_own_before_that_for_all() -> None:
    assert [ANN.grant(room) for room in ("tea", "milk")] == ["own", "knock"]
    assert User("a", "", 0, 1, {"tea": "own"}).grant("milk") is None


def test_a_token_that_is_too_long() -> None:
    assert why_not("a" * 8193) == "Token is too long"


def test_hostile_heads_and_bodies_are_refused_in_words() -> None:
    def part(text: bytes) -> str:
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    heads = [
        b'{"alg":"HS256","kid":[]}',
        b'{"alg":"HS256","kid":{}}',
        b"[]",
        b"7",
        b"\xff",
        b"[" * 3000,
        b'{"kid":"HS256"}',
    ]
    for head in heads:
        for body in (b"{}", b"[" * 3000, b"\xff", b""):
            assert why_not(f"{part(head)}.{part(body)}.").startswith("Token ")


@given(st.text(max_size=300))
def test_whatever_is_shown_is_refused_in_words(shown: str) -> None:
    assert why_not(shown).startswith("Token ")
