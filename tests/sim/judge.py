"""What must be true whatever happens: judged while it happens, and at the end."""

import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import msgspec

from broker import replica
from broker.core.belief import NOTHING, believe
from broker.core.keeping import SENDERS
from broker.core.machine import Applied, Core, RuleFailed
from broker.storage import snapshots
from broker.storage.stream import ID
from shared.envelopes import subjects
from shared.envelopes.deliveries import Parcel, pack_message, unpack_message
from shared.envelopes.entries import Authenticated, Batch, Identified, LevelRaised
from shared.envelopes.levels import RIGHTS
from shared.envelopes.notices import Notice, NoticeId, NoticePlace, encode_notice, id_of, unpack_bundle
from tests.broker import invariants
from tests.chaos.rig import checker
from tests.chaos.rig.story import waiting
from tests.sim import release, rights
from tests.sim.client import Client
from tests.sim.cluster import Cluster
from tests.sim.process import BrokerProcess, running
from tests.sim.register import Register
from tests.sim.server import MAX_PAYLOAD
from tests.sim.stream import Stored, Stream

CHECKED = 16  # every so many messages of the log a whole state is looked at
ANSWERED_WITHIN = 5.0  # seconds
EXPECTED = (
    "BadSnapshot parts of it are missing",  # a complaint that a fault brings about
)
COUNTING = (
    "lost",
    "repeated",
    "disordered",
    "unheard_end",
    "acted_without_right",
)  # what may happen to clients that do not count what they receive
UNCOUNTED = "room-join-reject in "  # an answer: it is lost if the client's connection breaks while it is on its way
STAYING = ("evicted", "falsely_gone")  # what may happen to clients that are away for longer than they may be
LASTING = ("disagreeing",)  # what may not even happen after a power cut; who said goodbye in what is lost, is a ghost
LATE = 3.0  # seconds that time-triggered events may be late
OVERTIME = 25.0  # seconds that a peer stays after its user token has ended
NOTICED = 2.0  # seconds until all brokers have noticed that the log has lost its end; what they said before is sent
ON_ITS_WAY = 0.2  # seconds that a message of the log may take to a broker
MOST_FAULTS = 100
JUST = 5.0  # seconds that something may take to get into the log
LONG = 100.0  # seconds that are longer than any fault

_encode = msgspec.msgpack.Encoder().encode


