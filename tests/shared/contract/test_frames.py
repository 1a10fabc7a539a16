"""Frames are what a Socket.IO client reads."""

import json
from typing import Any

import pytest

from shared.contract.frames import (
    ack_frame,
    can_be_read,
    is_json,
    payload_of,
    refusal_frames,
    relay_frame,
    relay_start,
)
from shared.contract.refusals import BAD_REQUEST, CATALOGUE, NOT_MEMBER, TAKEN, UNAUTHORIZED, Refusal
from shared.contract.told import RoomClosed, RoomCreateAccept, RoomUserJoin, raw


def read(frame: bytes, head: str) -> Any:
    text = frame.decode()
    assert text.startswith(head)
    return json.loads(text.removeprefix(head))


def test_an_event_and_an_acknowledgement() -> None:
    assert read(RoomClosed(room="é").frame(), "42") == ["room-closed", {"room": "é"}]
    assert read(ack_frame(17, {"ok": True}), "4317") == [{"ok": True}]


def test_encoded_bodies_pass_as_they_are() -> None:
    frame = RoomUserJoin(room="r", peer_id="p", payload=raw(b'{"n": 1.50}'), peerinfo=raw(b"")).frame()
    assert b'"payload":{"n": 1.50}' in frame
    assert b"peerinfo" not in frame
    assert payload_of(frame) == b'{"n": 1.50}'
    assert payload_of(RoomClosed(room="r").frame()) == b""


def test_an_acknowledgement_comes_only_when_asked_for() -> None:
    accept = RoomCreateAccept(room="r")
    assert len(accept.frames(None)) == 1
    event, ack = accept.frames(3)
    assert read(event, "42") == ["room-create-accept", {"room": "r"}]
    assert read(ack, "433") == [{"ok": True, "room": "r"}]


@pytest.mark.parametrize(
    ("event", "refusal", "answer"),
    [
        ("room-create-request", Refusal(TAKEN), "room-create-reject"),
        ("room-join-request", Refusal(BAD_REQUEST), "room-join-reject"),
        ("auth-request", Refusal(UNAUTHORIZED), "auth-reject"),
        ("relay-ice-candidate", Refusal(NOT_MEMBER), "request-reject"),
        ("relay-ice-candidate", Refusal(UNAUTHORIZED), "unauthorized"),
        ("no-such-event", Refusal(BAD_REQUEST), "request-reject"),
    ],
)
def test_each_event_is_refused_by_its_own(event: str, refusal: Refusal, answer: str) -> None:
    frame, ack = refusal_frames(event, refusal, 0, {"room": "r"})
    name, fields = read(frame, "42")
    assert name == answer
    assert (fields["code"], fields["message"]) == (refusal.code, refusal.message)
    assert fields.get("event") == (event if answer == "request-reject" else None)
    assert read(ack, "430") == [{"ok": False, "code": refusal.code, "message": refusal.message}]


def test_codes_are_unique_and_have_a_sentence() -> None:
    assert len({code.code for code in CATALOGUE}) == len(CATALOGUE)
    assert all(code.message and code.when for code in CATALOGUE)


STAMPED = {"room": 'r\u00e9"', "peer_id": "ann"}
RELAY = relay_frame("relay-ice-candidate", **STAMPED, body=b'{"peer_id":"x"}', peerinfo=b"", payload=b"1")


def test_a_relay_begins_with_what_the_server_says_of_it() -> None:
    assert RELAY.startswith(relay_start("relay-ice-candidate", **STAMPED))
    assert relay_start("room-join-request", "r", "ann") == relay_start("nothing", "r", "ann") == b""
    assert can_be_read(RELAY)
    assert can_be_read(b"41")


@pytest.mark.parametrize(
    "frame",
    [
        RELAY[:-1],
        RELAY + b" 1",
        RELAY.replace(b"1}]", b"}]"),
        RELAY.replace(b"1}]", b'1,"peer_id":"bob"}]'),
        RELAY.replace(b"1}]", b'1,"peer\\u005fid":"bob"}]'),
        RELAY.replace(b"1}]", b'1,"room":"other"}]'),
        RELAY.replace(b"1}]", b'"\xff"}]'),
        RELAY.replace(b"1}]", b"1}],1"),
        RELAY.replace(b"1}]", b"[" * 200_000),
        b'42["ice-candidate"',
        b'42["ice-candidate",{}]',
        b'42["ice-candidate",{"peer_id":"ann","room":"r"}]',
    ],
)
def test_a_relay_that_is_not_whole_or_says_twice_who_it_is_from_is_told_apart(frame: bytes) -> None:
    assert not can_be_read(frame)


@pytest.mark.parametrize(
    ("data", "whole"),
    [(b"1", True), (b'{"a":[1]}', True), (b"", False), (b"1,2", False), (b'"\xff"', False), (b"[" * 200_000, False)],
)
def test_json_is_told_apart_from_other_bytes(data: bytes, whole: bool) -> None:
    assert is_json(data) is whole
