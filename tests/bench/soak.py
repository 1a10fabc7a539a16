"""``python -m tests.bench.soak``: whether memory grows under a steady load."""

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from statistics import linear_regression

from tests.bench import command, files, report, samples, stories
from tests.bench.crowd import Crowd
from tests.bench.samples import MIB, Sample
from tests.bench.target import Target, started

DESCRIPTION = """\
Let peers come, create rooms, join, relay, leave and go at a steady, moderate rate, and watch every server process's
memory. Some peers leave in words, some by closing their tab, some break off and resume on another gateway, some break
off and never come back. What comes in the settling time does not count: histories fill for 45 s.

Goal: the broker's and every gateway's memory grows by at most 2 %. Growth is that of the straight line through
the samples, from the first to the last."""

JUDGED = ("broker", "gateway")
GROWTH_GOAL = 0.02
RESIDENTS = 16  # peers that stay; each is in one story at a time
HOUR = 3600.0


class Options(command.Options):
    """``rate`` is in stories a second; a story is two peers, a room and some relays."""

    seconds: float
    settling: float
    every: float
    rate: float
    gateways: int


class Soaked(command.Finding):
    """``told`` is how many stories there were while it was measured."""

    told: int
    samples: list[Sample]

    @property
    def seconds(self) -> float:
        return self.samples[-1].at

    def slope(self, name: str) -> float:
        """Bytes a second, of the process with that name."""
        moments = [sample.at for sample in self.samples]
        return linear_regression(moments, [sample.memory[name] for sample in self.samples]).slope

    def growth(self, name: str) -> float:
        """As a part of the memory at the start."""
        return self.slope(name) * self.seconds / self.samples[0].memory[name]

    def text(self) -> str:
        head = ("", "start MiB", "end MiB", "least", "most", "MiB an hour", "growth", "CPU")
        return "\n".join([
            report.table(head, self._rows()),
            "",
            f"{self.told:,} stories in {self.seconds:,.0f} s, {len(self.samples)} samples; "
            f"CPU of all servers {samples.cpu_share(self.samples[0], self.samples[-1]):.0%} of a core",
        ])  # fmt: skip

    def _rows(self) -> Iterator[list[str]]:
        for name in self.samples[0].memory:
            memory = [sample.memory[name] / MIB for sample in self.samples]
            shown = (memory[0], memory[-1], min(memory), max(memory))
            cpu = samples.cpu_share(self.samples[0], self.samples[-1], name)
            rise = f"{self.slope(name) * HOUR / MIB:+.2f}"
            yield [name, *(f"{size:.1f}" for size in shown), rise, f"{self.growth(name):+.2%}", f"{cpu:.1%}"]


class Load:
    """Tells stories at a steady rate while ``going_on``. ``told`` is how many have come to their end."""

    def __init__(self, crowd: Crowd, rate: float) -> None:
        self.told = 0
        self.going_on = True
        self._crowd = crowd
        self._interval = RESIDENTS / rate  # seconds between the stories of one resident

    async def go_on(self, number: int) -> None:
        """The stories of one resident, one after the other."""
        resident = await self._crowd.arrive(number, resumable=True)
        due = time.monotonic() + self._interval * number / RESIDENTS
        turns = itertools.count(number)
        while self.going_on:
            gateway, story = divmod(next(turns), len(stories.ALL))
            await asyncio.sleep(due - time.monotonic())
            due = max(due + self._interval, time.monotonic())  # a slow server is not given more than it can bear
            await stories.ALL[story](self._crowd, resident, gateway)
            self.told += 1


async def measure(options: Options) -> Soaked:
    """Start a system, and load it."""
    files.allow(RESIDENTS * 3)
    command.say(f"starting {options.gateways} gateways")
    async with started(options.gateways) as target:
        crowd = Crowd(target, await target.app_token())
        return await crowd.guard(_soak(crowd, target, options))


async def _soak(crowd: Crowd, target: Target, options: Options) -> Soaked:
    load = Load(crowd, options.rate)
    async with asyncio.TaskGroup() as tasks:
        for number in range(RESIDENTS):
            tasks.create_task(load.go_on(number))
        command.say(f"settling for {options.settling:g} s")
        await asyncio.sleep(options.settling)
        before = load.told
        taken = await samples.watch(target.pids, options.seconds, options.every, _tell)
        told = load.told - before
        load.going_on = False
    found = Soaked(told=told, samples=taken)
    found.missed = missed(found)
    return found


def missed(soaked: Soaked) -> list[str]:
    """What is not as it should be."""
    judged = [name for name in soaked.samples[0].memory if name.startswith(JUDGED)]
    return [
        f"{name}'s memory grew by {soaked.growth(name):.2%}, more than {GROWTH_GOAL:.0%}"
        for name in judged
        if soaked.growth(name) > GROWTH_GOAL
    ]


def _tell(sample: Sample) -> None:
    sizes = ", ".join(f"{name} {size / MIB:.1f}" for name, size in sample.memory.items())
    command.say(f"{sample.at:,.0f} s, MiB: {sizes}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = command.parser("soak", DESCRIPTION)
    parser.add_argument("--seconds", type=float, default=1500.0, help="how long to measure [%(default)s]")
    parser.add_argument("--settling", type=float, default=300.0, help="seconds of load before that [%(default)s]")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between samples [%(default)s]")
    parser.add_argument("--rate", type=float, default=12.0, help="stories a second [%(default)s]")
    parser.add_argument("--gateways", type=int, default=2, help="how many to start [%(default)s]")
    options = parser.parse_args(arguments, namespace=Options())
    return command.carry_out(measure(options), options)


if __name__ == "__main__":
    sys.exit(main())
