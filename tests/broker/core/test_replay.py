"""Any log at all, sense or nonsense: the state stays sound, and whoever reads the log comes to the same."""

import asyncio
import dataclasses
import hashlib
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.core.history import HISTORY_SECONDS
from broker.core.levels import limits_set
from broker.core.limits import Limits
from broker.core.machine import Core
from broker.core.state import State
from broker.storage.encoding import encode
from broker.storage.image import Name, decode, waiting_frames
from shared.contract.frames import relay_frame
from shared.envelopes.deliveries import Parcel
from shared.envelopes.entries import (
    Authenticated,
    Batch,
    Closed,
    Entry,
    GatewayLost,
    GatewayUp,
    LevelRaised,
    Pace,
    Said,
    Speaking,
    Tick,
    pack_batch,
    unpack_batch,
)
from tests.broker.invariants import check, plain

LIMITS = Limits(
    peers_per_room=3, rooms_per_peer=2, pending_per_peer=2, resume_for=10.0, kept_deliveries=3, kept_bytes=300
)
# No counts of what there may be in a room: lowering those removes nobody, and the checks here know only one.
OTHER_LIMITS = [
    dataclasses.replace(LIMITS, resume_for=resume_for, scope_by_app=scope_by_app)
    for resume_for in (0.0, 5.0, 20.0)
    for scope_by_app in (False, True)
]
GATEWAYS, CONNS, ROOMS = ("g1", "g2"), ("a", "b", "c", "d"), ("red", "green", "blue")
PLAIN_EVENTS = ("create-request", "join-request", "join-accept", "join-reject", "leave-request")

conns, rooms = st.sampled_from(CONNS), st.sampled_from(ROOMS)
acks = st.none() | st.integers(1, 9)
bodies = st.sampled_from([b"", b"1", b'"' + b"x" * 90 + b'"'])
candidates = st.integers(0, 9).map(lambda number: str(number).encode())  # of which a relay's frame is made
seen = st.integers(0, 4)  # how many parcels behind its newest a gateway is


def saved_and_loaded(core: Core, log: list[tuple[int, float, bytes]], first: int = 1) -> State:
    """The state by way of a snapshot, with the relays put back that a snapshot leaves to the log.

    ``first`` is the oldest position that the log still has.
    """
    state = decode("log", asyncio.run(encode("log", core.state)).whole)
    for peer in state.peers.values():
        assert all(kept.position >= first for kept in peer.kept.values() if kept.digest)
    for kept in waiting_frames(state.peers.values()):
        if kept.digest:
            _, _, data = log[kept.position - 1]
            bodies = [entry.body for entry in unpack_batch(data).entries if isinstance(entry, Said)]
            kept.frame = next(body for body in bodies if hashlib.sha256(body).digest()[:16] == kept.digest)
            kept.digest = b""
    return state


def needed(core: Core) -> int:
    """The oldest position that a snapshot of the state needs of the log."""
    return min(Name.of(core).needed, asyncio.run(encode("log", core.state)).needed)


def said() -> st.SearchStrategy[Entry]:
    plain_ones = st.builds(Said, st.sampled_from(PLAIN_EVENTS).map("room-{}".format), conns, acks, rooms, conns, bodies)
    relayed = st.builds(Said, st.just("relay-ice-candidate"), conns, acks, st.just("red"), conns, candidates)
    return plain_ones | relayed | relayed


def of_sockets(received: st.SearchStrategy[int | None], seen: st.SearchStrategy[int]) -> st.SearchStrategy[Entry]:
    resumable = st.sampled_from([None, True, True, False])
    authenticated = st.builds(
        Authenticated, conns, acks, st.just("app"), bodies, resumable, conns, st.integers(1, 3), bodies, received
    )
    closed = st.builds(Closed, conns, seen, st.just("closed"), st.booleans())
    return authenticated | authenticated | closed | st.builds(Pace, conns, st.booleans())


