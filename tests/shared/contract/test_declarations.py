"""What every declared event must have, and what follows from that everywhere. Nothing here names an event."""

import json
from typing import Any

import msgspec
import pytest

from broker.core.rules import RULES
from gateway.incoming.door import MAX_DEPTH, MAX_DIGITS, read
from gateway.incoming.sizes import Sizes
from gateway.settings import Settings
from shared.contract.events import (
    ABSENT,
    EVENTS,
    AuthRequest,
    ClientEvent,
    Right,
    RoomEvent,
    RoomJoinRequest,
    RoomJoinRequest1,
    first,
    known,
)
from shared.contract.refusals import Refusal
from shared.contract.shapes import Answer
from shared.envelopes.levels import LEVEL
from shared.process.settings import declared
from tests.events import whole

LIMIT = 8000
SIZES = Sizes(**{field.name: LIMIT for field, _, _ in declared(Sizes)})
BODIES = [(name, field) for name, event in EVENTS.items() for field in event.BODIES]


def enter(name: str, field: str, body: str) -> ClientEvent:
    """Whatever else the event needs, with this body."""
    fields = {**whole(name), field: None}
    text = ",".join(f"{json.dumps(key)}:{body if key == field else json.dumps(fields[key])}" for key in fields)
    return read(name, msgspec.Raw(f"{{{text}}}".encode()), SIZES)


def refusal(name: str, field: str, body: str) -> str:
    with pytest.raises(Refusal) as caught:
        enter(name, field, body)
    return caught.value.code


@pytest.mark.parametrize(("name", "field"), BODIES)
def test_every_body_has_its_limit_at_the_door(name: str, field: str) -> None:
    assert len(getattr(enter(name, field, json.dumps("x" * (LIMIT - 2))), field)) == LIMIT
    assert refusal(name, field, json.dumps("x" * (LIMIT - 1))) == "too-large"


@pytest.mark.parametrize(("name", "field"), BODIES)
def test_no_body_is_too_deep_or_has_too_many_digits(name: str, field: str) -> None:
    enter(name, field, "[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert refusal(name, field, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == "bad-request"
    enter(name, field, "9" * (MAX_DIGITS - 1))
    assert refusal(name, field, "9" * MAX_DIGITS) == "bad-request"


@pytest.mark.parametrize(("name", "field"), BODIES)
def test_a_needed_body_is_null_only_where_that_is_declared(name: str, field: str) -> None:
    if field in EVENTS[name].NEEDS and not EVENTS[name].BODIES[field].null:
        assert refusal(name, field, "null") == "bad-request"
    else:
        enter(name, field, "null")


@pytest.mark.parametrize("event", EVENTS.values())
def test_every_limit_is_a_setting_with_the_declared_default(event: type[ClientEvent]) -> None:
    defaults = {field.name: field.default for field, _, _ in declared(Settings)}
    assert {body.limit: body.default for body in event.BODIES.values()}.items() <= defaults.items()


@pytest.mark.parametrize("event", EVENTS.values())
def test_every_event_says_what_follows_and_since_when(event: type[ClientEvent]) -> None:
    assert event.DOC
    assert event.SINCE in (1, 2)
    assert event.REFUSED_AS


def test_a_field_of_any_json_without_a_limit_is_no_declaration() -> None:
    with pytest.raises(TypeError, match=r"Open\.body holds any JSON and has no limit"):

        class Open(RoomEvent, kw_only=True, frozen=True):
            body: msgspec.Raw = ABSENT

    with pytest.raises(TypeError, match="no limit"):

        class OrNothing(RoomEvent, kw_only=True, frozen=True):
            body: msgspec.Raw | None = None


def test_a_field_of_anything_without_a_shape_is_no_declaration() -> None:
    said = {**WHOLE, "LEVEL": LEVEL}
    with pytest.raises(TypeError, match=r"X\.room does not say what it holds"):
        msgspec.defstruct("X", [("room", list[Any], [])], bases=(RoomEvent,), namespace=said, frozen=True)
    assert "x" not in EVENTS


WHOLE: dict[str, Any] = {"NAME": "x", "DOC": "x", "SINCE": 2, "WHO": Right.MEMBER, "ANSWER": Answer}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        *(({"but": said}, f"does not say its {said}") for said in ("DOC", "SINCE", "WHO", "ANSWER")),
        ({"NAME": "auth-request"}, "has the name of AuthRequest, and is no later version of it"),
        ({"NEEDS": ("room", "body")}, "needs what it has not got: body"),
        ({"BODY": "payload"}, "is not relayed"),
        ({"RELAYED_AS": "y"}, "without a body"),
        ({}, "does not say its LEVEL"),
        ({"LEVEL": LEVEL + 1}, "is of a level that this release does not know"),
    ],
)
def test_an_event_that_leaves_something_open_is_no_declaration(more: dict[str, Any], why: str) -> None:
    said = {name: value for name, value in {**WHOLE, **more}.items() if name != more.get("but") and name != "but"}
    with pytest.raises(TypeError, match=why):
        msgspec.defstruct("X", [], bases=(RoomEvent,), namespace=said, frozen=True)
    assert "x" not in EVENTS


def test_every_event_but_the_first_has_a_rule() -> None:
    assert set(RULES) == {name for name, event in EVENTS.items() if event.WHO is not Right.ANYONE}


def test_an_earlier_version_of_an_event_is_what_it_was() -> None:
    assert known("room-join-request", 1) is RoomJoinRequest1
    assert known("room-join-request", 2) is RoomJoinRequest
    assert (first("room-join-request").SINCE, first("room-join-cancel").SINCE) == (1, 2)
    assert known("room-join-cancel", 1) is None
    body = msgspec.Raw(b'{"room":"r","create":"perhaps"}')
    assert read("room-join-request", body, SIZES, version=1).payload == ABSENT, "it never knew of such a field"
    with pytest.raises(Refusal):
        read("room-join-request", body, SIZES, version=2)


@pytest.mark.parametrize("asked", [None, 0, 1, -5, 1.5, "2", "1.2.3", {}, True])
def test_whatever_version_1_has_in_that_field_means_version_1(asked: Any) -> None:
    event = read("auth-request", msgspec.Raw(json.dumps({"token": "t", "version": asked}).encode()), SIZES)
    assert isinstance(event, AuthRequest)
    assert event.version_asked() == 1


@pytest.mark.parametrize("asked", [2, 3, 10**30])
def test_a_later_version_is_answered_with_the_highest_that_both_know(asked: int) -> None:
    event = read("auth-request", msgspec.Raw(json.dumps({"token": "t", "version": asked}).encode()), SIZES)
    assert isinstance(event, AuthRequest)
    assert event.version_asked() == 2
