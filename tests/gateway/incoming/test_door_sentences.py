"""What a client of version 1 is told at the door, word for word, as it has been told since the first release."""

from typing import Any

import msgspec
import pytest

from gateway.incoming.door import MAX_DEPTH, MAX_DIGITS, MAX_PEER_ID, read
from gateway.incoming.sizes import Sizes
from shared.contract.refusals import Refusal

SIZES = Sizes(max_payload=10_000, max_peerinfo=50, max_room_name=8)
WHOLE = {"room": "room", "to": "peer"}
DEEP: Any = []
for _ in range(MAX_DEPTH):
    DEEP = [DEEP]

SAID = [
    ("room-jump-request", WHOLE, "bad-request", "There is no such event"),
    ("room-kick-request", WHOLE, "bad-request", "There is no such event"),
    ("room-join-request", {}, "bad-request", "room is missing"),
    ("room-join-request", {"room": ""}, "bad-request", "room is missing"),
    ("room-join-request", {"room": 1}, "bad-request", "Expected `str | null`, got `int` - at `$.room`"),
    ("room-join-request", [], "bad-request", "Expected `object`, got `array`"),
    ("room-join-request", {"room": "tea\n"}, "bad-request", "A room name has no control characters"),
    ("room-join-request", {"room": "x" * 9}, "too-large", "A room name has at most 8 characters"),
    ("room-join-accept", {"room": "room"}, "bad-request", "peer_id is missing"),
    ("room-join-accept", {**WHOLE, "peer_id": "other"}, "bad-request", "to and peer_id name different peers"),
    ("room-join-accept", {"room": "room", "to": "x" * (MAX_PEER_ID + 1)}, "bad-request", "peer_id is too long"),
    ("relay-session-description", WHOLE, "bad-request", "session_description is missing"),
    ("relay-ice-candidate", WHOLE, "bad-request", "ice_candidate is missing"),
    ("room-create-request", {"payload": "x" * 9_999}, "too-large", "payload is larger than 10000 bytes"),
    ("room-create-request", {"payload": DEEP}, "bad-request", f"payload is nested more than {MAX_DEPTH} deep"),
    ("auth-request", {"peerinfo": "x" * 49}, "too-large", "peerinfo is larger than 50 bytes"),
    ("auth-request", {"received": -1}, "bad-request", "Expected `int` >= 0 - at `$.received`"),
]


@pytest.mark.parametrize(("event", "fields", "code", "sentence"), SAID)
def test_a_client_of_version_1_is_told(event: str, fields: Any, code: str, sentence: str) -> None:
    assert told(event, msgspec.json.encode(fields)) == {"code": code, "message": sentence}


def test_it_is_told_that_it_cannot_be_understood() -> None:
    long = b'{"payload": 1%s}' % (b"0" * MAX_DIGITS)
    assert told("room-create-request", long)["message"] == "payload holds a number that is too long"
    for damaged in (b'{"room": "room"', b'{"room": "\xff"}', b""):
        assert told("room-join-request", damaged)["message"] == "The fields cannot be read"


def told(event: str, body: bytes) -> dict[str, Any]:
    with pytest.raises(Refusal) as caught:
        read(event, msgspec.Raw(body), SIZES, version=1)
    return caught.value.fields()
