"""``python -m tests.bench storm``: what a crowd that comes all at once does to those who are there."""

import asyncio
import os
import signal
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec

from tests.bench import command, files, report, room
from tests.bench.client import Fault
from tests.bench.crowd import Couple, Crowd
from tests.bench.figures import share
from tests.bench.relay import Exchange
from tests.bench.returning import Back, Orders
from tests.bench.target import Target
from tests.bench.worktree import HERE, serving

DESCRIPTION = """\
Three gateways. Couples on two of them exchange session descriptions, while

  * the third one, with a third of all resumable clients, is killed (kill -9): its clients try again after 0.5 to 1.5 s
    at the two that are left, and again later where they are turned away;
  * or so many clients as --rush says come to one gateway at the same moment.

Told are the couples' round trips before and meanwhile, how long it took until all clients were served, and whether the
broker gave a gateway up for it, which must not happen. With --against, another worktree takes turns."""

GATEWAYS = 3
COUPLES = 20
RATE = 400.0  # round trips a second, of all couples
CALM = 3.0  # seconds that are measured before
AFTER = 4.0  # seconds from a gateway's death until the broker has given it up
GOALS = {1500: (0.025, 1.7), 4500: (0.050, 3.5)}  # seconds: round trips' p99, and until all are back


class Options(command.Options):
    """``clients`` has how many there are in all, for each storm; ``rush`` how many come at once."""

    clients: list[int]
    rush: int
    rounds: int
    against: Path | None


class Storm(msgspec.Struct, kw_only=True):
    """One of them. ``calm`` and ``meanwhile`` are round trips in seconds; ``seconds`` is until all were served."""

    tree: str
    kind: str
    clients: int
    calm: list[float]
    meanwhile: list[float]
    afterwards: list[float]
    seconds: float
    back: Back
    fenced: int


class Weathered(command.Finding):
    """All storms, those of this worktree and those of the other one."""

    storms: list[Storm]

    def text(self) -> str:
        """For people."""
        head = (
            "",
            "clients",
            "calm p99",
            "meanwhile p50",
            "p99",
            "most",
            "after",
            "all served",
            "turned away",
            "given up",
        )
        return report.table(head, [_row(group) for group in _groups(self.storms)])


async def measure(options: Options) -> Weathered:
    """Every kind of storm, in every worktree, in turn."""
    trees = [HERE, *([options.against] if options.against else [])]
    storms: list[Storm] = []
    for number in range(options.rounds):
        for tree in trees if number % 2 == 0 else reversed(trees):
            for clients in options.clients:
                command.say(f"{tree.name}, round {number + 1}: {clients:,} clients, a gateway dies")
                storms.append(await _one(tree, "kill", clients))
            if options.rush:
                command.say(f"{tree.name}, round {number + 1}: {options.rush:,} clients come at once")
                storms.append(await _one(tree, "rush", options.rush))
    found = Weathered(storms=storms)
    found.missed = missed([storm for storm in storms if storm.tree == HERE.name])
    return found


def missed(storms: Sequence[Storm]) -> list[str]:
    """What is not as it should be, by the medians of all rounds."""
    faults: list[str] = []
    for group in _groups(storms):
        what = f"{group[0].kind} of {group[0].clients:,}"
        if fenced := sum(storm.fenced for storm in group):
            faults.append(f"{what}: {fenced} gateways were given up")
        if group[0].kind == "kill" and (lost := sum(storm.back.lost - storm.back.resumed for storm in group)):
            faults.append(f"{what}: {lost} places were lost")
        if group[0].kind == "kill" and group[0].clients in GOALS:
            most, longest = GOALS[group[0].clients]
            p99, seconds = _p99(group), _median([storm.seconds for storm in group])
            if p99 > most:
                faults.append(f"{what}: p99 {p99 * 1e3:.0f} ms, more than {most * 1e3:.0f}")
            if seconds > longest:
                faults.append(f"{what}: all back after {seconds:.1f} s, more than {longest}")
    return faults


async def _one(tree: Path, kind: str, clients: int) -> Storm:
    files.allow(clients)
    async with serving(tree, GATEWAYS) as target:
        token = await target.app_token()
        crowd = Crowd(msgspec.structs.replace(target, urls=target.urls[1:]), token)
        return await crowd.guard(_weather(crowd, target, Trips(), token, kind, clients))


class Trips:
    """The couples' round trips: when each began, and how long it took."""

    def __init__(self) -> None:
        self.all: list[tuple[float, float]] = []

    def note(self, _: Exchange, delay: float) -> None:
        """One has ended."""
        self.all.append((time.monotonic() - delay, delay))

    def between(self, start: float, end: float) -> list[float]:
        """What those took that began then."""
        return [delay for began, delay in self.all if start <= began < end]


