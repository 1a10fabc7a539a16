"""A broker that begins from an older snapshot cannot know what gateways were told before it."""

import asyncio
from collections.abc import Sequence

import pytest

from broker.core import line
from broker.core.history import HISTORY_SECONDS
from broker.core.machine import Core
from broker.core.rehearsal import Rehearsal
from broker.core.state import Peer, State
from broker.storage.encoding import encode
from broker.storage.image import decode, waiting_frames
from shared.envelopes.entries import Closed
from tests.broker.invariants import plain
from tests.broker.world import Message, Socket, World, read


def snapshot(world: World) -> bytes:
    return asyncio.run(encode("log", world.core.state)).whole


def test_a_history_that_came_out_otherwise_is_not_repeated_to_gateways() -> None:
    world = World()
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    member.deaf = True
    owner.say("relay-ice-candidate", "room", member.peer_id)
    base, beginning = snapshot(world), len(world.log)
    member.close()
    back = world.socket("g2")
    # what it asks for was sent before the older snapshot: who begins there finds it missing, and gives the place up
    back.authenticate(resume=member.token, received=member.received)
    assert back.heard() == ["auth-accept", "ice-candidate"]
    world.now += HISTORY_SECONDS
    for number in range(3):
        back.say("relay-ice-candidate", "room", owner.peer_id, payload=number)

    restored = Core(world.core.limits, decode("log", base))
    for message in world.log[beginning:]:
        read(restored, message)
    restored.adopt(decode("log", snapshot(world)))
    assert restored.state.gateways == world.core.state.gateways
    for have in range(world.core.state.gateways["g1"].parcel):
        repeated = restored.out.after("g1", have)
        complete = bool(repeated) and repeated[0].number == have + 1
        assert not complete or repeated == world.core.out.after("g1", have)


def loaded(world: World) -> State:
    """What a snapshot of the world as it is now brings back, with the words that it leaves to the log."""
    state = decode("log", snapshot(world))
    words = {kept.position: kept.frame for kept in waiting_frames(world.core.state.peers.values())}
    for kept in waiting_frames(state.peers.values()):
        if kept.digest:
            kept.frame, kept.digest = words[kept.position], b""
    return state