class Judge:
    """Of one history. ``faults`` are what was found, in the order in which it was.

    One that is ``hasty`` ends the history as soon as there is a fault.
    """

    def __init__(self, cluster: Cluster, hasty: bool = False) -> None:
        self.faults: list[str] = []
        self._cluster = cluster
        self._hasty = hasty
        self._most = 1 if hasty else MOST_FAULTS
        self._log: list[tuple[int, Stored]] = []
        self._times: dict[int, float] = {}  # of its messages
        self._said: dict[int, bytes] = {}  # what follows from each position
        self._states: dict[int, bytes] = {}  # and the state there
        self._places: dict[int, bytes] = {}  # what is known of those who are absent, where that changes
        self._sent: dict[tuple[str, int], bytes] = {}  # each gateway's parcels
        self._shed: set[str] = set()  # peers for which the state of their rooms was not kept any more
        self._forgotten: set[str] = set()  # those that had missed more than is remembered
        self._due: dict[str, float | None] = {}  # what each broker has to see to next
        self._up_since: dict[str, float] = {}  # gateways, in seconds since the epoch
        self._unsure_until = 0.0  # brokers may not have noticed that the log has lost its end
        self._log_was_cut = False  # a power cut has taken the end of it: clients may have lost anything
        cluster.server.on_stored = self._on_stored
        cluster.server.on_lost = self._on_lost
        cluster.server.on_trimmed = self._on_trimmed
        cluster.server.on_published = self._on_published
        for process in cluster.processes:
            process.on_complaint = self.find

    @property
    def damaged(self) -> bool:
        """Whether a snapshot was lost, so that brokers may not know all of what gateways were told before the next."""
        return self._cluster.server.damaged

    def find(self, fault: str) -> None:
        """Something is wrong."""
        self._cluster.universe.note("judge", fault)
        if len(self.faults) < self._most:
            self.faults.append(fault)
        self._cluster.universe.over |= self._hasty

    def is_lost(self, position: int, time: float) -> bool:
        """Whether the log has something else at this position: a frozen broker may still read what NATS has lost."""
        return self._times.get(position) != time

    def logged(self, complaint: str) -> None:
        """A process says in its log what calls for somebody."""
        if not self._log_was_cut and not any(expected in complaint for expected in EXPECTED):
            self.find(f"{running()} logs: {complaint}")

    def applied(self, core: Core, position: int, applied: Applied, settled: bool, absences: bool) -> None:
        """A broker has applied a message of the log; ``settled`` once it knows all that it has to.

        ``absences`` says whether it is others than before who are absent.
        """
        if settled:
            self._compare(self._said, position, _encode(applied), "says something else")
            if absences:
                places = _encode([core.state.peers.peek(peer_id) for peer_id in core.state.absent])
                self._compare(self._places, position, places, "keeps other places")
        if position % CHECKED == 0:
            state = invariants.plain(core.state)
            if self._states.get(position) != state:  # of two that are the same, one is looked at
                self._check(running(), core)
            if settled:
                self._compare(self._states, position, state, "is in another state")

    def _check(self, name: str, core: Core) -> None:
        """A state does not contradict itself."""
        try:
            invariants.check(core.state, core.limits)
        except AssertionError as error:
            self.find(f"{name} at {core.state.position}: {error!r}")

    def judge_the_end(self, clients: list[Client]) -> None:
        """All is over, and everything should be well."""
        self._judge_brokers(clients)
        stories = [story for client in clients for story in client.stories]
        found = [fault for client in clients for fault in client.faults] + checker.faults(stories)
        self.faults += [fault for fault in found if not self._is_excused(fault, clients)]

    def _is_excused(self, fault: str, clients: list[Client]) -> bool:
        """Whether it is no fault in this history."""
        shape, log_was_cut = self._cluster.shape, self._log_was_cut
        careless = {story.peer_id for client in clients if not client.counts for story in client.stories}
        numbered = {story.peer_id for client in clients if client.numbers_events for story in client.stories}
        abandoned = {peer for client in clients for peer in client.abandoned}
        return any((
            fault.startswith(COUNTING) and _names(fault, careless),
            fault.startswith("evicted") and _names(fault, self._misunderstood(clients) | self._forgotten),
            # what became of it, it finds in its rooms: one that was let in and put out again is in none
            fault.startswith("lost") and "room-join-accept" in fault and _names(fault, self._shed),
            # who waits for it is all that it does not find there
            fault.startswith("repeated") and "room-join-request" in fault and _names(fault, self._shed),
            UNCOUNTED in fault and not _names(fault, numbered),
            fault.startswith(STAYING) and self._cluster.broker_settings.resume_for < LONG,
            log_was_cut and not fault.startswith(LASTING),
            # by the rules of earlier releases, what had waited was told after the answer
            bool(shape.older) and (fault.startswith("told_outside") or "had taken its request back" in fault),
            fault.startswith("ghosts") and _names(fault, abandoned),
        ))  # fmt: skip

    def _misunderstood(self, clients: list[Client]) -> set[str]:
        """Peers that may lose their place by the rules of an earlier release, which took some losses for others."""
        if self._cluster.shape.older != RIGHTS:
            return set()
        return {story.peer_id for client in clients for story in client.stories if story.version > 1}

    def judge_answers(self, clients: list[Client], decided: bool = True) -> None:
        """Everybody is here, and nobody waits for anything, unless owners have not ``decided`` yet."""
        now = self._cluster.universe.time
        for client in clients:
            if not client.here:
                self.find(f"liveness: {client.name} is not back")
            for sent, since in client.unanswered.values():
                if sent.event == "room-join-request" and not (decided and self._will_decide(sent.room, clients)):
                    continue
                if now - since > ANSWERED_WITHIN:
                    self.find(f"liveness: {client.name} waits for an answer to {sent.number}, {sent.event} {sent.room}")

    def _will_decide(self, room: str, clients: list[Client]) -> bool:
        """Whether a host has heard of all requests: not if it is a ghost, or may miss something."""
        return not self._log_was_cut and any(client.counts and client.hosts(room) for client in clients)

    def _judge_brokers(self, clients: list[Client]) -> None:
        """They are as one that reads the whole log, and that is as the model says."""
        limits = self._cluster.broker_settings.limits
        older = self._cluster.shape.older
        by_last_release = dict(release.parcels(older, self._log, limits)) if older else {}
        with rights.attended(limits, self.find) as reader:
            notices = self._read_all(reader, by_last_release)
        self._judge_notices(notices)
        self._compare_brokers(reader)
        self._judge_waiting(clients, reader)

    def _read_all(self, reader: Core, by_last_release: dict[int, list[bytes]]) -> list[tuple[NoticePlace, Notice]]:
        """The notices that follow from the log."""
        notices: list[tuple[NoticePlace, Notice]] = []
        register = Register()
        for position, stored in self._log:
            try:
                batch, _ = believe(reader.state, stored.subject, stored.data)
            except Exception:
                batch = NOTHING
            self._note_returns(reader, batch)
            renewals = [shown for shown in _shown(batch) if shown.renews and shown.conn not in reader.state.peers]
            try:
                applied = reader.apply(position, stored.time / 1e6, batch)
            except RuleFailed as failure:
                self.find(f"a rule fails {failure}: {failure.__cause__!r}")
                break
            self._judge_level(reader, batch)
            for shown in renewals:
                if shown.conn in reader.state.peers and reader.state.level >= RIGHTS:
                    self.find(f"at {position} the renewal of {shown.renews} has made somebody new")
            notices += (((position, nth), notice) for nth, notice in enumerate(applied.notices))
            if not reader.notices.on:
                register.lose(reader.state.rooms)
            for wrong in register.read(applied.notices, reader.state.rooms):
                self.find(wrong)
            if position in by_last_release and by_last_release[position] != _packed(applied):
                self.find(f"at {position} the last release says something else")
                by_last_release = {}
        for wrong in register.compare_all(reader.state.rooms):
            self.find(wrong)
        return notices

    def _note_returns(self, reader: Core, batch: Batch) -> None:
        """Who comes back may have missed more than is kept, and may be told again what it has had."""
        for shown in _shown(batch):
            peer = reader.state.peers.get(shown.resume_id)
            if peer is None:
                continue
            if peer.shed:
                self._shed.add(peer.peer_id)
            had = peer.starts.get(shown.resume_generation, peer.told) + (shown.received or 0)
            if peer.told - had > SENDERS * reader.limits.kept_deliveries:
                self._forgotten.add(peer.peer_id)

    def _judge_level(self, reader: Core, batch: Batch) -> None:
        """Gateways that are up know a level that is raised, but for one that the speaker may not have seen yet."""
        since, state = self._up_since, reader.state
        for gateway in state.gateways:
            since.setdefault(gateway, state.now)
        if not any(isinstance(entry, LevelRaised) for entry in batch.entries):
            return
        for gateway, known in state.gateways.items():
            if known.level < state.level and state.now - since[gateway] > JUST:
                self.find(f"level {state.level} holds, and {known.name} knows those up to {known.level}")

    def _judge_waiting(self, clients: list[Client], reader: Core) -> None:
        """Hosts know who waits."""
        for client in clients:
            if client.person.version == 1 or not client.counts or not client.here or self._log_was_cut:
                continue
            believed = waiting(client.story)
            for room in filter(client.hosts, sorted(client.rooms.keys() & reader.state.rooms.keys())):
                if (wait := set(reader.state.rooms[room].pending)) != believed.get(room, set()):
                    self.find(f"{client.name} believes that {believed.get(room)} wait for {room}, and {wait} do")

    def _compare_brokers(self, reader: Core) -> None:
        for process in filter(lambda broker: broker.alive, self._cluster.brokers):
            core = process.broker.replica.core if process.broker.replica else None
            unread = [stored for position, stored in self._log if core is None or position > core.state.position]
            if core is None or (unread and unread[0].time / 1e6 < self._cluster.server.now - ON_ITS_WAY):
                self.find(f"liveness: {process.name} has not read the log to its end")
            elif unread:
                continue
            elif not self.damaged and invariants.plain(core.state) != invariants.plain(reader.state):
                self.find(f"{process.name} is in another state than who reads the whole log")
            else:
                self._check(process.name, core)
                self._judge_deadlines(process.name, core)
                self._judge_term(process, core)

    def _judge_term(self, process: BrokerProcess, core: Core) -> None:
        """Who speaks does so in the log's term: otherwise, what time causes is ignored."""
        replica = process.broker.replica
        if replica is not None and replica._lease.held and replica._lease.term != core.state.term:
            self.find(f"{process.name} speaks in term {replica._lease.term}, and the log is in {core.state.term}")

    def _judge_notices(self, said: list[tuple[NoticePlace, Notice]]) -> None:
        """The stream of notices has those of one that reads the whole log: each once, and in order."""
        server = self._cluster.server
        bundles = server.streams[subjects.NOTICE_STREAM].messages.values() if said else ()
        stored = [bytes(notice) for bundle in bundles for notice in unpack_bundle(bundle.data).notices]
        ids = [id_of(notice) for notice in stored]
        if len(ids) != len(set(ids)):
            self.find("a notice is stored twice")
        log_id = (server.streams[subjects.EVENT_STREAM].config.metadata or {})[ID]
        expected = [encode_notice(NoticeId(log_id, *place), notice) for place, notice in said]
        if stored != expected and not self._log_was_cut:
            both = itertools.zip_longest(expected, stored)
            self.find(f"liveness: notices are not as they should be: {next(one for one in both if one[0] != one[1])}")

    def note_deadlines(self) -> None:
        """Look at what is due, some time before it is judged: a token may begin to end as soon as it is shown."""
        self._due = {name: core.next_deadline() for name, core in self._cores()}

    def judge_deadlines(self) -> None:
        """What is due has happened. Clients that stayed away have not come back yet."""
        for name, core in self._cores():
            self._judge_deadlines(name, core)

    def _cores(self) -> Iterator[tuple[str, Core]]:
        for process in filter(lambda broker: broker.alive, self._cluster.brokers):
            if process.broker.replica is not None:
                yield process.name, process.broker.replica.core

    def _judge_deadlines(self, name: str, core: Core) -> None:
        for peer in core.state.peers.values():
            if peer.user is not None and peer.user.expires + OVERTIME + LATE < core.state.now:
                self.find(f"liveness: {name} knows {peer.peer_id}, whose token ended at {peer.user.expires}")
        due = core.next_deadline()
        if due is not None and due < self._cluster.server.now - LATE and due == self._due.get(name):
            self.find(f"liveness: {name} has a deadline that passed {self._cluster.server.now - due:.1f} s ago")

    def _compare(self, known: dict[int, bytes], position: int, seen: bytes, how: str) -> None:
        if known.setdefault(position, seen) != seen:
            self.find(f"{running()} {how} at {position}")

    def _on_stored(self, stream: Stream, position: int, stored: Stored) -> None:
        if stream.name != subjects.EVENT_STREAM:
            return
        self._cluster.universe.note("log", f"{position} {stored.subject[-12:]} {_digest(stored.data).hex()}")
        self._log.append((position, stored))
        self._times[position] = stored.time / 1e6

    def _on_trimmed(self, stream: Stream) -> None:
        """What a gateway has not confirmed still follows from the log: brokers can begin before it."""
        if stream.name != subjects.EVENT_STREAM:
            return
        for process in filter(lambda broker: broker.alive, self._cluster.brokers):
            core = process.broker.replica.core if process.broker.replica else None
            oldest = core.out.oldest_unconfirmed() if core is not None else None
            if core is not None and oldest is not None and core.state.position == stream.last and stream.first > oldest:
                self.find(f"the log begins at {stream.first}, and what followed from {oldest} is not confirmed")

    def _on_lost(self, stream: Stream) -> None:
        """A stream has lost its end in a power cut: positions and numbers may come again, with something else."""
        if stream.name == snapshots.STREAM:
            self._cluster.server.damaged = True
        if stream.name == subjects.EVENT_STREAM:
            self._log_was_cut = True
            self._unsure_until = self._cluster.universe.time + NOTICED
            self._log = [one for one in self._log if one[0] <= stream.last]
            self._sent.clear()
            for known in (self._said, self._states, self._places, self._times):
                for position in [position for position in known if position > stream.last]:
                    del known[position]

    def _on_published(self, who: str, subject: str, data: bytes) -> None:
        if len(data) > MAX_PAYLOAD:
            self.find(f"{who} publishes {len(data)} bytes under {subject}")
        if not subject.startswith("parley.deliver."):
            return
        message = unpack_message(data)
        if not isinstance(message, Parcel) or self._cluster.universe.time <= self._unsure_until:
            return
        if self._sent.setdefault((subject, message.number), data) != data:
            self.find(f"{who} says something else in parcel {message.number} of {subject}")


