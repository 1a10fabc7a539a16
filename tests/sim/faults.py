"""What goes wrong in a history: planned from its seed, and undone when calm is due.

Which faults there are, when, and how each of them goes, depends on the seed and nothing else.
"""

import functools
from collections.abc import Callable, Sequence

from shared.envelopes import levels
from shared.envelopes.entries import Batch, UserRevoked, pack_batch, unpack_batch
from shared.envelopes.subjects import BROKER_EVENTS, EVENT_STREAM, LEASE_BUCKET, SNAPSHOT_BUCKET
from tests.chaos.rig.cast import LIFE, Person
from tests.sim.cluster import APP, Cluster
from tests.sim.process import Process
from tests.sim.server import EPOCH, Server
from tests.sim.stream import Stream

RARELY = 0.06  # how often there are power cuts, after which little can be said about what clients were told
MANY_PARTS = 4
ONE_BROKER = 0.3  # how often a broker is dead from when calm begins: the other one is enough
Fault = Callable[[], None]


class Faults:
    """Faults happen one after the other, and several at once, until ``calm`` seconds have passed."""

    def __init__(self, cluster: Cluster, people: Sequence[Person], calm: float) -> None:
        self._cluster = cluster
        self._universe = cluster.universe
        self._chance = cluster.universe.chance_of("faults")
        self._people = people
        self._calm = calm
        self._lease_lost = False

    def begin(self) -> None:
        """Plan all of them."""
        self.replace_all()
        chance = self._chance
        mix = chance.sample(KINDS, chance.randint(2, 6))
        if chance.random() < RARELY:
            mix.append("cut_power")
        mix = list(self._cluster.shape.mix) or mix
        time, number = self._universe.time + chance.uniform(2, 6), 0
        while time < self._calm:
            kind, number = chance.choice(mix), number + 1
            self._universe.at(time, functools.partial(self._inflict, kind, number))
            time += chance.expovariate(1 / 4)

    def replace_all(self) -> None:
        """An operator replaces processes of the last release, one by one."""
        chance = self._universe.chance_of("replacing")
        for process in filter(lambda process: process.is_old, self._cluster.processes):
            when = chance.uniform(self._universe.time + 1.0, self._calm - 6.0)
            self._universe.at(when, process.stop)
            self._universe.at(when + 3.0, functools.partial(self._bring_in, process))

    def _bring_in(self, process: Process) -> None:
        """Start a process anew, of this release."""
        process.kill()
        process.level = levels.LEVEL
        process.start()

    def take_brokers_away(self, begin: float, end: float) -> None:
        """There is no broker for a long time."""
        for broker in self._cluster.brokers:
            self._universe.at(begin, broker.kill)
            self._universe.at(end, broker.start)
        if self._cluster.shape.in_vain:
            self._start_in_vain(begin)

    def _start_in_vain(self, begin: float) -> None:
        """Brokers are there for some seconds, in which no gateway hears of them."""
        chance, server = self._universe.chance_of("brokers"), self._cluster.server
        up = begin + chance.uniform(1, 8)
        down = up + chance.uniform(2, 6)
        for broker in self._cluster.brokers:
            self._universe.at(up, broker.start)
            self._universe.at(down, broker.kill)
        self._universe.at(up, lambda: setattr(server, "swallow", lambda to: to.startswith("parley.deliver.")))
        self._universe.at(down, lambda: setattr(server, "swallow", lambda _: False))

    def end(self) -> None:
        """Nothing is wrong any more: all processes run."""
        server = self._cluster.server
        if not server.up:
            server.start()
        server.electing_until = 0.0
        server.slow = 0.0
        server.swallow = lambda _: False
        for stream in server.streams.values():
            stream.full = False
        self._chance = self._universe.chance_of("end of faults")
        alone = self._lease_lost or self._chance.random() < ONE_BROKER
        spared = self._chance.choice(self._cluster.brokers) if alone else None
        for process in self._cluster.processes:
            process.thaw()
            if process.is_old:
                self._bring_in(process)
            process.start()
        if spared is not None and len(self._cluster.brokers) > 1:
            spared.kill()

    def _inflict(self, kind: str, number: int) -> None:
        self._chance = self._universe.chance_of(f"fault {number}, {kind}")
        self._universe.note("fault", kind)
        getattr(self, f"_{kind}")()

    def _process(self) -> Process:
        return self._chance.choice(self._cluster.processes)

    def _later(self, least: float, most: float, step: Fault) -> None:
        seconds = least * (most / least) ** self._chance.random()
        self._universe.at(min(self._universe.time + seconds, self._calm), step)

    def _kill_gateway(self) -> None:
        gateway = self._chance.choice(self._cluster.gateways)
        gateway.kill()
        self._later(0.1, 10, gateway.start)

    def _kill_broker(self) -> None:
        broker = self._chance.choice(self._cluster.brokers)
        broker.kill()
        self._later(0.1, 10, broker.start)

    def _kill_brokers(self) -> None:
        for broker in self._cluster.brokers:
            broker.kill()
            self._later(0.1, 10, broker.start)

    def _kill_host(self) -> None:
        """A gateway, a broker and the NATS server that leads die at once."""
        self._elect()
        self._kill_gateway()
        self._kill_broker()

    def _stop_process(self) -> None:
        process = self._process()
        process.stop()
        self._later(2, 8, process.start)

    def _freeze(self) -> None:
        process = self._process()
        process.freeze()
        self._later(0.05, 20, process.thaw)

    def _kill_while_publishing(self) -> None:
        process = self._process()
        if not process.alive:
            return
        left = self._chance.randint(1, 5)

        def before(_subject: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                process.kill()
                self._later(0.1, 10, process.start)

        process.nc.before_publishing = before

    def _partition(self) -> None:
        process = self._process()
        if process.alive:
            there, back = self._chance.choice(((True, True), (True, False), (False, True)))
            seconds = 0.05 * 400 ** self._chance.random()
            process.nc.partition(min(seconds, self._calm - self._universe.time), there, back)

    def _lose_connection(self) -> None:
        process = self._process()
        if process.alive:
            process.nc.lose()

    def _kill_nats(self) -> None:
        server = self._cluster.server
        if server.up:
            server.die()
            self._later(0.1, 20, lambda: None if server.up else server.start())

    def _cut_power(self) -> None:
        """NATS comes back without what its disk had not been told to keep."""
        server = self._cluster.server
        if server.up:
            server.die()
            self._later(0.5, 8, lambda: None if server.up else server.start(self._lost))

    def _lost(self, stream: Stream) -> int:
        """How many messages the end of a stream lost: some of the log, at most a snapshot of a store."""
        return self._chance.randint(0, 30 if stream.name == EVENT_STREAM else 2)

    def _elect(self) -> None:
        self._cluster.server.elect(self._chance.uniform(4, 9))

    def _change_speaker(self) -> None:
        """The speaker dies while the log takes nothing: the next one cannot say that it speaks. Not of ``KINDS``."""
        stream = self._cluster.server.streams.get(EVENT_STREAM)
        speaker = next((broker for broker in self._cluster.brokers if broker.alive and broker.speaks), None)
        if stream is not None and speaker is not None:
            stream.full = True
            self._later(3, 6, lambda: setattr(stream, "full", False))
            speaker.kill()
            self._later(1, 10, speaker.start)

    def _slow_store(self) -> None:
        server = self._cluster.server
        server.slow = 0.01 * 200 ** self._chance.random()
        self._later(0.5, 5, lambda: setattr(server, "slow", 0.0))

    def _fill_log(self) -> None:
        for stream in self._cluster.server.streams.values():
            stream.full = True
            self._later(0.2, 5, lambda stream=stream: setattr(stream, "full", False))  # type: ignore[misc]

    def _swallow(self) -> None:
        """Lose some of what goes from NATS to one process, or deliveries, or acknowledgements."""
        server, chance = self._cluster.server, self._chance
        part = chance.choice((0.05, 0.5, 1.0))
        what = chance.choice(("ack to ", "answer to ", "parley.deliver.", "parley.beats"))
        server.swallow = lambda subject: subject.startswith(what) and chance.random() < part
        self._later(0.1, 5, lambda: setattr(server, "swallow", lambda _: False))

    def _stall_consumer(self) -> None:
        consumers = self._cluster.server.consumers
        if consumers:
            seconds = 0.2 * 100 ** self._chance.random()
            self._cluster.server.stall(self._chance.choice(consumers), min(seconds, self._calm - self._universe.time))

    def _repeat_batch(self) -> None:
        """Store a message of a gateway once more, as if its id had been forgotten."""
        stream = self._cluster.server.streams.get(EVENT_STREAM)
        if stream is not None and stream.messages and not stream.full:
            stored = self._chance.choice(list(stream.messages.values()))
            if unpack_batch(stored.data).number != 1:  # a gateway would come up again after its end
                self._cluster.server.store(stream.name, stored.subject, stored.data)

    def _revoke_user(self) -> None:
        """An operator makes the tokens of an identity void; its backend gives it another one."""
        stream = self._cluster.server.streams.get(EVENT_STREAM)
        users = [person for person in self._people if person.identity]
        if stream is None or stream.full or not users or not self._cluster.server.up:
            return
        identity, now = self._chance.choice(users).identity, int(EPOCH + self._universe.time)
        same = [person for person in users if person.identity == identity]
        until = max(now, *(person.issued for person in same))
        order = UserRevoked(APP, identity, until, LIFE)
        self._cluster.server.store(stream.name, BROKER_EVENTS, pack_batch(Batch("operator", 0, [order])))
        for person in same:
            person.issued = until + 1
            person.revoked += 1

    def _set_clock(self) -> None:
        clocks: list[Process | Server] = [*self._cluster.processes, self._cluster.server]
        self._chance.choice(clocks).skew = self._chance.choice((-3.0, 3.0, -0.5, 8.0, 0.0))

    def _lose_part_of_snapshot(self) -> None:
        """The newest of several snapshots is not whole, and brokers begin from it: its writer died over it."""
        stream = self._cluster.server.streams.get(f"OBJ_{SNAPSHOT_BUCKET}")
        parts = [number for number, stored in stream.messages.items() if ".C." in stored.subject] if stream else []
        if stream is not None and len(parts) > MANY_PARTS:
            stream.purge(None, stream.messages[parts[-1]].subject)
            self._cluster.server.damaged = True
            self._kill_brokers()

    def _lose_lease(self) -> None:
        """The bucket is gone, as after a disk was replaced."""
        self._cluster.server.streams.pop(f"KV_{LEASE_BUCKET}", None)
        self._lease_lost = True


KINDS = sorted(name.removeprefix("_") for name in (
    "_kill_gateway", "_kill_host", "_kill_broker", "_kill_brokers", "_stop_process", "_freeze",
    "_kill_while_publishing",
    "_partition", "_lose_connection", "_kill_nats", "_elect", "_slow_store", "_fill_log", "_swallow",
    "_stall_consumer", "_repeat_batch", "_set_clock", "_lose_lease", "_revoke_user",
    "_lose_part_of_snapshot",
))  # fmt: skip
