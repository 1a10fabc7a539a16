"""Level and limits: what all brokers go by is what the log says, at the same position for each of them."""

import dataclasses
import json

import msgspec
import pytest

from broker.core.levels import NewerLog, limits_set
from broker.core.limits import Limits
from broker.core.machine import Core
from shared.envelopes import levels, subjects
from shared.envelopes.deliveries import LevelHolds
from shared.envelopes.entries import (
    Batch,
    GatewayUp,
    LevelRaised,
    LimitsSet,
    Pace,
    PeerKicked,
    PolicySet,
    Said,
    Speaking,
    Tick,
    UserRevoked,
    pack_batch,
)
from shared.envelopes.policy import DEFAULT
from shared.envelopes.users import User
from tests.broker.invariants import plain
from tests.broker.replay import check_replays
from tests.broker.world import World, read
from tests.trial import FIELDS, declared

LATER = levels.LEVEL + 1
EVENT = "levels-trial"


@pytest.fixture
def later_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """This broker knows a higher level."""
    monkeypatch.setattr(levels, "LEVEL", LATER)


def test_a_log_without_a_level_is_at_the_first() -> None:
    assert World(levels.FIRST).core.state.level == levels.FIRST


@pytest.mark.usefixtures("later_release")
def test_a_level_holds_from_the_position_where_it_stands_and_is_never_taken_back() -> None:
    world = World(levels.FIRST)
    world.say(Speaking(5), LevelRaised(4, LATER))
    assert world.core.state.level == levels.FIRST, "that speaker is one no more"
    world.say(LevelRaised(5, LATER))
    assert world.core.state.level == LATER
    world.say(LevelRaised(5, levels.FIRST))
    assert world.core.state.level == LATER
    check_replays(world)


def test_a_level_that_this_release_does_not_know_ends_the_broker_with_a_sentence() -> None:
    world = World(levels.FIRST)
    with pytest.raises(NewerLog, match=f"level {LATER} holds, .*start the one that wrote it, or a later one"):
        world.say(LevelRaised(0, LATER))


def test_a_kind_of_entry_that_only_a_later_release_knows_ends_the_broker_with_a_sentence() -> None:
    data = msgspec.msgpack.encode(["b1", 0, [[6, 0], [99, 0]]])
    with pytest.raises(NewerLog, match=r"entries of the kinds \[99\]"):
        World(levels.FIRST).feed(data, subjects.BROKER_EVENTS)


def test_no_gateway_can_end_a_broker() -> None:
    world = World(levels.FIRST)
    gateway = world.gateway()
    for number, entry in enumerate(([99, 0], [13, 0, LATER], [14, 0, 1, 1, 1, 1, 0.0, 1, 1, 1.0, 1, True]), 2):
        data = msgspec.msgpack.encode([gateway.name, number, [entry]])
        world.feed(data, subjects.gateway_events(gateway.name))
    world.feed(pack_batch(Batch("b1", 0, [LevelRaised(0, LATER)])), subjects.OLD_EVENTS)
    fresh = World(levels.FIRST)
    fresh.feed(pack_batch(Batch("b1", 0, [LevelRaised(0, LATER), *world_ending()])), subjects.OLD_EVENTS)
    for one in (world, fresh):
        assert (one.core.state.level, one.core.state.limits) == (levels.FIRST, None)


def world_ending() -> list[LimitsSet]:
    return [limits_set(0, Limits(peers_per_room=0))]


