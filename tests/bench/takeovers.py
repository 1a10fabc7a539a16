"""``python -m tests.bench takeovers``: whether a speaker that has all it can do keeps the lease."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench import command, files, relay
from tests.bench.crowd import Crowd, each
from tests.bench.figures import Figures
from tests.bench.meter import Meter
from tests.bench.pairs import couple
from tests.bench.target import serving
from tests.system.rig.harness import System

DESCRIPTION = """\
Let couples relay as fast as they can, with a speaking broker and standbys, and count how often the speaker changes. It
is asked ten times a second whether it is there, and loses the lease if it does not answer for 0.7 s.

Goal: it never changes."""

COUPLES = 200
SPEAKING = "speaking now"


class Options(command.Options):
    seconds: float
    brokers: int
    gateways: int


class Kept(command.Finding):
    """``takeovers`` is how often a broker began to speak while all was busy."""

    brokers: int
    seconds: float
    takeovers: int
    relays: Figures

    def text(self) -> str:
        figures = self.relays
        return (
            f"{self.takeovers} takeovers in {self.seconds:,.0f} s, {self.brokers} brokers: {figures.rate:,.0f} relays "
            f"a second, round trip p99 {figures.p99 * 1e3:.0f} ms"
        )


async def measure(options: Options) -> Kept:
    """Start a system, and load it."""
    files.allow(COUPLES * 4)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        system = System(Path(folder), gateways=options.gateways, brokers=options.brokers)
        async with serving(system) as target:
            crowd = Crowd(target, await target.app_token())
            return await crowd.guard(_measure(crowd, system, target.pids, options))


async def _measure(crowd: Crowd, system: System, pids: dict[str, int], options: Options) -> Kept:
    couples = await each(range(COUPLES), lambda number: couple(crowd, number))
    before = _times_spoken(system)
    command.say(f"{options.seconds:,.0f} s at full load")
    relays = await relay.saturated(couples, Meter(pids), options.seconds)
    takeovers = _times_spoken(system) - before
    found = Kept(brokers=options.brokers, seconds=options.seconds, takeovers=takeovers, relays=relays)
    found.missed = [f"the speaker changed {takeovers} times"] if takeovers else []
    return found


def _times_spoken(system: System) -> int:
    return sum(broker.text().count(SPEAKING) for broker in system.brokers)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = command.parser("takeovers", DESCRIPTION)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long [%(default)s]")
    parser.add_argument("--brokers", type=int, default=3, help="how many to start [%(default)s]")
    parser.add_argument("--gateways", type=int, default=2, help="how many to start [%(default)s]")
    options = parser.parse_args(arguments, namespace=Options())
    return command.carry_out(measure(options), options)


if __name__ == "__main__":
    sys.exit(main())