@contextlib.contextmanager
def watching(judge: Judge) -> Iterator[None]:
    """Let a judge see what brokers do with each message of the log."""

    class Watched(Core):
        """A core whose brokers are judged."""

        def __init__(self, limits: Any, state: Any = None, *more: Any, **named: Any) -> None:
            super().__init__(limits, state, *more, **named)
            self._settled = state is None
            self._absent = dict(self.state.absent)

        def apply(self, position: int, time: float, batch: Batch) -> Applied:
            self._settled &= not judge.is_lost(position, time)
            applied = super().apply(position, time, batch)
            absences = self._absent != self.state.absent
            if absences:
                self._absent = dict(self.state.absent)
            judge.applied(self, position, applied, self._settled, absences)
            return applied

        def adopt(self, state: Any) -> None:
            super().adopt(state)
            self._settled = not judge.damaged

    with patch.object(replica, "Core", Watched):
        yield


def _names(fault: str, peers: set[str]) -> bool:
    return any(peer in fault for peer in peers)


def _shown(batch: Batch) -> Iterator[Authenticated]:
    """All that asks to be let in, or to stay."""
    for entry in batch.entries:
        if isinstance(entry, Authenticated | Identified):
            yield entry.authenticated if isinstance(entry, Identified) else entry


def _packed(applied: Applied) -> list[bytes]:
    return [pack_message(parcel) for _, parcel in applied.parcels]


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()
