"""What is said in notices when something happens that no host or candidate has asked for."""

import dataclasses
from typing import Any

import pytest

from broker.core.levels import limits_set
from broker.core.limits import Limits
from shared.envelopes import levels
from shared.envelopes.entries import (
    GatewayDown,
    LevelRaised,
    PeerKicked,
    PeerRemoved,
    PolicySet,
    RoomClosed,
    Tick,
    UserRevoked,
)
from shared.envelopes.users import User
from tests.broker.replay import check_replays
from tests.broker.world import World


def brief(world: World, *names: str) -> list[tuple[Any, ...]]:
    """Their types, and some of their fields."""
    return [tuple(notice.get(name) for name in ("type", *names)) for notice in world.read_notices()]


@pytest.fixture
def world() -> World:
    world = World(notices=True, resume_for=30.0)
    world.now += 0.5
    return world


def test_a_room_from_its_creation_to_its_end(world: World) -> None:
    owner = world.peer(user=User("ann", "Ann", 0, 10**10, {"*": "own"}), version=2)
    guest = world.peer("g2")
    world.room(owner, guest)
    world.now += 90.25
    guest.say("room-leave-request", "room")
    owner.say("room-leave-request", "room")
    ann = {"id": "ann", "name": "Ann"}
    common = {"app": "app", "room": "room", "key": "room"}
    of_owner = {"peer_id": owner.peer_id, "identity": ann}
    of_guest = {"peer_id": guest.peer_id, "identity": None}
    policy = {"admission": "ask", "max_peers": 64, "owner_leaves": "pass", "waiting_text": "", "history": 0}
    then, now = 1_000_000_500, 1_000_090_750
    said = world.read_notices()
    positions = [notice.pop("id").split("-")[1] for notice in said]
    assert said == [
        {"type": "room-created", "time": then, **common, **of_owner, "policy": policy},
        {"type": "peer-joined", "time": then, **common, **of_owner, "role": "owner"},
        {"type": "request-made", "time": then, **common, **of_guest},
        {"type": "request-decided", "time": then, **common, **of_guest, "decision": "accepted", "by": owner.peer_id},
        {"type": "peer-joined", "time": then, **common, **of_guest, "role": "member"},
        {"type": "peer-left", "time": now, **common, **of_guest, "reason": "left", "seconds": 90.25},
        {"type": "peer-left", "time": now, **common, **of_owner, "reason": "left", "seconds": 90.25},
        {"type": "room-closed", "time": now, **common, "reason": "empty", "by": None, "seconds": 90.25},
    ]
    assert world.core.state.noticed == (int(positions[-1]), 1)


def test_a_gateway_that_dies_takes_those_along_who_cannot_come_back(world: World) -> None:
    owner, staying, going = world.peer(resumable=True), world.peer("g2", resumable=True), world.peer("g2")
    world.room(owner, staying, going)
    world.read_notices()
    world.now += 2
    world.lose("g2")
    assert brief(world, "peer_id", "reason", "seconds") == [("peer-left", going.peer_id, "lost", 2.0)]
    world.now += 30
    world.say(Tick(0))
    assert brief(world, "peer_id", "reason", "seconds") == [("peer-left", staying.peer_id, "lost", 32.0)]
    world.gateways["g1"].send(GatewayDown(0))
    world.now += 30
    world.say(Tick(0))
    assert brief(world, "reason") == [("peer-left", "lost"), ("room-closed", "empty")]
    check_replays(world)


