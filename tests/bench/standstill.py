"""``python -m tests.bench standstill``: what clients notice of snapshots while very many peers are there."""

import asyncio
import contextlib
import itertools
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
import msgspec

from tests.bench import command, files, relay, report
from tests.bench.client import Fault
from tests.bench.crowd import Couple, Crowd, each
from tests.bench.figures import share
from tests.bench.meter import Meter, resident_bytes
from tests.bench.multitude import multitude
from tests.bench.pairs import couple
from tests.bench.samples import MIB
from tests.bench.snapshot_speed import SnapshotSpeed, in_a_process_of_its_own
from tests.bench.target import serving
from tests.chaos.rig.faults import speaker
from tests.system.rig.harness import System
from tests.system.rig.process import Process

DESCRIPTION = """\
Let very many peers sit in rooms of four, and let couples on two gateways relay at a steady rate. Brokers take
snapshots all the time. The longest time in which nothing arrived anywhere is what clients notice; the machine's own
pauses are in it, so the same is measured before the multitude comes. With --kill, the speaker is killed again and again
as snapshots are being taken, and the longest pause after each kill is measured.

A core alone, in a process of its own, shows what a snapshot of so many peers takes: how long nothing takes effect when
it is begun, the longest slice, and how long it takes to be read again.

Goal: nothing stands still for more than 10 ms with a standby, for more than 50 ms without; 0.5 s after a kill."""

COUPLES = 50
BOTH_WAYS = 2
GAP_GOALS = {1: 0.05}  # seconds, by the number of brokers
GAP_GOAL = 0.01
KILL_GOAL = 0.5
PATIENCE = 600.0  # seconds
TAKEN = re.compile(r"snapshot taken .*bytes=(\d+) .*seconds=([\d.]+)")


class Options(command.Options):
    """``rate`` is relays a second, ``interval`` seconds between snapshots, ``kill`` how often."""

    peers: int
    brokers: int
    seconds: float
    rate: float
    interval: float
    kill: int


class Pauses(msgspec.Struct):
    """How long nothing arrived: the longest, and that which one in a thousand exceeds; and round trips. In seconds."""

    longest: float
    rare: float
    p50: float
    p99: float

    def row(self, name: str) -> list[str]:
        return [name, *(f"{value * 1e3:.1f}" for value in (self.longest, self.rare, self.p50, self.p99))]


class Stood(command.Finding):
    """``snapshots`` has the seconds that each took meanwhile, ``killed`` the pauses after kills."""

    peers: int
    brokers: int
    before: Pauses
    during: Pauses
    snapshots: list[float]
    memory: dict[str, int]
    cpu: dict[str, float]
    killed: list[float]
    alone: SnapshotSpeed

    def text(self) -> str:
        head = ("ms", "longest pause", "one in 1,000", "round trip p50", "p99")
        memory = ", ".join(f"{name} {size / MIB:,.0f} MiB" for name, size in self.memory.items())
        cpu = ", ".join(f"{name} {part:.0%}" for name, part in self.cpu.items())
        lines = [
            f"{self.peers:,} peers, {self.brokers} brokers, {len(self.snapshots)} snapshots",
            "",
            report.table(head, [self.before.row("before they came"), self.during.row("with snapshots")]),
            "",
            f"each snapshot took {max(self.snapshots, default=0):.1f} s at most; {memory}; of a core: {cpu}",
            self.alone.text(),
        ]
        if self.killed:
            lines.append("after kills of the speaker, s: " + ", ".join(f"{pause:.2f}" for pause in self.killed))
        return "\n".join(lines)