class Restored:
    """A broker that begins from a snapshot of the world as it is now, and then adopts a newer one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.core = Core(world.limits, loaded(world))
        self._adopted = False
        self._read = len(world.log)

    def read(self) -> Sequence[Message]:
        """Read on to where the world is."""
        if not self._adopted and self.core.out.rehearsal is None:
            self.core.rehearse(loaded(self.world))
        messages = self.world.log[self._read :]
        self._read = len(self.world.log)
        for message in messages:
            read(self.core, message)
        return messages

    def adopt(self) -> None:
        self.read()
        self.core.adopt(loaded(self.world))
        self._adopted = True

    def check(self) -> None:
        """It is as all others are, and has told gateways the same."""
        self.read()
        assert plain(self.core.state) == plain(self.world.core.state)
        for name, gateway in self.core.state.gateways.items():
            told = self.world.core.out.after(name, gateway.have)
            assert self.core.out.after(name, gateway.have) == told


def missing() -> tuple[World, Socket, Socket]:
    """A room of two: its owner has said something that the other one, a resumable member, has missed."""
    world = World(resume_for=300.0)
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    member.deaf = True
    owner.say("relay-ice-candidate", "room", member.peer_id)
    return world, owner, member


def come_back(world: World, lost: Socket, known: Socket) -> Socket:
    """On another socket than the one that is lost, as who the client knows itself to be; it reads nothing there."""
    lost.close()
    back = world.socket("g2")
    back.deaf = True
    back.authenticate(resume=known.token, received=known.received)
    return back


@pytest.mark.parametrize("times", [1, 2, 5])
def test_what_was_sent_again_to_one_who_comes_back_again_and_again_is_known(times: int) -> None:
    world = World(resume_for=300.0)
    owner, member, other = world.peer("g1"), world.peer("g2", resumable=True), world.peer("g2")
    world.room(owner, member)
    member.deaf = True
    owner.say("relay-ice-candidate", "room", member.peer_id)
    restored, socket = Restored(world), member
    for _ in range(times):
        world.now += HISTORY_SECONDS / 3
        socket = come_back(world, socket, member)
    world.now += HISTORY_SECONDS - HISTORY_SECONDS / 3 + 1 if times == 1 else 0
    owner.say("relay-ice-candidate", "room", member.peer_id, payload="newer")
    other.say("room-create-request", "elsewhere")  # so that what its gateway had is confirmed
    restored.adopt()
    restored.check()
    socket.close()
    restored.check()
    back = world.socket("g2")
    back.authenticate(resume=member.token, received=member.received)
    restored.check()
    assert back.heard() == ["auth-accept", "ice-candidate", "ice-candidate"]


def test_who_had_what_was_sent_before_the_older_snapshot_keeps_the_place_on_the_way() -> None:
    world = World(resume_for=300.0)
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    owner.say("relay-ice-candidate", "room", member.peer_id)
    restored = Restored(world)
    come_back(world, member, member)  # without the candidate, which the gateway had
    world.now += HISTORY_SECONDS + 1
    owner.say("relay-ice-candidate", "room", member.peer_id, payload="newer")
    restored.read()
    assert restored.core.state.peers[member.peer_id].generation == 2
    restored.adopt()
    restored.check()


def test_what_was_sent_again_is_part_of_the_state_for_as_long_as_it_may_be_missed() -> None:
    world = World(resume_for=300.0)
    owner, member, other = world.peer("g1"), world.peer("g2", resumable=True), world.peer("g2", resumable=True)
    world.room(owner, member, other)
    peers = world.core.state.peers
    member.deaf = other.deaf = True
    owner.say("relay-ice-candidate", "room", member.peer_id)
    come_back(world, member, member)
    assert [kept.relayed for kept in peers[member.peer_id].resent] == [True]
    world.now += HISTORY_SECONDS + 1
    world.peer("g2", resumable=True).close()  # whoever it is
    assert peers[member.peer_id].resent == ()
    owner.say("relay-ice-candidate", "room", other.peer_id)
    back = come_back(world, other, other)
    assert [kept.relayed for kept in peers[other.peer_id].resent] == [True]
    back.close()
    assert peers[other.peer_id].resent == ()


def test_who_had_what_was_not_confirmed_by_the_older_snapshot_keeps_the_place_on_the_way_however_late() -> None:
    world = World(resume_for=300.0)
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    world.gateway("g2").stuck = True
    owner.say("relay-ice-candidate", "room", member.peer_id)
    restored = Restored(world)
    world.now += HISTORY_SECONDS + 1
    come_back(world, member, member)
    restored.read()
    assert restored.core.state.peers[member.peer_id].generation == 2


def test_a_parcel_that_a_gateway_may_ask_for_again_is_repeated_with_what_was_sent_again_in_it() -> None:
    world, _, member = missing()
    restored = Restored(world)
    world.gateway("g2").stuck = True
    come_back(world, member, member)
    restored.adopt()
    restored.check()
    assert len(restored.core.out.after("g2", world.core.state.gateways["g2"].have)) == 1


def test_a_parcel_that_a_gateway_may_ask_for_again_is_not_repeated_if_it_may_have_been_another() -> None:
    world, owner, member = missing()
    restored = Restored(world)
    world.gateway("g2").stuck = True
    back = come_back(world, member, member)
    come_back(world, back, member)  # and what was sent there is known, but not what was sent on the socket before
    owner.say("relay-ice-candidate", "room", member.peer_id, payload="newer")
    restored.adopt()
    assert plain(restored.core.state) == plain(world.core.state)
    have = world.core.state.gateways["g2"].have
    told, repeated = world.core.out.after("g2", have), restored.core.out.after("g2", have)
    assert 0 < len(repeated) < len(told)
    assert repeated == told[-len(repeated) :]
    assert restored.core.out.oldest_unconfirmed() == world.core.out.oldest_unconfirmed()


def test_what_was_sent_again_is_forgotten_in_time_though_nobody_else_comes_back() -> None:
    world, owner, member = missing()
    come_back(world, member, member)
    world.confirm()
    world.now += HISTORY_SECONDS + 1
    owner.say("relay-ice-candidate", "room", member.peer_id, payload="newer")
    assert world.core.state.peers[member.peer_id].resent == ()
    assert asyncio.run(encode("log", world.core.state)).needed == world.core.state.position + 1


def test_what_was_sent_again_is_forgotten_with_its_parcel() -> None:
    world, _, member = missing()
    restored = Restored(world)
    world.now += HISTORY_SECONDS - 1
    member.close()
    back = come_back(world, member, member)
    world.now += HISTORY_SECONDS - 1
    world.confirm()
    restored.adopt()
    restored.check()
    world.now += 2
    back.close()
    restored.check()


def test_what_was_sent_again_in_several_parcels_is_known_by_those(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PARCEL_BYTES", 500)
    world = World(resume_for=300.0)
    owner, member = world.peer("g1"), world.peer("g2", resumable=True)
    world.room(owner, member)
    member.deaf = True
    for number in range(4):
        owner.say("relay-ice-candidate", "room", member.peer_id, payload=f"{number}" * 100)
    restored = Restored(world)
    world.now += HISTORY_SECONDS - 1
    back = come_back(world, member, member)
    newest = world.core.state.gateways["g2"].parcel
    world.confirm()
    world.now += 2
    world.confirm()
    restored.adopt()
    restored.check()
    world.gateway("g2").send(Closed(back.conn, newest - 1, "closed", False))
    assert world.core.state.peers[member.peer_id].kept
    assert world.core.state.peers[member.peer_id].past
    restored.check()


def test_whose_place_was_given_up_is_not_believed_if_that_is_known_from_the_newest_snapshot() -> None:
    world = World(resume_for=300.0)
    owner, member = world.peer("g1", resumable=True), world.peer("g2", resumable=True)
    world.room(owner, member)
    member.deaf = True
    owner.say("relay-ice-candidate", "room", member.peer_id)
    restored = Restored(world)
    back = come_back(world, member, member)
    world.now += HISTORY_SECONDS + 1
    world.confirm()
    again = come_back(world, back, member)  # too late for the candidate
    assert again.conn in world.core.state.peers
    world.confirm()
    restored.adopt()
    restored.check()
    owner.close()
    restored.check()


def test_who_lost_a_socket_as_long_after_the_older_snapshot_as_is_remembered_is_believed() -> None:
    rehearsal = Rehearsal(State(now=0.0), State())
    peer = Peer("a", "app", "a", "g1", b"", True)
    rehearsal.lose(peer, State(now=HISTORY_SECONDS))
    assert rehearsal.believes(peer)
    rehearsal = Rehearsal(State(now=0.0), State())
    rehearsal.lose(peer, State(now=HISTORY_SECONDS + 1))
    assert not rehearsal.believes(peer)