def test_what_operators_order(world: World) -> None:
    owner, guest, other, waiting = (world.peer() for _ in range(4))
    world.room(owner, guest, other)
    waiting.say("room-join-request", "room")
    world.read_notices()
    world.say(PolicySet("room", b'{"max_peers":9}'), PolicySet("room", b'{"max_peers":9}'))
    assert brief(world, "by") == [("room-policy", None)]
    world.say(PeerKicked("room", guest.peer_id, -1, ""))
    assert brief(world, "peer_id", "banned_until", "reason") == [
        ("peer-kicked", guest.peer_id, True, None),
        ("peer-left", guest.peer_id, None, "kicked"),
    ]
    world.say(PeerRemoved(owner.peer_id))
    assert brief(world, "peer_id", "reason", "before", "role") == [
        ("peer-left", owner.peer_id, "closed", None, None),
        ("room-owner", other.peer_id, None, owner.peer_id, None),
        ("peer-role", other.peer_id, None, None, "owner"),
    ]
    world.say(RoomClosed("room"))
    assert brief(world, "peer_id", "reason", "decision") == [
        ("peer-left", other.peer_id, "room-closed", None),
        ("request-decided", waiting.peer_id, None, "closed"),
        ("room-closed", None, "operator", None),
    ]


def test_an_identity_that_is_revoked(world: World) -> None:
    user = world.peer(user=User("ann", "", 5, 10**10, {"*": "own"}), version=2)
    world.room(user)
    world.read_notices()
    world.say(UserRevoked("app", "ann", 7, 60))
    assert brief(world, "identity", "until", "room", "reason") == [
        ("identity-revoked", "ann", 7, None, None),
        ("peer-left", {"id": "ann", "name": ""}, None, "room", "closed"),
        ("room-closed", None, None, "room", "empty"),
    ]


def test_why_a_room_is_closed(world: World) -> None:
    owner, guest = world.peer(version=2), world.peer(version=2)
    world.room(owner, guest)
    owner.say("room-close-request", "room")
    assert brief(world, "reason", "by")[-1] == ("room-closed", "owner", owner.peer_id)
    world.room(owner, guest)
    owner.say("room-policy-request", "room", policy={"owner_leaves": "close"})
    owner.say("room-leave-request", "room")
    assert brief(world, "reason", "by")[-3:] == [
        ("peer-left", "left", None),
        ("peer-left", "room-closed", None),
        ("room-closed", "owner-left", None),
    ]


def test_with_rooms_of_their_own_apps_are_told_apart() -> None:
    world = World(notices=True, scope_by_app=True)
    one, other = world.peer(app="one"), world.peer(app="other")
    world.room(one)
    world.room(other)
    assert brief(world, "app", "key")[::2] == [
        ("room-created", "one", "one\nroom"),
        ("room-created", "other", "other\nroom"),
    ]


def test_without_notices_nothing_is_said() -> None:
    for world in (World(), World(levels.RIGHTS, notices=True)):
        world.room(world.peer(), world.peer())
        assert world.notices == []
        assert world.core.state.noticed == (0, 0)
        check_replays(world)


def test_a_log_that_begins_with_notices_has_lost_none(world: World) -> None:
    assert world.notices == []


def test_when_notices_begin_later_it_is_said_that_some_are_missing(world: World) -> None:
    early = World(levels.RIGHTS, notices=True)
    early.room(early.peer())
    early.say(LevelRaised(0, levels.LIFE))
    off = dataclasses.replace(world.limits, notices=False)
    world.say(limits_set(0, off))
    world.room(world.peer())
    world.say(limits_set(0, off), limits_set(0, world.limits), limits_set(0, world.limits))
    for one in (early, world):
        assert brief(one, "app", "room") == [("notices-lost", "", None)]
        assert one.core.state.noticed == (len(one.log), 0)


def test_it_does_not_matter_what_a_broker_was_started_with(world: World) -> None:
    world.room(world.peer(), world.peer())
    world.limits = Limits()
    check_replays(world)


def test_what_changes_nothing_is_no_news(world: World) -> None:
    owner, guest = world.peer(version=2), world.peer(version=2)
    world.room(owner)
    guest.say("room-join-request", "room")
    world.read_notices()
    guest.say("room-join-request", "room")
    owner.say("room-policy-request", "room", policy={"admission": "ask"})
    owner.say("room-role-request", "room", owner.peer_id, role="owner")
    assert world.read_notices() == []
