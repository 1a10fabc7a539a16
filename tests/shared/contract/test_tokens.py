"""A token counts for what it was made for, and for nothing else."""

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.tokens import (
    App,
    Session,
    TokenError,
    make_app_token,
    make_session_token,
    read_app,
    read_session_token,
)

SECRET, OLD, OTHER = "a" * 32, "b" * 32, "c" * 32
NOW = 2_000_000_000  # of no clock of this machine
LATER = NOW + 3600


def session_token(secret: str = SECRET, expires: int = LATER) -> str:
    return make_session_token(secret, Session("app", "peer", 3, expires))


def test_what_is_made_can_be_read() -> None:
    assert read_app((SECRET,), make_app_token(SECRET, "app", 7), NOW) == App("app", 7)
    assert read_session_token((SECRET,), session_token(), NOW) == Session("app", "peer", 3, LATER)


def test_a_former_secret_still_counts_and_a_strange_one_does_not() -> None:
    assert read_app((SECRET, OLD), make_app_token(OLD, "app", 0), NOW).name == "app"
    with pytest.raises(TokenError):
        read_app((SECRET, OLD), make_app_token(OTHER, "app", 0), NOW)


def test_neither_passes_for_the_other() -> None:
    with pytest.raises(TokenError):
        read_app((SECRET,), session_token(), NOW)
    with pytest.raises(TokenError):
        read_session_token((SECRET,), make_app_token(SECRET, "app", 0), NOW)


def test_an_expired_session_is_over() -> None:
    with pytest.raises(TokenError):
        read_session_token((SECRET,), session_token(expires=NOW - 1), NOW)


def test_the_clock_of_who_issued_a_token_may_be_a_little_ahead() -> None:
    assert read_app((SECRET,), make_app_token(SECRET, "app", NOW + 5), NOW) == App("app", NOW + 5)
    with pytest.raises(TokenError):
        read_app((SECRET,), make_app_token(SECRET, "app", NOW + 20), NOW)


def test_no_token_counts_longer_because_clocks_differ() -> None:
    over = NOW - 3
    claims = {"typ": "app", "app": "app", "iat": 0, "exp": over}
    with pytest.raises(TokenError):
        read_app((SECRET,), jwt.encode(claims, SECRET, "HS256"), NOW)
    with pytest.raises(TokenError):
        read_session_token((SECRET,), session_token(expires=over), NOW)


@pytest.mark.parametrize("times", [{"exp": "soon"}, {"exp": None}, {"nbf": []}, {"exp": 1e999}, {"nbf": NOW + 20}])
def test_a_token_with_times_that_are_none_or_to_come_is_not_valid(times: dict[str, Any]) -> None:
    claims = {"typ": "app", "app": "app", "iat": 0, "exp": LATER, "nbf": NOW - 1}
    assert read_app((SECRET,), jwt.encode(claims, SECRET, "HS256"), NOW) == App("app", 0)
    with pytest.raises(TokenError):
        read_app((SECRET,), jwt.encode({**claims, **times}, SECRET, "HS256"), NOW)


def unsigned(claims: dict[str, Any]) -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    return f"{head.decode()}.{body.decode()}."


@pytest.mark.parametrize(
    "token",
    [
        unsigned({"typ": "app", "app": "x", "iat": 0}),
        jwt.encode({"typ": "app", "app": "x", "iat": 0}, SECRET * 2, "HS512"),
        jwt.encode({"typ": "app", "iat": 0}, SECRET, "HS256"),
        jwt.encode({"typ": "app", "app": "", "iat": 0}, SECRET, "HS256"),
        jwt.encode({"typ": "app", "app": 5, "iat": 0}, SECRET, "HS256"),
        jwt.encode({"app": "x", "iat": 0}, SECRET, "HS256"),
        "a.b.c",
        "",
        "x" * 5000,
        None,
        5,
        {},
        ["a"],
    ],
)
def test_anything_else_is_no_token(token: object) -> None:
    with pytest.raises(TokenError):
        read_app((SECRET,), token, NOW)


segments = st.text('ABCab01-_=.{}"\u00e9\ud800', max_size=40) | st.binary(max_size=40).map(
    lambda data: base64.urlsafe_b64encode(data).decode()
)


@given(st.lists(segments, max_size=4).map(".".join))
def test_garbage_is_refused_and_nothing_worse(token: str) -> None:
    for read in (read_app, read_session_token):
        with pytest.raises(TokenError):
            read((SECRET,), token, NOW)


def test_deeply_nested_claims_are_refused() -> None:
    body = base64.urlsafe_b64encode(b"[" * 2900).rstrip(b"=").decode()
    head = jwt.encode({}, SECRET, "HS256").split(".")[0]
    with pytest.raises(TokenError):
        read_app((SECRET,), f"{head}.{body}.AAAA", NOW)


def test_a_session_token_of_an_earlier_version_has_no_key() -> None:
    claims = {"typ": "session", "app": "app", "sub": "peer", "turn": 3, "exp": LATER}
    assert read_session_token((SECRET,), jwt.encode(claims, SECRET, "HS256"), NOW) == Session(
        "app", "peer", 3, LATER, ""
    )
    with pytest.raises(TokenError):
        read_session_token((SECRET,), jwt.encode({**claims, "key": 7}, SECRET, "HS256"), NOW)


def test_a_name_that_no_app_can_have_is_refused() -> None:
    with pytest.raises(TokenError):
        read_app((SECRET,), make_app_token(SECRET, "a" * 129, 0), NOW)
