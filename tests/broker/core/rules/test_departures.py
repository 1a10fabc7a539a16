import pytest

from shared.envelopes.entries import Closed, Reason, Speaking, Tick
from tests.broker.world import World


@pytest.mark.parametrize("reason", ["closed", "lost"])
def test_a_peer_that_did_not_opt_in_leaves_at_once(reason: Reason) -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", peerinfo="m")
    world.room(owner, member)
    member.close(reason)
    [told] = owner.read()
    assert told.event == "room-user-leave"
    assert told.fields == {"room": "room", "peer_id": member.peer_id, "peerinfo": "m", "reason": reason}
    assert member.peer_id not in world.core.state.peers


def test_a_resumable_peer_that_says_goodbye_leaves_at_once() -> None:
    world = World()
    owner, member = world.peer(), world.peer(resumable=True)
    world.room(owner, member)
    member.close(for_good=True)
    assert owner.heard() == ["room-user-leave"]


def test_nobody_is_resumable_where_places_are_not_kept() -> None:
    world = World(resume_for=0)
    owner, member = world.peer(), world.peer(resumable=True)
    world.room(owner, member)
    member.close()
    assert owner.heard() == ["room-user-leave"]


def test_a_place_is_given_up_when_its_time_is_over() -> None:
    world = World(resume_for=30)
    owner, member = world.peer(), world.peer(resumable=True)
    world.room(owner, member)
    member.close()
    assert world.core.next_deadline() == world.now + 30
    world.now += 29.9
    world.say(Tick(0))
    assert not owner.read()
    world.now += 0.1
    world.say(Tick(0))
    [told] = owner.read()
    assert (told.event, told.fields["reason"]) == ("room-user-leave", "lost")
    assert world.core.next_deadline() is None
    back = world.socket()
    back.authenticate(resume=member.token)
    [accepted] = back.read()
    assert (accepted.fields["resumed"], back.peer_id) == (False, back.conn)


def test_places_expire_in_the_order_in_which_they_were_left() -> None:
    world = World(resume_for=30)
    first, second = world.peer(resumable=True), world.peer(resumable=True)
    first.close()
    world.now += 10
    second.close()
    back = world.socket()
    back.authenticate(resume=first.token)
    world.now += 10
    back.close()
    assert list(world.core.state.absent) == [second.peer_id, first.peer_id]
    assert world.core.next_deadline() == world.now + 20


def test_a_dead_gateway_takes_its_peers_out_and_keeps_the_places_of_others() -> None:
    world = World()
    owner, member, stayer = world.peer("g1"), world.peer("g2"), world.peer("g2", resumable=True)
    world.room(owner, member, stayer)
    world.lose("g2")
    [told] = owner.read()
    assert (told.event, told.fields["peer_id"], told.fields["reason"]) == ("room-user-leave", member.peer_id, "lost")
    assert list(world.core.state.absent) == [stayer.peer_id]
    assert list(world.core.state.gateways) == ["g1"]


def test_peers_that_go_together_are_not_told_of_each_other() -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g1")
    survivor = world.peer("g2")
    world.room(owner, member, survivor)
    world.lose("g1")
    told = survivor.read()
    assert [one.event for one in told] == ["room-user-leave", "room-user-leave", "room-owner"]
    assert told[-1].fields["peer_id"] == survivor.peer_id


def test_sockets_that_close_at_once_are_not_told_of_each_other() -> None:
    world = World()
    owner, *going = world.peer("g1"), *(world.peer("g2", resumable=number == 3) for number in range(9))
    world.room(owner, *going)
    for peer in (owner, *going):
        peer.read()
    before = len(world.parcels)
    gateway = world.gateway("g2")
    gateway.send(*(Closed(peer.conn, gateway.have, "closed", False) for peer in going))
    assert [told.fields["peer_id"] for told in owner.read() if told.event == "room-user-leave"] == [
        peer.peer_id for peer in going if peer is not going[3]
    ]
    assert [name for name, _ in world.parcels[before:]] == ["g1"]
    assert list(world.core.state.absent) == [going[3].peer_id]


def test_a_new_speaker_makes_the_clocks_of_earlier_ones_worthless() -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    world.say(Speaking(5))
    world.term = 4
    world.lose("g1")
    member.close()
    world.now += 100
    world.say(Tick(4))
    assert not owner.read()
    assert member.peer_id in world.core.state.absent
    world.say(Speaking(3))
    world.say(Tick(5))
    assert owner.heard() == ["room-user-leave"]