async def _weather(crowd: Crowd, target: Target, trips: Trips, token: str, kind: str, clients: int) -> Storm:
    exchanges = [Exchange(await _couple(crowd), trips.note) for _ in range(COUPLES)]
    talking = asyncio.create_task(_talk(exchanges))
    flock = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.returning", cwd=HERE, stdin=PIPE, stdout=PIPE
    )
    try:
        if kind == "kill":
            await _order(flock, Orders(target.urls, token, clients))
            await _hear(flock)
            await asyncio.sleep(CALM)
            start = time.monotonic()
            os.kill(target.pids["gateway-0"], signal.SIGKILL)
        else:
            await asyncio.sleep(CALM)
            start = time.monotonic()
            await _order(flock, Orders(target.urls[1:2], token, clients, at_once=clients))
        back = await _hear(flock)
        await asyncio.sleep(max(0.0, start + AFTER - time.monotonic()))
        fenced = sum([await _fenced(url) for url in target.urls[1:]])
    finally:
        talking.cancel()
        flock.kill()
        await flock.wait()
    return Storm(
        tree=target.name,
        kind=kind,
        clients=clients,
        calm=trips.between(start - CALM, start),
        meanwhile=trips.between(start, back.last),
        afterwards=trips.between(back.last, start + AFTER),
        seconds=back.last - start,
        back=back,
        fenced=fenced,
    )


async def _couple(crowd: Crowd) -> Couple:
    couple = Couple(await crowd.arrive(0), await crowd.arrive(1))
    await room.create(couple.owner, couple.room)
    await room.join(couple.owner, couple.guest, couple.room)
    return couple


async def _talk(exchanges: Sequence[Exchange]) -> None:
    start, begun = time.monotonic(), 0
    while True:
        while begun < (time.monotonic() - start) * RATE:
            exchanges[begun % len(exchanges)].start()
            begun += 1
        await asyncio.sleep(1 / RATE)


async def _order(flock: asyncio.subprocess.Process, orders: Orders) -> None:
    assert flock.stdin is not None
    flock.stdin.write(msgspec.json.encode(orders) + b"\n")
    await flock.stdin.drain()


async def _hear(flock: asyncio.subprocess.Process) -> Back:
    assert flock.stdout is not None
    line = await flock.stdout.readline()
    if not line:
        raise Fault("the clients' process has ended")
    return msgspec.json.decode(line, type=Back)


async def _fenced(url: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(int(float(line.split()[1])) for line in lines if line.startswith("parley_gateway_fenced_total "))


def _groups(storms: Sequence[Storm]) -> list[list[Storm]]:
    """Those of one kind in one worktree, together."""
    kinds = dict.fromkeys((storm.kind, storm.clients, storm.tree) for storm in storms)
    return [[storm for storm in storms if (storm.kind, storm.clients, storm.tree) == kind] for kind in kinds]


def _row(group: Sequence[Storm]) -> list[str]:
    def ms(part: float, which: str) -> str:
        values = [share(getattr(storm, which), part) for storm in group if getattr(storm, which)]
        return f"{_median(values) * 1e3:.1f} ms" if values else ""

    return [
        f"{group[0].kind}, {group[0].tree}",
        f"{group[0].clients:,}",
        ms(0.99, "calm"),
        ms(0.5, "meanwhile"),
        ms(0.99, "meanwhile"),
        ms(1.0, "meanwhile"),
        ms(1.0, "afterwards"),
        f"{_median([storm.seconds for storm in group]):.2f} s",
        f"{sum(storm.back.turned_away for storm in group):,}",
        str(sum(storm.fenced for storm in group)),
    ]


def _p99(group: Sequence[Storm]) -> float:
    return _median([share(storm.meanwhile, 0.99) for storm in group])


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = command.parser("storm", DESCRIPTION)
    parser.add_argument(
        "--clients", type=int, nargs="*", default=[1500, 4500], help="resumable ones in all [1500 4500]"
    )
    parser.add_argument("--rush", type=int, default=10_000, help="clients that come at once; 0: none [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="of each storm [%(default)s]")
    parser.add_argument(
        "--against", type=Path, metavar="WORKTREE", help="another commit, checked out there, to compare"
    )
    options = parser.parse_args(arguments, namespace=Options())
    return command.carry_out(measure(options), options)


if __name__ == "__main__":
    sys.exit(main())
