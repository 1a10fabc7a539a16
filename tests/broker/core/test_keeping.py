"""What waits for those who are absent or slow is bounded, and nobody loses anything by what others say."""

import asyncio
import time

import pytest

from broker.core import keeping
from broker.core.keeping import SENDERS
from broker.core.rules import admission
from broker.core.state import Peer
from broker.storage.encoding import encode
from shared.contract.told import RoomUserJoin
from shared.envelopes.entries import Pace
from tests.broker.invariants import check
from tests.broker.world import Socket, World


def relay(sender: Socket, to: Socket, payload: object = 0) -> str:
    """Send a candidate; the code of the refusal, if there is one."""
    sender.acks.pop(7, None)
    sender.say("relay-ice-candidate", "room", to.peer_id, payload=payload, ack=7)
    return str(sender.acks[7][0].get("code", "ok"))


def image_size(world: World) -> int:
    return len(asyncio.run(encode("log", world.core.state)).whole)


def come_back(world: World, gone: Socket) -> Socket:
    back = world.socket("g9")
    back.authenticate(resume=gone.token, received=gone.received)
    return back


def peer_of(world: World, socket: Socket) -> Peer:
    return world.core.state.peers[socket.peer_id]


@pytest.mark.parametrize("limits", [{"kept_deliveries": 3}, {"kept_bytes": 500}])
def test_who_floods_one_who_is_away_is_refused_and_nobody_loses_anything(limits: dict[str, int]) -> None:
    world = World(**limits)
    owner, other, absent = world.peer(), world.peer(), world.peer(resumable=True)
    world.room(owner, other, absent)
    absent.close()
    outcomes = [relay(owner, absent, "x" * 60) for _ in range(20)]
    taken = outcomes.count("ok")
    assert 0 < taken < 5
    assert outcomes == ["ok"] * taken + ["too-many-requests"] * (20 - taken)
    assert relay(other, absent, "not his fault") == "ok"
    back = come_back(world, absent)
    accepted, *missed = back.read()
    assert accepted.fields["resumed"] is True
    assert [told.fields["ice_candidate"] for told in missed] == ["x" * 60] * taken + ["not his fault"]
    check(world.core.state, world.core.limits)


def test_what_many_senders_may_let_wait_is_bounded_too() -> None:
    world = World(kept_deliveries=3)
    owner, *others, absent = (world.peer(resumable=True) for _ in range(9))
    world.room(owner, *others, absent)
    absent.close()
    outcomes = [relay(sender, absent) for sender in others for _ in range(4)]
    assert outcomes.count("ok") == SENDERS * 3
    assert peer_of(world, absent).peer_id in world.core.state.absent


def test_the_more_waits_for_everybody_the_less_each_sender_may_let_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MUCH", 20_000)
    world = World(kept_bytes=8000)
    owner, *absent = (world.peer(resumable=True) for _ in range(9))
    world.room(owner, *absent)
    for one in absent:
        one.close()
    taken = [[relay(owner, one, "x" * 80) for _ in range(40)].count("ok") for one in absent]
    assert taken == sorted(taken, reverse=True)
    assert taken[0] > 10
    assert taken[-1] >= 1, "everybody can be told a little"
    words = world.core.out.keeping.words
    assert words == sum(peer_of(world, one).kept_bytes for one in absent)
    for one in absent:
        come_back(world, one)
    assert world.core.out.keeping.words == 0


def test_a_slow_client_is_told_no_more_until_it_can_read_on_and_then_everything_in_order() -> None:
    world = World()
    owner, slow = world.peer("g1"), world.peer("g2")
    world.room(owner, slow)
    world.room(slow, name="its own")
    candidate = world.peer()
    relay(owner, slow, 0)
    slow.gateway.send(Pace(slow.conn, True))
    for number in range(1, 4):
        assert relay(owner, slow, number) == "ok"
    candidate.say("room-join-request", "its own")
    assert [told.fields.get("ice_candidate") for told in slow.read()] == [0]
    slow.gateway.send(Pace(slow.conn, False))
    told = slow.read()
    assert [one.fields.get("ice_candidate") for one in told[:3]] == [1, 2, 3]
    assert [one.event for one in told[3:]] == ["room-join-request"]
    relay(owner, slow, 4)
    assert [one.fields.get("ice_candidate") for one in slow.read()] == [4]


def test_a_slow_client_that_loses_its_socket_misses_nothing() -> None:
    world = World()
    owner, slow = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, slow)
    relay(owner, slow, 0)
    slow.gateway.send(Pace(slow.conn, True))
    relay(owner, slow, 1)
    slow.close("lost")
    relay(owner, slow, 2)
    assert [told.fields.get("ice_candidate") for told in come_back(world, slow).read()[1:]] == [1, 2]


