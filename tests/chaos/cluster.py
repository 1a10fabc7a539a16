"""``python -m tests.chaos.cluster``: three hosts, each cut off, frozen and killed in turn under load.

The clients come through the load balancer. Couples measure for how long nothing arrives; the checker judges what they
and all the others were told. An app's backend, outside, gets webhooks from whichever host sends them.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp

from shared.contract.tokens import make_app_token
from tests.chaos.rig import checker, hosts
from tests.chaos.rig.company import id_of, relay, told
from tests.chaos.rig.guest import Guest, Party, find_truth
from tests.chaos.rig.hosts import Host, Hosts
from tests.chaos.rig.keeper import Keeper
from tests.chaos.rig.receiver import SECRET, Receiver
from tests.chaos.rig.run import end
from tests.chaos.rig.story import OK, Story
from tests.chaos.rig.trickle import Trickle, longest_pause
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.harness import APP_SECRET
from tests.system.rig.waiting import until

COUPLES, PARTIES, GUESTS = 8, 3, 4
PAUSE = 0.1  # seconds between two relays of a couple: what comes in half a minute is kept for one who is away
BACK = 90.0  # seconds in which all must be back after a fault
CALM = 3.0  # seconds after which the next fault may happen


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is done to a whole host, and how it is undone."""

    name: str
    strike: Callable[[Host], None]
    mend: Callable[[Host], None]


def kill(host: Host) -> None:
    host.signal(signal.SIGKILL)


FAULTS = [
    Fault("cut off", Host.cut_off, Host.connect),
    Fault("frozen", lambda host: host.signal(signal.SIGSTOP), lambda host: host.signal(signal.SIGCONT)),
    Fault("killed", kill, Host.start),
]


@dataclasses.dataclass
class Blow:
    """A fault that happened to a host, and what the couples saw of it."""

    fault: Fault
    host: str
    pauses: list[float] = dataclasses.field(default_factory=list)
    resumed: int = 0
    evicted: int = 0

    def __str__(self) -> str:
        low, middle, high = min(self.pauses), statistics.median(self.pauses), max(self.pauses)
        return (
            f"{self.fault.name} {self.host}: longest interruption of a couple {low:.2f} / {middle:.2f} / {high:.2f} s, "
            f"{self.resumed} of {2 * COUPLES} disconnected and resumed, {self.evicted} not resumed"
        )


class Couple:
    """Two who came through the load balancer. One relays to the other, all the time."""

    def __init__(self, one: Visitor, other: Visitor, room: str) -> None:
        self.both = (one, other)
        self.trickle = Trickle(one, other, room, PAUSE)

    def lines(self) -> list[object]:
        """The connections that they have now."""
        return [visitor.line for visitor in self.both]


