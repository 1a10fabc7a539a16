"""Whatever happens to clients that count, a broker that begins from an older snapshot comes to be as all others."""

from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.core.history import HISTORY_SECONDS
from broker.core.machine import Core
from broker.core.state import State
from broker.storage.encoding import Encoding
from broker.storage.image import Name, decode, digest, waiting_frames
from shared.envelopes.entries import Closed, Entry, Pace, Said, Tick, unpack_batch
from tests.broker.invariants import check, plain
from tests.broker.world import NOBODY, Gateway, Message, Socket, World, read

GATEWAYS = ("g1", "g2")
RESUME_FOR = 120.0
PEOPLE = 4  # the last two of version 2


class Snapshot(NamedTuple):
    """A state as it is stored, and what the log is still needed for."""

    name: Name
    image: bytes
    peers: frozenset[str]


class Person:
    """A client that comes back again and again. ``known`` are the sockets on which it was answered."""

    def __init__(self, socket: Socket, version: int) -> None:
        self.version = version
        self.socket = socket
        self.known = [socket]

    def look(self) -> None:
        """Take note of an answer."""
        if self.socket.token != NOBODY and self.socket is not self.known[-1]:
            self.known.append(self.socket)

    @property
    def here(self) -> bool:
        """Whether what it says gets as far as its gateway."""
        return self.socket.token != NOBODY and not self.socket.deaf and not self.socket.closed


class Story:
    """A world, and snapshots of it after each step."""

    def __init__(self) -> None:
        self.world = World(resume_for=RESUME_FOR, kept_deliveries=4, kept_bytes=100_000)
        self.people = []
        for number in range(PEOPLE):
            version = 1 if number < PEOPLE // 2 else 2
            socket = self.world.peer(GATEWAYS[number % 2], resumable=True, version=version)
            self.people.append(Person(socket, version))
        self.world.room(*(person.socket for person in self.people))
        self.snapshots: dict[int, Snapshot] = {}
        self.parcels: dict[int, int] = {}  # how many there were by then
        self.given_up: list[
            tuple[int, str]
        ] = []  # where a place was given up, and the socket on which its peer was back

    def tell(self, steps: list[tuple[Any, ...]]) -> None:
        """Each step is the name of a method here, and its arguments."""
        for name, *values in steps:
            getattr(self, name)(*values)
            for person in self.people:
                person.look()
            check(self.world.core.state, self.world.limits)
            position = self.world.core.state.position
            if position not in self.snapshots:
                self.snapshots[position] = snapshot(self.world.core)
                self.parcels[position] = len(self.world.parcels)

    def wait(self, seconds: float) -> None:
        """Time passes, and gateways say how far they are."""
        self.world.now += seconds
        self.world.say(Tick(self.world.term))
        self.world.confirm()

    def talk(self, who: int, whom: int, length: int) -> None:
        """Say something to one."""
        socket, peer = self.people[who].socket, self.people[whom].known[-1].peer_id
        if self.people[who].here:
            self._send(socket.gateway, socket.said("relay-ice-candidate", "room", peer, payload="x" * length))

    def move(self, who: int, name: str) -> None:
        """Leave the room, or come into it."""
        person = self.people[who]
        if person.here:
            self._send(person.socket.gateway, person.socket.said(name, "room"))

    def let_in(self, who: int, whom: int) -> None:
        """As a host, one who waits."""
        host = self.people[who]
        if host.here:
            peer = self.people[whom].known[-1].peer_id
            self._send(host.socket.gateway, host.socket.said("room-join-accept", "room", peer))

    def deafen(self, who: int) -> None:
        """The network of one is gone, and no gateway knows yet."""
        self.people[who].socket.deaf = True

    def close(self, who: int) -> None:
        """A gateway sees that a socket is gone."""
        socket = self.people[who].socket
        socket.deaf = True
        self._send(socket.gateway, Closed(socket.conn, socket.gateway.have, "closed", False))

    def come(self, who: int, where: int, counts: bool, deaf: bool, back: int, closes: bool) -> None:
        """Come back as what the client knows of itself, or knew so many answers ago; if ``deaf``, without an answer."""
        person = self.people[who]
        if closes:
            self.close(who)
        person.socket.deaf = True
        known = person.known[max(-len(person.known), -1 - back)]
        socket = person.socket = self.world.socket(GATEWAYS[where])
        socket.deaf = deaf
        received, version, peers = known.received if counts else None, person.version, self.world.core.state.peers
        had_place = known.peer_id in peers
        socket.authenticate(resumable=True, resume=known.token, received=received, version=version)
        if had_place and known.peer_id not in peers:
            self.given_up.append((self.world.core.state.position, socket.conn))

    def renew(self, who: int) -> None:
        """Show a new user token on the same socket."""
        person = self.people[who]
        if person.here:
            self._send(person.socket.gateway, person.socket.authenticated())

    def pace(self, who: int, slow: bool) -> None:
        """One has enough to read for now, or can read on."""
        socket = self.people[who].socket
        self._send(socket.gateway, Pace(socket.conn, slow))

    def stick(self, where: int, stuck: bool) -> None:
        """A gateway handles nothing for now, or goes on."""
        gateway = self.world.gateway(GATEWAYS[where])
        if stuck:
            gateway.stuck = True
        else:
            gateway.go_on()

    def confirm(self, where: int) -> None:
        """A gateway says how far it is."""
        self._send(self.world.gateway(GATEWAYS[where]))

    def lose(self, where: int) -> None:
        """A gateway is given up, and another one comes up."""
        gateway = self.world.gateway(GATEWAYS[where])
        for socket in gateway.sockets.values():
            socket.deaf = True
        self.world.lose(gateway.name)
        del self.world.gateways[gateway.name]
        self.world.gateway(gateway.name)

    def _send(self, gateway: Gateway, *entries: Entry) -> None:
        if self.world.gateways.get(gateway.name) is gateway:
            gateway.send(*entries)


