import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.incoming.door import MAX_PEER_ID, auth_of, known_of, peer_named, read
from gateway.incoming.sizes import Sizes
from gateway.transport.engineio.socket import Argument
from gateway.transport.socketio import event_in
from shared.contract.events import EVENTS, AuthRequest, ClientEvent, PeerEvent, RoomEvent
from shared.contract.refusals import BAD_REQUEST, TOO_LARGE, Refusal
from tests.events import whole

SIZES = Sizes(max_payload=40, max_peerinfo=50, max_ice_candidate=60, max_session_description=70, max_room_name=8)


BIG = Sizes(max_session_description=1_000_000)


NAMES = sorted(EVENTS)


names = st.sampled_from(NAMES)


FIELDS = ("auth", "n", "payload", "token", "peerinfo", "resumable", "resume", "received", "room", "to", "peer_id")


BODIES = ("session_description", "ice_candidate")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


objects = st.dictionaries(st.sampled_from([*FIELDS, *BODIES]) | st.text(max_size=5), values, max_size=8)


WHOLE = {"room": "room", "to": "peer", "session_description": 1, "ice_candidate": 1}


def enter(name: str, fields: Any, sizes: Sizes = SIZES) -> ClientEvent:
    return read(name, msgspec.Raw(json.dumps(fields).encode()), sizes)


def refusal(name: str, fields: Any, sizes: Sizes = SIZES) -> str:
    with pytest.raises(Refusal) as caught:
        enter(name, fields, sizes)
    return caught.value.code


def check_within_limits(event: ClientEvent) -> None:
    for field, body in event.BODIES.items():
        raw = bytes(getattr(event, field))
        assert len(raw) <= getattr(SIZES, body.limit)
        if raw:
            json.loads(raw)
    if isinstance(event, RoomEvent):
        assert len(event.room or "") <= SIZES.max_room_name
        assert event.room or "room" not in event.NEEDS
    if isinstance(event, PeerEvent):
        assert ("peer" in event.NEEDS) <= len(peer_named(event)) <= MAX_PEER_ID


def try_to_enter(name: str, body: bytes) -> None:
    """Whatever it is: an event within its limits, or a refusal that can be answered with what is known of it."""
    raw = msgspec.Raw(body)
    code = ""
    try:
        check_within_limits(read(name, raw, SIZES))
        auth_of(raw)
    except Refusal as refused:
        code = refused.code
    assert code in ("", BAD_REQUEST.code, TOO_LARGE.code)
    json.loads(msgspec.json.encode(known_of(raw, SIZES)))


@settings(max_examples=150, deadline=None)
@given(names, objects | values)
def test_any_json_is_an_event_or_a_refusal(name: str, value: Any) -> None:
    try_to_enter(name, json.dumps(value).encode())


@settings(max_examples=150, deadline=None)
@given(names, st.text(alphabet='{}[]":,\\ud8 0e-n\u00e9tru"', max_size=60) | st.text(max_size=30))
def test_any_text_is_an_event_or_a_refusal(name: str, text: str) -> None:
    try_to_enter(name, text.encode(errors="replace"))


@settings(max_examples=100, deadline=None)
@given(names, objects, st.integers(0, 200), st.text(max_size=3))
def test_any_damaged_json_is_an_event_or_a_refusal(name: str, value: Any, at: int, junk: str) -> None:
    text = json.dumps({**WHOLE, **value}, ensure_ascii=False)
    try_to_enter(name, (text[:at] + junk + text[at + len(junk) :]).encode(errors="replace"))


@given(st.text().filter(lambda name: name not in EVENTS), values)
def test_an_unknown_event_is_a_bad_request(name: str, value: Any) -> None:
    assert refusal(name, value) == "bad-request"