class ClusterRun:
    """Everything for one run in ``folder``. ``seconds`` is how long a host is gone."""

    def __init__(self, folder: Path, seed: int, seconds: float, say: Callable[[str], None]) -> None:
        self._chance = random.Random(seed)
        self._seconds = seconds
        self._say = say
        self.receiver = Receiver(random.Random(seed), hosts.OUTSIDE)
        webhooks = {"WEBHOOK_URL": self.receiver.url, "WEBHOOK_SECRET": SECRET}
        self._hosts = Hosts(folder, {"APP_SECRET": APP_SECRET, "SNAPSHOT_INTERVAL": "2", **webhooks})
        self._undelivered: list[str] = []  # what is wrong with the webhooks
        self._numbers = itertools.count(1)
        self._couples: list[Couple] = []
        self._guests: list[Guest] = []
        self.blows: list[Blow] = []

    async def run(self, plan: list[tuple[Fault, int]]) -> list[str]:
        """Let these faults happen to these hosts. Returns what went wrong: promises broken, complaints in logs."""
        try:
            await self._hosts.start()
            async with self.receiver, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                await self._with_clients(http, plan)
            await self._hosts.stop()
        except AssertionError as fault:
            return [str(fault)]
        finally:
            await self._hosts.abandon()
        found = checker.faults(self._stories()) + self._undelivered
        if found:
            lines = [f"{story.peer_id} {entry}" for story in self._stories() for entry in story.entries]
            (self._hosts.folder / "stories.txt").write_text("\n".join(lines))
        return found

    def _stories(self) -> list[Story]:
        return [story for visitor in self._visitors() for story in visitor.stories]

    def _visitors(self) -> Iterator[Visitor]:
        yield from (guest.visitor for guest in self._guests)
        yield from (visitor for couple in self._couples for visitor in couple.both)

    async def _with_clients(self, http: aiohttp.ClientSession, plan: list[tuple[Fault, int]]) -> None:
        parties = [Party(f"party-{number}") for number in range(PARTIES)]
        self._guests = [
            Guest(self._visitor(http, resumable=number < GUESTS - 1), party)
            for party in parties
            for number in range(GUESTS)
        ]
        staying = [asyncio.create_task(guest.visitor.stay()) for guest in self._guests]
        try:
            for number in range(COUPLES):
                self._couples.append(await self._couple(http, f"couple-{number}", staying))
            mingling = [asyncio.create_task(guest.mingle()) for guest in self._guests]
            async with contextlib.AsyncExitStack() as trickling:
                for couple in self._couples:
                    await trickling.enter_async_context(couple.trickle)
                for fault, number in plan:
                    await self._strike(fault, self._hosts.hosts[number])
            await end(mingling)
            await self._find_truth()
            await self._judge_webhooks(http)
        finally:
            await end(staying)
            await asyncio.gather(*(visitor.leave() for visitor in self._visitors()))

    def _visitor(self, http: aiohttp.ClientSession, *, resumable: bool = True) -> Visitor:
        token = make_app_token(APP_SECRET, "chaos", 0)
        return Visitor(http, [self._hosts.url], token, self._numbers, self._chance, resumable=resumable)

    async def _couple(self, http: aiohttp.ClientSession, room: str, staying: "list[asyncio.Task[None]]") -> Couple:
        one, other = self._visitor(http), self._visitor(http)
        staying += [asyncio.create_task(visitor.stay()) for visitor in (one, other)]
        await until(lambda: one.here and other.here, "a couple is here")
        assert await one.call("room-create-request", room) == OK
        other.send("room-join-request", room)
        await told(one, "room-join-request", peer=id_of(other))
        assert await one.call("room-join-accept", room, id_of(other)) == OK
        await told(other, "room-join-accept")
        assert await relay(one, other, room) == OK
        return Couple(one, other, room)

    async def _strike(self, fault: Fault, host: Host) -> None:
        """Let a fault happen, and see to it that all are served again, before it is mended and after."""
        self._say(f"{fault.name} {host.name}, after event {next(self._numbers)}")
        began, before = time.monotonic(), [couple.lines() for couple in self._couples]
        lives = sum(len(visitor.stories) for couple in self._couples for visitor in couple.both)
        fault.strike(host)
        await asyncio.sleep(self._seconds)
        fault.mend(host)
        await host.ready(BACK)
        await until(lambda: all(visitor.here for visitor in self._visitors()), "all are back", BACK)
        mended = time.monotonic()
        for couple in self._couples:
            await couple.trickle.served_since(mended, BACK)
        await asyncio.sleep(CALM)
        blow = Blow(fault, host.name, [longest_pause(couple.trickle.arrived, began) for couple in self._couples])
        after = [couple.lines() for couple in self._couples]
        moved = sum(a is not b for x, y in zip(before, after, strict=True) for a, b in zip(x, y, strict=True))
        blow.evicted = sum(len(visitor.stories) for couple in self._couples for visitor in couple.both) - lives
        blow.resumed = moved - blow.evicted
        self.blows.append(blow)
        self._say(str(blow))

    async def _find_truth(self) -> None:
        """Wait until nothing moves any more, then ask the broker about every room."""
        await until(lambda: all(visitor.here for visitor in self._visitors()), "all are here", BACK)
        couples = [Guest(visitor, Party("none")) for couple in self._couples for visitor in couple.both]
        await find_truth([*self._guests, *couples])

    async def _judge_webhooks(self, http: aiohttp.ClientSession) -> None:
        urls = [process.url for process in self._hosts.processes if process.kind == "auth_api"]
        stream = await Keeper(http, urls, self._hosts.secret("ADMIN_TOKEN")).read_again()
        await self.receiver.catch_up(stream)
        found = (*self.receiver.faults, *self.receiver.deliveries.faults(stream))
        self._undelivered += [f"webhooks: {fault}" for fault in found]


def table(blows: list[Blow]) -> str:
    """What the couples saw of each fault, at all hosts together, as rows of RELIABILITY.md."""
    rows = []
    for fault in FAULTS:
        alike = [blow for blow in blows if blow.fault is fault]
        if pauses := [pause for blow in alike for pause in blow.pauses]:
            seconds = f"{min(pauses):.2f} / {statistics.median(pauses):.2f} / {max(pauses):.2f}"
            rows.append(f"| {fault.name} | {seconds} | {sum(blow.evicted for blow in alike)} not resumed |")
    return "\n".join(rows)


def main() -> int:
    """Run, and say what came of it; 1 if promises were broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.cluster", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=15.0, help="for which a host is gone [%(default)s]")
    parser.add_argument("--rounds", type=int, default=1, help="of each fault at each host [%(default)s]")
    parser.add_argument("--only", default="", help="faults whose names contain this")
    parser.add_argument("--short", action="store_true", help="each fault once, each at another host")
    parser.add_argument("--folder", help="for logs and the log's data; a new temporary one if not given")
    options = parser.parse_args()
    if not os.environ.get(hosts.APART):
        if trouble := hosts.why_not():
            print(trouble, file=sys.stderr)
            return 2
        return hosts.go_apart([sys.executable, "-m", "tests.chaos.cluster", *sys.argv[1:]])
    folder = Path(options.folder or tempfile.mkdtemp(prefix="parley-hosts-"))
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    plan = [(fault, number) for _ in range(options.rounds) for fault in chosen for number in range(len(hosts.NAMES))]
    if options.short:
        plan = list(zip(FAULTS, range(len(hosts.NAMES)), strict=True))
    run = ClusterRun(folder, options.seed, options.seconds, lambda line: print(line, flush=True))
    faults = asyncio.run(run.run(plan))
    print(table(run.blows))
    came = run.receiver.deliveries
    print(f"{len(came.notices)} notices came in {came.batches} webhooks, in {came.posts} POSTs")
    print(f"{len(run.blows)} of {len(plan)} faults, {len(faults)} promises broken; the logs are in {folder}")
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
