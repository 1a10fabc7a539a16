"""An event's own fields, on their way through the log."""

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest

from gateway.incoming import door
from shared.contract import own
from shared.contract.bounds import is_bounded
from shared.contract.events import EVENTS, Payload, Right, RoomEvent
from shared.contract.shapes import Answer
from tests.events import whole
from tests.trial import FIELDS, declared

NAME = "own-trial"
Short = Annotated[str, msgspec.Meta(max_length=5)]


@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if event.SINCE == 1])
def test_events_that_have_none_take_nothing_along(name: str) -> None:
    assert EVENTS[name].OWN == ()
    assert own.pack(EVENTS[name](payload=msgspec.Raw(b"1"))) == b""


@pytest.mark.parametrize("name", EVENTS)
def test_whatever_is_taken_along_is_read_again(name: str) -> None:
    event = door.decode(name, msgspec.Raw(json.dumps(whole(name)).encode()), 2)
    packed = own.pack(event)
    again = own.unpack(name, packed)
    assert again is not None
    assert [getattr(again, field) for field in event.OWN] == [getattr(event, field) for field in event.OWN]
    assert bool(packed) == any(field in whole(name) for field in event.OWN), "what has a default is left out"


def test_fields_are_packed_as_the_client_gave_them_and_those_left_out_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with declared(monkeypatch, NAME):
        event = door.decode(
            NAME, msgspec.Raw(b'{"auth":"a","room":"r","payload":1,"role":"member","extra":{"n":1.50}}')
        )
        assert own.pack(event) == b'{"role":"member","extra":{"n":1.50}}'
        event = door.decode(NAME, msgspec.Raw(json.dumps({**FIELDS, "room": "r"}).encode()))
        again = own.unpack(NAME, own.pack(event))
        assert again is not None
        assert [getattr(again, field) for field in event.OWN] == [getattr(event, field) for field in event.OWN]


@pytest.mark.parametrize(
    ("hint", "bounded"),
    [
        (str, False),
        (Short, True),
        (Short | None, True),
        (str | None, False),
        (bool, True),
        (int, False),
        (Annotated[int, msgspec.Meta(ge=0)], False),
        (Annotated[int, msgspec.Meta(ge=0, lt=9)], True),
        (Annotated[int, msgspec.Meta(ge=0, lt=9)] | bool | None, True),
        (Annotated[float, msgspec.Meta(gt=0, le=9)], True),
        (Literal["a", "b"], True),
        (list[Short], False),
        (Annotated[list[Short], msgspec.Meta(max_length=9)], True),
        (Annotated[list[str], msgspec.Meta(max_length=9)], False),
        (Annotated[dict[Short, bool], msgspec.Meta(max_length=9)], True),
        (Annotated[dict[str, bool], msgspec.Meta(max_length=9)], False),
        (dict[Short, bool], False),
        (Any, False),
        (Payload, True),
    ],
    ids=str,
)
def test_a_type_bounds_its_values_or_does_not(hint: Any, bounded: bool) -> None:
    assert is_bounded(hint) is bounded


@pytest.mark.parametrize("hint", [str, int, Any, list[int]])
def test_a_field_without_a_bound_is_no_declaration(hint: Any) -> None:
    said = {"NAME": NAME, "DOC": "x", "SINCE": 2, "LEVEL": 1, "WHO": Right.MEMBER, "ANSWER": Answer}
    with pytest.raises(TypeError, match=r"X\.text has no bound"):
        msgspec.defstruct("X", [("text", hint, None)], bases=(RoomEvent,), namespace=said, frozen=True, kw_only=True)
    assert NAME not in EVENTS