@pytest.mark.parametrize("name", NAMES)
def test_an_event_without_argument_lacks_what_it_needs(name: str) -> None:
    if whole(name):
        with pytest.raises(Refusal) as caught:
            read(name, None, SIZES)
        assert caught.value.code == BAD_REQUEST.code
    else:
        assert isinstance(read(name, None, SIZES), EVENTS[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("needed", ["room", "to", "session_description", "ice_candidate"])
def test_every_needed_field_is_asked_for(name: str, needed: str) -> None:
    said = {**whole(name), **WHOLE}
    fields = {field: value for field, value in said.items() if field != needed}
    assert isinstance(enter(name, said), EVENTS[name])
    if ("peer" if needed == "to" else needed) in EVENTS[name].NEEDS:
        assert refusal(name, fields) == "bad-request"
    else:
        assert isinstance(enter(name, fields), EVENTS[name])


@pytest.mark.parametrize("field", ["payload", "ice_candidate"])
def test_a_body_may_be_as_large_as_its_limit_and_no_larger(field: str) -> None:
    limit = getattr(SIZES, f"max_{field}")
    fields = {**WHOLE, field: "x" * (limit - 2)}
    assert len(getattr(enter("relay-ice-candidate", fields), field)) == limit
    assert refusal("relay-ice-candidate", {**WHOLE, field: "x" * (limit - 1)}) == "too-large"


def test_the_limits_of_a_description_and_of_peerinfo_are_their_own() -> None:
    enter("relay-session-description", {**WHOLE, "session_description": "x" * 68})
    assert refusal("relay-session-description", {**WHOLE, "session_description": "x" * 69}) == "too-large"
    enter("auth-request", {"peerinfo": "x" * 48})
    assert refusal("auth-request", {"peerinfo": "x" * 49}) == "too-large"


def test_sizes_are_counted_in_bytes_and_names_in_characters() -> None:
    body = msgspec.Raw(json.dumps({"payload": "é" * 20}, ensure_ascii=False).encode())
    with pytest.raises(Refusal) as caught:
        read("room-create-request", body, SIZES)
    assert caught.value.code == TOO_LARGE.code
    enter("room-create-request", {"room": "é" * 8})
    assert refusal("room-create-request", {"room": "é" * 9}) == "too-large"
    assert refusal("room-create-request", {"room": "x" * 100_000}) == "too-large"


@pytest.mark.parametrize("character", ["\n", "\x00", "\x1f", "\x7f", "\x85", "\x9f"])
def test_a_room_name_has_no_control_characters(character: str) -> None:
    assert refusal("room-join-request", {"room": f"a{character}b"}) == "bad-request"


@pytest.mark.parametrize("room", [None, ""])
def test_a_room_without_a_name_can_only_be_created(room: object) -> None:
    enter("room-create-request", {"room": room})
    assert refusal("room-join-request", {"room": room}) == "bad-request"


@pytest.mark.parametrize("room", [1, True, [], {}, 1.5])
def test_a_room_name_is_text(room: object) -> None:
    assert refusal("room-create-request", {"room": room}) == "bad-request"


def test_either_name_of_a_peer_will_do_and_two_that_differ_will_not() -> None:
    for fields in ({"to": "a"}, {"peer_id": "a"}, {"to": "a", "peer_id": "a"}, {"to": "a", "peer_id": None}):
        event = enter("room-join-accept", {"room": "room", **fields})
        assert isinstance(event, PeerEvent)
        assert peer_named(event) == "a"
    assert refusal("room-join-accept", {"room": "room", "to": "a", "peer_id": "b"}) == "bad-request"
    enter("room-join-accept", {"room": "room", "to": "a" * MAX_PEER_ID})
    assert refusal("room-join-accept", {"room": "room", "to": "a" * (MAX_PEER_ID + 1)}) == "bad-request"


def test_null_is_no_description_but_ends_candidates() -> None:
    assert refusal("relay-session-description", {**WHOLE, "session_description": None}) == "bad-request"
    enter("relay-ice-candidate", {**WHOLE, "ice_candidate": None})


def test_an_app_token_alone_is_an_auth_request() -> None:
    assert enter("auth-request", "a token") == AuthRequest(token="a token")
    assert refusal("room-create-request", "a token") == "bad-request"


@pytest.mark.parametrize("received", [-1, 1.5, "1", True, 10**30])
def test_what_was_received_is_a_count(received: object) -> None:
    assert refusal("auth-request", {"received": received}) == "bad-request"


def test_of_a_refused_event_its_sender_gets_back_what_is_small_enough() -> None:
    body = {"room": 1, "peer_id": "p" * 100, "payload": "x" * 100}
    assert known_of(msgspec.Raw(json.dumps(body).encode()), SIZES) == {}
    fine = msgspec.Raw(b'{"room": "r", "peer_id": "p", "payload": [1], "to": 3}')
    assert known_of(fine, SIZES) == {"room": "r", "peer_id": "p", "payload": msgspec.Raw(b"[1]")}
    assert known_of(None, SIZES) == {}


@given(
    st.sampled_from(NAMES),
    objects.map(lambda some: {**some, **WHOLE}) | objects,
    st.sampled_from([",1", ",{}", ""]),
    st.sampled_from([1, 2]),
)
def test_what_was_decoded_with_its_packet_is_the_event_that_it_would_be_by_itself(
    name: str, fields: dict[str, Any], more: str, version: int
) -> None:
    def found(body: Argument) -> Any:
        try:
            return read(name, body, SIZES, version), None
        except Refusal as refused:
            return refused.fields(), known_of(body, SIZES)

    alone = msgspec.Raw(msgspec.json.encode(fields))
    named, body = event_in(f'["{name}",{bytes(alone).decode()}{more}]')
    assert named == name
    assert auth_of(body) == auth_of(alone)
    assert found(body) == found(alone)
