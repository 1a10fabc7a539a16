"""An event's own fields reach its rule with their types; what cannot be right is passed over, by every broker alike."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from shared.envelopes.entries import Said
from tests.broker.invariants import plain_but_for_progress
from tests.broker.replay import check_replays
from tests.broker.world import Socket, World
from tests.trial import FIELDS, Taken, declared

EVENT, LATER = "dispatch-trial", "dispatch-later"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Taken]:
    with declared(monkeypatch, EVENT) as taken:
        yield taken


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[Taken]:
    with declared(monkeypatch, LATER, since=2) as taken:
        yield taken


def say(peer: Socket, fields: bytes, event: str = EVENT, ack: int | None = None) -> None:
    peer.gateway.send(Said(event, peer.conn, ack, "room", "other", b'"payload"', fields))


def test_a_rule_gets_the_fields_as_they_are_declared(taken: Taken) -> None:
    world = World()
    peer = world.peer()
    world.room(peer)
    say(peer, json.dumps({**FIELDS, "of-a-later-version": 1}).encode(), ack=3)
    [(peer_id, asked)] = taken
    assert (asked.own.text, asked.own.role, asked.own.ban, bytes(asked.own.extra)) == (
        "hello",
        "owner",
        True,
        b'{"n": 1}',
    )
    assert (peer_id, asked.conn, asked.ack, asked.peer_id, asked.body) == (
        peer.peer_id,
        peer.conn,
        3,
        "other",
        b'"payload"',
    )
    assert asked.room is world.core.state.rooms[asked.key]
    assert asked.room_name == "room"


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "longer"},
        {"text": 5},
        {"role": "king"},
        {"role": None},
        {"ban": 10},
        {"ban": "x"},
        {"but": "role"},
        {"but": "extra"},
    ],
    ids=str,
)
def test_fields_that_no_gateway_would_let_in_are_passed_over(taken: Taken, wrong: dict[str, Any]) -> None:
    fields = {name: value for name, value in {**FIELDS, **wrong}.items() if name not in ("but", wrong.get("but"))}
    passes_over(json.dumps(fields).encode())
    assert taken == []


@pytest.mark.parametrize(
    "wrong",
    [b"{", b"[]", b"1", b"\xff", b'{"role":"owner","extra":"\xff"}', b'{"role":"owner","extra":' + b"[" * 5000, b""],
)
def test_bytes_that_are_no_fields_are_passed_over(taken: Taken, wrong: bytes) -> None:
    passes_over(wrong)
    assert taken == []


def passes_over(fields: bytes) -> None:
    world = World()
    peer = world.peer()
    world.room(peer)
    before = plain_but_for_progress(world.core.state)
    say(peer, fields, ack=1)
    assert plain_but_for_progress(world.core.state) == before
    assert (peer.read(), peer.acks, world.core.doubted) == ([], {}, 1)
    check_replays(world)


def test_fields_of_an_event_that_has_none_are_those_of_a_later_version() -> None:
    world = World()
    peer = world.peer()
    peer.gateway.send(Said("room-create-request", peer.conn, None, "room", "", b"", b'{"policy":{}}'))
    assert peer.heard() == ["room-create-accept"]


def test_an_event_is_as_good_as_none_for_one_who_has_not_asked_for_its_version(later: Taken) -> None:
    world = World()
    peer = world.peer()
    world.room(peer)
    fields = msgspec.json.encode(FIELDS)
    say(peer, fields, LATER)
    say(peer, fields, "no-such-event")
    known, unknown = peer.read()
    assert {**known.fields, "event": ""} == {**unknown.fields, "event": ""}
    assert (known.event, unknown.event, later) == ("request-reject", "request-reject", [])
    world.core.state.peers[peer.peer_id].version = 2
    say(peer, fields, LATER)
    assert [(peer_id, asked.own.role) for peer_id, asked in later] == [(peer.peer_id, "owner")]


def test_what_is_refused_to_one_who_may_not_is_not_even_asked(taken: Taken) -> None:
    world = World()
    peer, stranger = world.peer(), world.peer()
    world.room(peer)
    say(stranger, msgspec.json.encode(FIELDS))
    assert stranger.refused("room-join-reject") == "not-member"
    assert taken == []