@pytest.mark.usefixtures("later_release")
def test_an_event_that_a_level_brings_is_none_before_that(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(levels.FIRST)
    peer = world.peer()
    world.room(peer)
    fields = json.dumps(FIELDS).encode()
    with declared(monkeypatch, EVENT, level=LATER) as taken:
        said = Said(EVENT, peer.conn, None, "room", "", b"", fields)
        peer.gateway.send(said)
        [told] = peer.read()
        assert (told.fields["code"], taken) == ("bad-request", [])
        world.say(LevelRaised(0, LATER))
        peer.gateway.send(said)
        assert (peer.read(), len(taken)) == ([], 1)


def test_before_its_level_an_event_without_a_room_is_answered_as_by_brokers_that_do_not_know_it() -> None:
    world = World(levels.RIGHTS)
    peer = world.peer(version=2)
    peer.say("peer-update-request", "", peerinfo=1)
    [told] = peer.read()
    assert (told.fields["code"], told.fields.get("room")) == ("bad-request", ""), (
        "each event had one, as far as they know"
    )
    check_replays(world)


def test_a_gateway_says_what_it_knows() -> None:
    world = World(levels.FIRST)
    world.idle_gateway("old").send(GatewayUp("old"))
    world.idle_gateway("new").send(GatewayUp("new", 7))
    assert {name: gateway.level for name, gateway in world.core.state.gateways.items()} == {"old": 1, "new": 7}


def test_since_when_one_reads_nothing_is_noted_from_the_level_on_that_asks() -> None:
    """Snapshots of the release before do not say it: brokers that began with one would differ from the others."""
    world = World(levels.RIGHTS)
    before, after = world.peer(), world.peer()
    before.gateway.send(Pace(before.conn, True))
    assert world.core.state.peers[before.peer_id].slow_at == 0
    world.now += 5
    raised_at = world.now
    world.say(LevelRaised(0, levels.LIFE))
    world.now += 5
    after.gateway.send(Pace(after.conn, True))
    noted = [world.core.state.peers[one.peer_id].slow_at for one in (before, after)]
    assert noted == [raised_at, raised_at + 5]
    check_replays(world)


def test_limits_of_the_log_go_before_those_that_a_broker_was_started_with() -> None:
    world = World(levels.FIRST, rooms_per_peer=5)
    peer = world.peer()
    world.say(limits_set(0, dataclasses.replace(world.core.limits, rooms_per_peer=1)))
    for room in ("a", "b"):
        peer.say("room-create-request", room)
    assert peer.heard() == ["room-create-accept", "room-create-reject"]
    other = Core(Limits(rooms_per_peer=0))
    assert [parcel for message in world.log for parcel in read(other, message).parcels] == world.parcels
    assert plain(other.state) == plain(world.core.state)


def test_limits_of_an_older_term_are_not_heard() -> None:
    world = World(levels.FIRST)
    world.say(Speaking(2), limits_set(1, Limits(rooms_per_peer=0)))
    assert world.core.state.limits is None


def test_places_end_in_the_order_in_which_they_were_left_whatever_the_limits_become() -> None:
    """One that is told of a shorter time may keep its place a little longer, so that nobody's ends too early."""
    world = World(resume_for=30.0)
    early, late, later = (world.peer(resumable=True) for _ in range(3))
    early.close()
    world.say(limits_set(0, dataclasses.replace(world.core.limits, resume_for=5.0)))
    world.now += 1
    late.close()
    world.now += 28
    later.close()
    ends = list(world.core.state.absent.values())
    assert ends == sorted(ends) == [world.now + 1, world.now + 1, world.now + 5]
    world.now += 1
    world.say(Tick(0))
    assert list(world.core.state.absent) == [later.peer_id]
    check_replays(world)


def test_a_gateway_that_knows_of_levels_is_told_which_one_holds() -> None:
    world = World(levels.FIRST)
    old, new = world.idle_gateway("old"), world.idle_gateway("new")
    world.gateways.update(old=old, new=new)
    old.send(GatewayUp("old"))
    new.send(GatewayUp("new", 2))
    world.say(LevelRaised(0, 2), LevelRaised(0, 2))
    late = world.idle_gateway("late")
    world.gateways["late"] = late
    late.send(GatewayUp("late", 2))
    told = {name: parcel.deliveries for name, parcel in world.parcels}
    assert told == {"new": [LevelHolds(2)], "late": [LevelHolds(2)]}
    check_replays(world)


def test_before_the_level_of_rights_nobody_is_a_user_or_of_version_2() -> None:
    world = World(levels.FIRST)
    user, newer = world.socket(), world.socket()
    user.authenticate(version=2, user=User("ann", "", 0, 10**10))
    newer.authenticate(version=2)
    assert (user.heard(), world.core.doubted) == ([], 1), "as brokers do that know of no users"
    assert newer.read()[0].fields["version"] == 1
    world.room(newer)
    newer.say("room-create-request", "room", policy={"admission": "open"})
    orders = (
        UserRevoked("app", "ann", 10**9, 10**9),
        PolicySet("room", b'{"admission":"open"}'),
        PeerKicked("room", newer.peer_id, 1, ""),
    )
    world.say(*orders)
    room = world.core.state.rooms["room"]
    assert (room.policy, room.bans, list(room.members)) == (DEFAULT, {}, [newer.peer_id])
    assert world.core.state.revoked_users == {}
    world.say(LevelRaised(0, levels.RIGHTS), *orders)
    assert "room" not in world.core.state.rooms
    assert list(world.core.state.revoked_users) == ["app\nann"]
    check_replays(world)
