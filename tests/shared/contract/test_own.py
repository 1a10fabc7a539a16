"""An event's own fields, on their way through the log."""

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest

from gateway.incoming import door
from shared.contract import own
from shared.contract.bounds import is_bounded
from shared.contract.events import EVENTS, Payload, Right, RoomEvent
from tests.trial import FIELDS, declared

NAME = "own-trial"
Short = Annotated[str, msgspec.Meta(max_length=5)]


def test_events_that_have_none_take_nothing_along() -> None:
    events = [event for event in EVENTS.values() if not event.OWN]
    assert [own.pack(event(payload=msgspec.Raw(b"1"))) for event in events] == [b""] * len(events)


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
    said = {"NAME": NAME, "DOC": "x", "SINCE": 2, "LEVEL": 1, "WHO": Right.MEMBER}
    with pytest.raises(TypeError, match=r"X\.text has no bound"):
        msgspec.defstruct("X", [("text", hint, None)], bases=(RoomEvent,), namespace=said, frozen=True, kw_only=True)
    assert NAME not in EVENTS
