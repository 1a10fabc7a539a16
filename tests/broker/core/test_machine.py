import pytest

from broker.core.limits import Limits
from broker.core.machine import Core
from shared.envelopes.deliveries import Emit
from shared.envelopes.entries import Authenticated, Batch, Closed, GatewayUp, Said, Speaking, Tick, pack_batch
from tests.broker.invariants import plain_but_for_progress
from tests.broker.world import World


def test_a_batch_that_is_stored_twice_counts_once() -> None:
    world = World()
    peer = world.peer()
    peer.say("room-create-request", "room")
    before = plain_but_for_progress(world.core.state)
    parcels = len(world.parcels)
    world.feed(world.gateway().last_sent)
    assert plain_but_for_progress(world.core.state) == before
    assert len(world.parcels) == parcels


def test_an_older_batch_does_not_count_either() -> None:
    world = World()
    peer = world.peer()
    peer.say("room-create-request", "room")
    old = world.gateway().last_sent
    peer.say("room-leave-request", "room")
    world.feed(old)
    assert world.core.state.rooms == {}


def test_a_gateway_that_introduces_itself_twice_stays_as_it_is() -> None:
    world = World()
    world.gateway()
    hello = world.gateway().last_sent
    peer = world.peer()
    world.feed(hello)
    assert world.core.state.gateways["g1"].batch == 2
    assert peer.peer_id in world.core.state.peers


def test_what_an_unknown_gateway_says_counts_nothing() -> None:
    world = World()
    entry = Authenticated("conn", None, "app", b"", None, "", 0, b"", None)
    world.feed(pack_batch(Batch("stranger", 2, [entry])))
    world.feed(pack_batch(Batch("stranger", 2, [GatewayUp("stranger")])))
    assert world.core.state.peers == {}
    assert world.core.state.gateways == {}
    assert not world.parcels


def test_what_a_lost_gateway_says_counts_nothing() -> None:
    world = World()
    peer, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(peer, member)
    world.lose("g2")
    before, parcels = plain_but_for_progress(world.core.state), len(world.parcels)
    member.say("room-leave-request", "room")
    member.close(for_good=True)
    assert plain_but_for_progress(world.core.state) == before
    assert len(world.parcels) == parcels


def test_a_gateway_is_lost_once() -> None:
    world = World()
    world.gateway("g1")
    world.peer("g2", resumable=True)
    world.lose("g2")
    before = plain_but_for_progress(world.core.state)
    world.lose("g2")
    assert plain_but_for_progress(world.core.state) == before


def test_nothing_is_sent_to_a_gateway_that_is_lost() -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    world.lose("g2")
    parcels = len(world.parcels)
    owner.say("relay-ice-candidate", "room", member.peer_id)
    assert len(world.parcels) == parcels


@pytest.mark.parametrize("term", [0, 4])
def test_a_tick_of_an_earlier_term_lets_nothing_expire(term: int) -> None:
    world = World()
    peer = world.peer(resumable=True)
    peer.close()
    world.say(Speaking(5))
    world.now += 1000
    world.say(Tick(term))
    assert peer.peer_id in world.core.state.peers
    world.say(Tick(5))
    assert world.core.state.peers == {}


def test_time_never_runs_backwards() -> None:
    world = World()
    peer = world.peer(resumable=True)
    world.now += 100
    world.say()
    world.now -= 50
    peer.close()
    assert world.core.next_deadline() == 1_000_000 + 100 + 30


def test_nothing_is_due_while_nobody_is_absent() -> None:
    world = World()
    world.peer(resumable=True)
    assert world.core.next_deadline() is None


@pytest.mark.parametrize(
    ("event", "room", "target"),
    [
        ("room-create-request", "full", ""),
        ("room-join-request", "nowhere", ""),
        ("room-join-request", "full", ""),
        ("room-leave-request", "nowhere", ""),
        ("room-leave-request", "full", ""),
        ("room-join-accept", "room", "nobody"),
        ("room-join-accept", "full", "waiting"),
        ("room-join-accept", "nowhere", "waiting"),
        ("room-join-reject", "room", "nobody"),
        ("room-join-reject", "full", "waiting"),
        ("relay-session-description", "room", "nobody"),
        ("relay-ice-candidate", "full", "waiting"),
    ],
)
def test_a_refused_event_changes_nothing(event: str, room: str, target: str) -> None:
    world = World(peers_per_room=1)
    peer, other, waiting = world.peer(), world.peer(), world.peer()
    waiting.say("room-create-request", "elsewhere")
    other.say("room-create-request", "full")
    world.room(peer)
    before = plain_but_for_progress(world.core.state)
    peer.say(event, room, waiting.peer_id if target == "waiting" else target, ack=1)
    [told] = peer.read()
    assert "code" in told.fields
    assert [answer["ok"] for answer in peer.acks[1]] == [False]
    assert plain_but_for_progress(world.core.state) == before


def test_a_socket_that_never_authenticated_is_refused() -> None:
    world = World()
    socket = world.socket()
    socket.say("room-create-request", "room", ack=1)
    assert socket.refused("unauthorized") == "unauthorized"
    assert world.core.state.rooms == {}


def test_a_refused_entry_does_not_keep_the_others_of_its_batch_from_counting() -> None:
    world = World()
    peer = world.peer()
    world.room(world.peer(), name="taken")
    entries = [peer.said("room-create-request", name) for name in ("a", "taken", "b")]
    peer.gateway.send(*entries)
    assert peer.heard() == ["room-create-accept", "room-create-reject", "room-create-accept"]
    assert list(world.core.state.rooms) == ["taken", "a", "b"]


def test_a_message_without_effect_leaves_nothing_for_the_next() -> None:
    core = Core(Limits())
    assert core.apply(1, 0.0, Batch("g", 1, [GatewayUp("g")])).parcels == []
    assert core.apply(2, 0.0, Batch("g", 2, [Closed("nobody", 0, "closed", False)])).parcels == []
    said = Said("room-leave-request", "nobody", None, "room", "", b"")
    [(gateway, parcel)] = core.apply(3, 0.0, Batch("g", 3, [said])).parcels
    assert (gateway, parcel.number, parcel.position, len(parcel.deliveries)) == ("g", 1, 3, 1)
    assert core.apply(4, 0.0, Batch("b", 0, [])).parcels == []


def test_an_event_of_a_later_version_is_refused() -> None:
    core = Core(Limits())
    core.apply(1, 1.0, Batch("g", 1, [GatewayUp("g")]))
    core.apply(2, 2.0, Batch("g", 2, [Authenticated("c", None, "app", b"", None, "", 0, b"", None)]))
    ((_, parcel),) = core.apply(3, 3.0, Batch("g", 3, [Said("room-of-the-future", "c", 5, "r", "", b"")])).parcels
    frames = [delivery.frame for delivery in parcel.deliveries if isinstance(delivery, Emit)]
    assert frames[0].startswith(b'42["request-reject"')
    assert b'"code":"bad-request"' in frames[1]