def snapshot(core: Core) -> Snapshot:
    """One of the state as it is now."""
    with Encoding("log", core.state) as encoding:
        for _ in encoding.steps():
            pass
        encoded = encoding.result()
    name = Name.of(core)
    return Snapshot(name._replace(needed=min(name.needed, encoded.needed)), encoded.whole, frozenset(core.state.peers))


def load(taken: Snapshot, log: list[Message], needed: int) -> State:
    """The state in a snapshot, with the words that it leaves to the log, which begins at ``needed``."""
    state = decode("log", taken.image)
    for kept in waiting_frames(state.peers.values()):
        if kept.digest:
            assert kept.position >= needed
            said = [entry for entry in unpack_batch(log[kept.position - 1].data).entries if isinstance(entry, Said)]
            kept.frame = next(one.body for one in said if digest(one.body) == kept.digest)
            kept.digest = b""
    return state


def bases(story: Story, newest: int) -> list[int]:
    """From which snapshots a broker may begin when there is that one.

    Not from before a place was given up of a client of which nothing is known any more: that cannot be found out.
    """
    last, _, peers = story.snapshots[newest]
    unknown = max(
        (position for position, conn in story.given_up if position <= newest and conn not in peers), default=0
    )
    return [
        position
        for position, taken in story.snapshots.items()
        if taken.name.now < last.now - HISTORY_SECONDS * 1000 and unknown <= position < last.unconfirmed
    ]


def goes_on_like_the_others(story: Story, base: int, newest: int) -> None:
    """A broker begins from one snapshot, and adopts the newer one."""
    world, older, newer = story.world, story.snapshots[base], story.snapshots[newest]
    needed = min(base + 1, older.name.needed, newer.name.needed)
    restored = Core(world.limits, load(older, world.log, needed))
    state = load(newer, world.log, needed)
    restored.rehearse(state)
    for message in world.log[base:newest]:
        read(restored, message)
    restored.adopt(state)
    told = [parcel for message in world.log[newest:] for parcel in read(restored, message).parcels]
    assert plain(restored.state) == plain(world.core.state)
    assert told == world.parcels[story.parcels[newest] :]


who, where = st.integers(0, PEOPLE - 1), st.integers(0, 1)
waits = st.tuples(st.just("wait"), st.sampled_from([5.0, 15.0, 25.0, 40.0, 46.0]))
lengths = st.sampled_from([1, 1, 1, 90])
steps = st.one_of(
    waits,
    waits,
    st.tuples(st.just("talk"), who, who, lengths),
    st.tuples(st.just("talk"), who, who, lengths),
    st.tuples(st.just("talk"), who, who, lengths),
    st.tuples(st.just("move"), who, st.sampled_from(["room-leave-request", "room-join-request"])),
    st.tuples(st.just("let_in"), who, who),
    st.tuples(st.just("deafen"), who),
    st.tuples(st.just("close"), who),
    st.tuples(st.just("come"), who, where, st.sampled_from([True, True, True, False]), st.booleans(),
              st.sampled_from([0, 0, 0, 1, 2]), st.booleans()),
    st.tuples(st.just("come"), who, where, st.just(True), st.booleans(), st.just(0), st.booleans()),
    st.tuples(st.just("come"), who, where, st.just(True), st.booleans(), st.just(0), st.booleans()),
    st.tuples(st.just("renew"), who),
    st.tuples(st.just("pace"), who, st.booleans()),
    st.tuples(st.just("stick"), where, st.booleans()),
    st.tuples(st.just("confirm"), where),
    st.tuples(st.just("lose"), where),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=10, max_size=40), st.data())
def test_a_broker_that_begins_from_an_older_snapshot_comes_to_be_as_all_others(
    told: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    story = Story()
    story.tell(told)
    pairs = [(base, newest) for newest in story.snapshots for base in bases(story, newest)]
    for base, newest in pairs[:: max(1, len(pairs) // 12)]:
        goes_on_like_the_others(story, base, newest)