def test_only_its_own_gateway_says_that_a_client_is_slow() -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g2")
    world.room(owner, member)
    owner.gateway.send(Pace(member.conn, True))
    owner.gateway.send(Pace("nobody", True))
    relay(owner, member)
    assert member.heard() == ["ice-candidate"]


def knock(world: World, room: str, count: int) -> list[Socket]:
    strangers = [world.peer("g3", peerinfo="x" * 1000) for _ in range(count)]
    for stranger in strangers:
        stranger.say("room-join-request", room, payload="y" * 1000)
    return strangers


def test_an_absent_owner_keeps_its_place_however_many_knock_and_hears_who_still_waits() -> None:
    world = World(kept_deliveries=5, pending_per_room=20)
    owner, member = world.peer("g1", resumable=True), world.peer("g2")
    world.room(owner, member)
    owner.close()
    strangers = knock(world, "room", 20)
    strangers[3].close()
    assert relay(member, owner, "heard all the same") == "ok"
    back = come_back(world, owner)
    accepted, words, *asking = back.read()
    assert accepted.fields["resumed"] is True
    assert accepted.fields["rooms"][0]["owner"] == owner.peer_id
    assert words.fields["ice_candidate"] == "heard all the same"
    still_there = [one.peer_id for one in strangers if one is not strangers[3]]
    assert [told.fields["peer_id"] for told in asking] == still_there
    assert member.heard() == []


def test_comings_and_goings_do_not_cost_an_absent_peer_its_place() -> None:
    world = World(kept_deliveries=5)
    owner, absent = world.peer(), world.peer(resumable=True)
    world.room(owner, absent)
    absent.close()
    for _ in range(30):
        guest = world.peer()
        guest.say("room-join-request", "room")
        owner.say("room-join-accept", "room", guest.peer_id)
        guest.say("room-leave-request", "room")
        check(world.core.state, world.core.limits)
    accepted, *missed = come_back(world, absent).read()
    assert accepted.fields["rooms"][0]["peers"] == [owner.peer_id]
    assert missed == []


def test_a_slow_client_hears_in_the_end_who_is_there() -> None:
    world = World(kept_deliveries=5)
    owner, slow, old = world.peer(), world.peer("g2"), world.peer()
    world.room(owner, slow, old)
    slow.gateway.send(Pace(slow.conn, True))
    old.say("room-leave-request", "room")
    for _ in range(30):
        guest = world.peer()
        guest.say("room-join-request", "room")
        owner.say("room-join-accept", "room", guest.peer_id)
        if _ < 29:
            guest.say("room-leave-request", "room")
    assert len(peer_of(world, slow).kept) < 20
    slow.gateway.send(Pace(slow.conn, False))
    there = {owner.peer_id, slow.peer_id, old.peer_id}
    for told in slow.read():
        (there.add if told.event == "room-user-join" else there.discard)(told.fields["peer_id"])
    assert there == set(world.core.state.rooms["room"].members)


def test_the_requests_that_wait_in_one_room_are_bounded() -> None:
    world = World(pending_per_room=3)
    owner = world.peer()
    world.room(owner)
    *taken, refused = knock(world, "room", 4)
    assert refused.refused("room-join-reject") == "too-many-requests"
    assert [told.fields["peer_id"] for told in owner.read()] == [one.peer_id for one in taken]


def test_a_candidate_that_asks_and_asks_reminds_the_owner_now_and_then() -> None:
    world = World(pending_per_peer=100)
    owner, candidate = world.peer(), world.peer()
    world.room(owner)
    for _ in range(50):
        candidate.say("room-join-request", "room")
    assert len(owner.read()) == 2
    world.now += admission.REMINDER_INTERVAL
    candidate.say("room-join-request", "room")
    assert len(owner.read()) == 1


def test_a_member_that_asks_and_asks_is_told_now_and_then() -> None:
    world = World()
    owner, member = world.peer(), world.peer()
    world.room(owner, member)
    for _ in range(50):
        member.say("room-join-request", "room")
    told = [one.event for one in member.read()]
    assert told == ["room-join-accept"] + ["room-join-reject"] * 49
    world.now += admission.VIEW_INTERVAL
    member.say("room-join-request", "room")
    assert member.heard() == ["room-join-accept"]


def test_a_large_view_is_given_once_in_the_event_and_not_in_the_acknowledgement_too() -> None:
    world = World()
    owner, *others = (world.peer(peerinfo="x" * 4000) for _ in range(8))
    world.room(owner, *others)
    others[0].say("room-join-request", "room", ack=1)
    [told] = others[0].read()
    assert len(told.fields["peersinfo"]) == 7
    assert others[0].acks[1] == [{"ok": True, "peer_id": others[0].peer_id, "room": "room"}]