class Feeder:
    """Turns drawn entries into the log of a core: numbers batches, keeps time, brings gateways up."""

    def __init__(self, core: Core, limits: Limits | None = None) -> None:
        self.core = core
        self.log: list[tuple[int, float, bytes]] = []
        self.parcels: list[tuple[str, Parcel]] = []
        self.batches = dict.fromkeys(GATEWAYS, 0)
        if limits is not None:
            self.feed("b", [limits_set(0, limits)], 0)
        self._prepare()

    def feed(self, writer: str, entries: list[Any], pause: float, behind: int = 0) -> None:
        """Append a batch. A gateway says that it is ``behind`` by some parcels."""
        number = 0
        if writer in GATEWAYS:
            if writer not in self.core.state.gateways:
                self.batches[writer] = 0
                entries = [GatewayUp(writer), *entries]
            self.batches[writer] = number = self.batches[writer] + 1
        now = (self.log[-1][1] if self.log else 1000.0) + pause
        placed = [self._placed(writer, entry) for entry in entries]
        data = pack_batch(Batch(writer, number, placed, 0.0, *self._progress(writer, behind)))
        self.log.append((len(self.log) + 1, now, data))
        self.parcels += apply(self.core, self.log[-1:])

    def _progress(self, writer: str, behind: int) -> tuple[int, int]:
        gateway = self.core.state.gateways.get(writer)
        have = max(0, gateway.parcel - behind) if gateway else 0
        totals = {parcel.number: parcel.total for name, parcel in self.parcels if name == writer}
        return have, totals.get(have, 0)

    def _prepare(self) -> None:
        """Peers a and b are in the room red, and may come back."""
        for writer, conn in zip(GATEWAYS, "ab", strict=True):
            self.feed(writer, [Authenticated(conn, None, "app", b"", True, "", 0, b"", None)], 0)
        self.feed("g1", [Said("room-create-request", "a", None, "red", "", b"")], 0)
        self.feed("g2", [Said("room-join-request", "b", None, "red", "", b"")], 0)
        self.feed("g1", [Said("room-join-accept", "a", None, "red", "b", b"")], 0)

    def _placed(self, writer: str, entry: Any) -> Any:
        """``seen`` is drawn as the number of parcels that the gateway is behind; a relay names who it is from."""
        if isinstance(entry, Said) and entry.event.startswith("relay"):
            sender = self.core.state.conns.get(entry.conn, entry.conn)
            frame = relay_frame("relay-ice-candidate", entry.room, sender, entry.body, b"", b"")
            return msgspec.structs.replace(entry, body=frame)
        if isinstance(entry, GatewayLost):
            gateway = self.core.state.gateways.get(entry.gateway)
        elif isinstance(entry, Closed):
            peer = self.core.state.peers.get(self.core.state.conns.get(entry.conn, ""))
            gateway = self.core.state.gateways.get(peer.gateway if peer else writer)
        else:
            return entry
        return msgspec.structs.replace(entry, seen=max(0, gateway.parcel - entry.seen) if gateway else 0)


def apply(core: Core, log: list[tuple[int, float, bytes]]) -> list[tuple[str, Parcel]]:
    parcels = []
    for position, time, data in log:
        parcels += core.apply(position, time, unpack_batch(data)).parcels
        check(core.state, LIMITS)
    return parcels


