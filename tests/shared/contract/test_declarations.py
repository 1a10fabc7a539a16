"""What every declared event must have, and what follows from that everywhere. Nothing here names an event."""

import json
from typing import Any

import msgspec
import pytest

from broker.core.rules import RULES
from gateway.incoming.door import MAX_DEPTH, MAX_DIGITS, read
from gateway.incoming.sizes import Sizes
from gateway.settings import Settings
from shared.contract.events import ABSENT, EVENTS, ClientEvent, Right, RoomEvent
from shared.contract.refusals import Refusal
from shared.envelopes.levels import LEVEL
from shared.process.settings import declared

LIMIT = 8000
SIZES = Sizes(**{field.name: LIMIT for field, _, _ in declared(Sizes)})
BODIES = [(name, field) for name, event in EVENTS.items() for field in event.BODIES]


def enter(name: str, field: str, body: str) -> ClientEvent:
    """Whatever else the event needs, with this body."""
    needed = {need: "x" for need in EVENTS[name].NEEDS if need != "peer"}
    fields = {**needed, **({"to": "x"} if "peer" in EVENTS[name].NEEDS else {}), field: None}
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


WHOLE: dict[str, Any] = {"NAME": "x", "DOC": "x", "SINCE": 2, "WHO": Right.MEMBER}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        *(({"but": said}, f"does not say its {said}") for said in ("DOC", "SINCE", "WHO")),
        ({"NAME": "auth-request"}, "has the name of AuthRequest"),
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