def test_what_one_peer_causes_to_be_told_is_charged_to_it() -> None:
    """A candidate that asks, takes it back by disconnecting from the room, and asks again."""
    world = World(output_burst=1_000_000, output_rate=1000)
    owner, stranger = world.peer(), world.peer(peerinfo="x" * 4000)
    world.room(owner)
    for _ in range(100):
        stranger.say("room-join-request", "room", payload="x" * 4000)
        world.core.state.rooms["room"].pending.clear()
        stranger.acks.clear()
        peer_of(world, stranger).asked.clear()
    told = len(owner.read())
    assert 5 < told < 20
    world.now += 100
    stranger.read()
    stranger.say("room-join-request", "room")
    assert owner.heard() == ["room-join-request"]


def test_one_who_comes_back_to_large_rooms_is_told_a_bounded_part_of_them() -> None:
    world = World(peers_per_room=64)
    member = world.peer(peerinfo="m", resumable=True)
    others = [world.peer(peerinfo="x" * 4000) for _ in range(40)]
    for name in ("a", "b", "c"):
        world.room(*others, member, name=name)
    back = come_back(world, member)
    accepted = back.read()[0]
    rooms = accepted.fields["rooms"]
    assert [len(room["peers"]) for room in rooms] == [40, 40, 40]
    assert [len(room["peersinfo"]) for room in rooms] == [40, 0, 0]


def test_a_snapshot_holds_once_what_waits_for_many() -> None:
    world = World()
    owner, *absent = (world.peer(resumable=True) for _ in range(20))
    world.room(owner, *absent)
    for one in absent:
        one.close()
    before = image_size(world)
    guest = world.peer(peerinfo="x" * 4000)
    guest.say("room-join-request", "room")
    owner.say("room-join-accept", "room", guest.peer_id)
    assert image_size(world) - before < 3 * 4000


def test_the_end_of_a_socket_costs_what_it_was_sent_and_no_more() -> None:
    """A thousand sockets are lost after five thousand broadcasts to 62: less than 200 ms of CPU."""
    world = World(peers_per_room=64, output_burst=1 << 40)
    owner, *members = (world.peer("g2", resumable=True) for _ in range(63))
    world.room(owner, *members)
    frame = b'42["room-user-join",{}]'
    crowd = [world.core.state.peers[member.peer_id] for member in members]
    for number in range(5000):
        world.core.out.emit(crowd, frame, RoomUserJoin.KIND, f"about {number}")
    others = [world.peer("g2", resumable=True) for _ in range(1000)]
    before = time.process_time()
    for other in others:
        other.close("lost")
    assert time.process_time() - before < 0.2 * 5, "five times what it must be in the large, for slow machines"
    looked_at = sum(1 for other in others for _ in peer_of(world, other).past)
    assert looked_at == 0


def slow_peer(world: World) -> Socket:
    """One that does not read."""
    peer = world.peer()
    peer.gateway.send(Pace(peer.conn, True))
    return peer


def test_a_slow_client_is_told_that_somebody_has_left_however_often_it_came_back_meanwhile() -> None:
    world = World(kept_deliveries=0)
    owner, mate, slow = world.peer(), world.peer(), world.peer()
    world.room(owner, mate, slow)
    slow.read()
    slow.gateway.send(Pace(slow.conn, True))
    for _ in range(3):
        mate.say("room-leave-request", "room")
        mate.say("room-join-request", "room")
        owner.say("room-join-accept", "room", mate.peer_id)
    mate.say("room-leave-request", "room")
    slow.gateway.send(Pace(slow.conn, False))
    assert slow.heard() == ["room-user-leave"]


def test_requests_of_those_who_are_gone_do_not_wait_for_an_owner_who_is_slow() -> None:
    world = World(kept_deliveries=3)
    owner = slow_peer(world)
    owner.say("room-create-request", "room")
    for _ in range(50):
        stranger = world.peer()
        stranger.say("room-join-request", "room", payload="x" * 100)
        stranger.close()
    assert len(peer_of(world, owner).kept) <= 3 + 1


@pytest.mark.parametrize("answer", ["room-join-reject", "room-join-accept", "room-leave-request"])
def test_one_who_does_not_read_may_not_go_on_asking(answer: str) -> None:
    world = World(kept_bytes=1000)
    owner, slow = world.peer(), slow_peer(world)
    for number in range(50):
        room = f"room-{number}"
        owner.say("room-create-request", room)
        slow.say("room-join-request", room, payload="x" * 100)
        owner.say(answer, room, slow.peer_id, payload="x" * 100)
        owner.say("room-leave-request", room)
    assert peer_of(world, slow).kept_bytes < 2000
    assert "too-many-requests" in str(slow.gateway.world.core.tally)