def messages(of_gateway: st.SearchStrategy[Entry], lag: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    lost = st.builds(GatewayLost, st.integers(0, 1), st.sampled_from(GATEWAYS), lag)
    agreed = st.builds(limits_set, st.integers(0, 1), st.sampled_from(OTHER_LIMITS)) | st.just(LevelRaised(0, 1))
    of_broker = lost | st.builds(Tick, st.integers(0, 1)) | st.builds(Speaking, st.integers(0, 1)) | agreed
    pauses = st.sampled_from([0.0, 1.0, 11.0, 46.0])
    batches = st.tuples(st.sampled_from(GATEWAYS), st.lists(of_gateway, max_size=4), pauses, lag)
    return st.lists(batches | batches | batches | st.tuples(st.just("b"), st.lists(of_broker, max_size=2), pauses))


@settings(max_examples=150, deadline=None)
@given(messages(said() | of_sockets(st.none() | st.integers(0, 3), seen), seen))
def test_any_log_leaves_a_sound_state_and_says_the_same_to_all_who_read_it(log: list[Any]) -> None:
    first = Feeder(Core(LIMITS))
    for message in log:
        first.feed(*message)
    second = Core(LIMITS)
    assert apply(second, first.log) == first.parcels
    assert plain(second.state) == plain(first.core.state)


@settings(max_examples=100, deadline=None)
@given(messages(said() | of_sockets(st.none() | st.integers(0, 3), seen), seen), st.data())
def test_once_limits_are_in_the_log_it_does_not_matter_what_a_broker_was_started_with(
    log: list[Any], data: st.DataObject
) -> None:
    first = Feeder(Core(Limits()), LIMITS)
    for message in log:
        first.feed(*message)
    other = Core(Limits(peers_per_room=1, resume_for=77.0, rooms_per_peer=1, kept_deliveries=0, scope_by_app=True))
    position = data.draw(st.integers(1, len(first.log)))
    before = apply(other, first.log[:position])
    restored = Core(Limits(peers_per_room=1), saved_and_loaded(other, first.log))
    assert restored.limits == other.limits == other.out.keeping.limits == restored.out.keeping.limits
    assert before + apply(other, first.log[position:]) == first.parcels
    assert plain(other.state) == plain(first.core.state)


@settings(max_examples=150, deadline=None)
@given(messages(said() | of_sockets(st.none(), st.just(0)), st.just(0)), st.data())
def test_a_snapshot_at_any_position_leads_to_the_same(log: list[Any], data: st.DataObject) -> None:
    """As long as nobody asks for what was sent before it, which a snapshot does not hold."""
    first = Feeder(Core(LIMITS))
    for message in log:
        first.feed(*message)
    position = data.draw(st.integers(0, len(first.log)))
    early = Core(LIMITS)
    before = apply(early, first.log[:position])
    restored = Core(LIMITS, saved_and_loaded(early, first.log))
    assert plain(restored.state) == plain(early.state)
    assert before + apply(restored, first.log[position:]) == first.parcels
    for core in (restored, first.core):
        for peer in core.state.peers.values():
            peer.past = []
    assert plain(restored.state) == plain(first.core.state)


@settings(max_examples=150, deadline=None)
@given(messages(said() | of_sockets(st.none() | st.integers(0, 3), seen), seen), st.data())
def test_a_broker_that_has_read_enough_before_a_snapshot_goes_on_like_the_others(
    log: list[Any], data: st.DataObject
) -> None:
    first = Feeder(Core(LIMITS))
    for message in log:
        first.feed(*message)
    newest = data.draw(st.integers(0, len(first.log)))
    base = data.draw(st.sampled_from([0, *bases(first.log, newest)]))
    goes_on_like_the_others(first, base, newest)


def bases(log: list[tuple[int, float, bytes]], newest: int) -> list[int]:
    """The positions of snapshots that a broker may begin from when there is one at ``newest``."""
    late = Core(LIMITS)
    apply(late, log[:newest])
    unconfirmed = late.out.oldest_unconfirmed() or newest + 1
    return [
        position
        for position, time, _ in log[:newest]
        if time < log[newest - 1][1] - HISTORY_SECONDS and position < unconfirmed
    ]


def goes_on_like_the_others(first: Feeder, base: int, newest: int) -> None:
    """A broker begins from a snapshot at ``base`` and adopts the one at ``newest``: it says and has the same."""
    early, late = Core(LIMITS), Core(LIMITS)
    apply(early, first.log[:base])
    before = apply(late, first.log[:newest])
    cut = min(base + 1, needed(early), needed(late))
    restored = Core(LIMITS, saved_and_loaded(early, first.log, cut))
    state = saved_and_loaded(late, first.log, cut)
    if base:
        restored.rehearse(state)
    apply(restored, first.log[base:newest])
    restored.adopt(state)
    assert before + apply(restored, first.log[newest:]) == first.parcels
    assert plain(restored.state) == plain(first.core.state)


def test_a_place_that_ended_early_for_one_who_began_late_is_no_different_in_the_end() -> None:
    """A log that the search above once found: what a peer had before decides what it may come back to."""
    first = Feeder(Core(LIMITS))
    red = Said("room-create-request", "a", None, "red", "", b"")
    first.feed("g1", [red, Closed("b", 2, "closed", False), red], 0.0)
    first.feed("b", [], 46.0)
    for entry in (Tick(0), GatewayLost(0, "g1", 0)):
        first.feed("b", [entry], 0.0)
    first.feed("g2", [Authenticated("d", None, "app", b"", True, "b", 1, b"", 2)], 0.0)
    for newest in range(len(first.log) + 1):
        for base in [0, *bases(first.log, newest)]:
            goes_on_like_the_others(first, base, newest)