class Flow:
    """Relays between couples at a steady rate. ``arrived`` are the times at which one came in anywhere."""

    def __init__(self, couples: Sequence[Couple], rate: float) -> None:
        self.arrived: list[float] = []
        self.delays: list[float] = []
        self._rate = rate / BOTH_WAYS
        self._exchanges = [relay.Exchange(pair, lambda _, delay: self.delays.append(delay)) for pair in couples]
        for pair in couples:
            for client in (pair.owner, pair.guest):
                client.on[b"session-description"] = self._noting(client.on[b"session-description"])

    async def run(self, seconds: float) -> Pauses:
        await relay.begin_on_time(self._exchanges, relay.SETTLING, self._rate)
        self.arrived, self.delays = [], []
        await relay.begin_on_time(self._exchanges, seconds, self._rate)
        gaps = [after - before for before, after in itertools.pairwise(self.arrived)]
        return Pauses(max(gaps), share(gaps, 0.999), share(self.delays, 0.5), share(self.delays, 0.99))

    async def go_on(self) -> None:
        """Relay until cancelled."""
        while True:
            await relay.begin_on_time(self._exchanges, 60.0, self._rate)

    async def end(self) -> None:
        await relay.end(self._exchanges)

    def _noting(self, handle: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def on_message(message: bytes) -> None:
            self.arrived.append(time.perf_counter())
            handle(message)

        return on_message


async def measure(options: Options) -> Stood:
    """Start a system, fill it, and look what stands still."""
    files.allow(COUPLES * 4)
    command.say("a core alone")
    alone = await asyncio.to_thread(in_a_process_of_its_own, options.peers)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        settings = {"SNAPSHOT_INTERVAL": str(options.interval)}
        system = System(Path(folder), gateways=2, brokers=options.brokers, settings=settings)
        async with serving(system) as target:
            crowd = Crowd(target, await target.app_token())
            found = await crowd.guard(_measure(crowd, system, options, alone))
    found.missed = missed(found)
    return found


async def _measure(crowd: Crowd, system: System, options: Options, alone: SnapshotSpeed) -> Stood:
    flow = Flow(await each(range(COUPLES), lambda number: couple(crowd, number)), options.rate)
    command.say("nobody else is there")
    before = await flow.run(options.seconds / 2)
    command.say(f"{options.peers:,} peers come")
    async with multitude(system.nats_port, options.peers) as position:
        await _caught_up(system, position)
        known = _snapshots(system)
        command.say("with snapshots")
        meter, began = Meter({process.name: process.pid for process in system.processes}), time.monotonic()
        during = await flow.run(options.seconds)
        cpu = {name: used / (time.monotonic() - began) for name, used in meter.read().items()}
        taken = _snapshots(system)[len(known) :]
        memory = {broker.name: resident_bytes(broker.pid) for broker in system.brokers}
        killed = await _kill(flow, system, options.kill)
    await flow.end()
    return Stood(
        peers=options.peers, brokers=options.brokers, before=before, during=during, snapshots=taken, memory=memory,
        cpu=cpu, killed=killed, alone=alone,
    )  # fmt: skip


async def _caught_up(system: System, position: int) -> None:
    """Wait until every broker has read the log so far."""
    for broker in system.brokers:
        deadline = time.monotonic() + PATIENCE
        while await _figure(broker, "parley_broker_position") < position:
            if time.monotonic() > deadline:
                raise Fault(f"{broker.name} does not come to position {position} of the log")
            await asyncio.sleep(0.2)


async def _figure(broker: Process, name: str) -> float:
    async with aiohttp.ClientSession() as http, http.get(f"{broker.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def _snapshots(system: System) -> list[float]:
    """The seconds that each snapshot took so far."""
    return [float(found[2]) for broker in system.brokers for found in TAKEN.finditer(broker.text())]


async def _kill(flow: Flow, system: System, rounds: int) -> list[float]:
    """Kill the speaker so many times, and start it again. Returns the longest pause after each."""
    going_on = asyncio.create_task(flow.go_on())
    pauses = []
    for number in range(rounds):
        command.say(f"kill {number + 1} of {rounds}")
        await asyncio.sleep(2.0)
        killed = speaker(system)
        flow.arrived = [time.perf_counter()]
        killed.signal(signal.SIGKILL)
        await killed.exit_code()
        await asyncio.sleep(3.0)
        pauses.append(max(after - before for before, after in itertools.pairwise(flow.arrived)))
        killed.start()
        await killed.ready(within=PATIENCE)
    going_on.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await going_on
    return pauses


def missed(stood: Stood) -> list[str]:
    """What is not as it should be."""
    goal = GAP_GOALS.get(stood.brokers, GAP_GOAL)
    found = []
    if stood.during.longest > goal:
        found.append(f"nothing arrived for {stood.during.longest * 1e3:.1f} ms, more than {goal * 1e3:g}")
    if stood.brokers == 1 and stood.alone.longest > goal:
        found.append(f"a core alone stood still for {stood.alone.longest * 1e3:.1f} ms, more than {goal * 1e3:g}")
    if max(stood.killed, default=0) > KILL_GOAL:
        found.append(f"after a kill nothing arrived for {max(stood.killed):.2f} s, more than {KILL_GOAL:g}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = command.parser("standstill", DESCRIPTION)
    parser.add_argument("--peers", type=int, default=200_000, help="how many [%(default)s]")
    parser.add_argument("--brokers", type=int, default=2, help="how many to start [%(default)s]")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to measure [%(default)s]")
    parser.add_argument("--rate", type=float, default=500.0, help="relays a second [%(default)s]")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between snapshots [%(default)s]")
    parser.add_argument("--kill", type=int, default=0, help="how often to kill the speaker [%(default)s]")
    options = parser.parse_args(arguments, namespace=Options())
    return command.carry_out(measure(options), options)


if __name__ == "__main__":
    sys.exit(main())
