"""``python -m tests.bench.hold``: what idle connections cost a gateway while time passes."""

import sys
from collections.abc import Iterator, Sequence

from tests.bench import command, files, idle, report, samples
from tests.bench.crowd import Crowd
from tests.bench.samples import MIB, Sample
from tests.bench.target import Target, started

DESCRIPTION = """\
Open idle connections on one gateway, which is started for it, and hold them. Each is a browser's: it offers
permessage-deflate, authenticates as a peer and answers pings. Nobody connects again: a lost connection stays lost.

Goals: no connection is lost, the gateway's memory at the end is at most 2 % above what it was when all had connected,
and the gateway takes less than 5 % of a core."""

GATEWAY = "gateway-0"
CPU_GOAL = 0.05  # of a core
GROWTH_GOAL = 0.02


class Options(command.Options):
    """``seconds`` is how long the connections are held."""

    connections: int
    seconds: float
    every: float


class Held(command.Finding):
    """``bytes_per_connection`` is the gateway's memory for one more connection, ``pings`` how many were answered."""

    connections: int
    bytes_per_connection: float
    lost: int
    pings: int
    samples: list[Sample]

    @property
    def growth(self) -> float:
        """Of the gateway's memory, as a part of it."""
        return self.samples[-1].memory[GATEWAY] / self.samples[0].memory[GATEWAY] - 1

    def cpu(self, prefix: str = "") -> float:
        """Of processes named so, as a part of one core."""
        return samples.cpu_share(self.samples[0], self.samples[-1], prefix)

    def text(self) -> str:
        head = ("after", "gateway MiB", "gateway CPU", "all servers' CPU")
        end = self.samples[-1].at
        return "\n".join([
            report.table(head, self._rows()),
            "",
            f"{self.connections:,} connections held for {end:,.0f} s: {self.lost} lost, 0 reconnects, "
            f"{self.pings:,} pings answered",
            f"memory: {self.bytes_per_connection / 1024:.1f} KiB per connection when all had connected, "
            f"{self.growth:+.2%} at the end",
            f"CPU, of a core: gateway {self.cpu(GATEWAY):.2%}, all servers {self.cpu():.2%}",
        ])  # fmt: skip

    def _rows(self) -> Iterator[list[str]]:
        shares = zip(samples.cpu_shares(self.samples, GATEWAY), samples.cpu_shares(self.samples), strict=True)
        cpu = [["", ""], *([f"{one:.2%}", f"{all_servers:.2%}"] for one, all_servers in shares)]
        for sample, both in zip(self.samples, cpu, strict=True):
            yield [f"{sample.at:,.0f} s", f"{sample.memory[GATEWAY] / MIB:.1f}", *both]


async def measure(options: Options) -> Held:
    """Start a system with one gateway, and hold the connections."""
    files.allow(options.connections)
    command.say("starting 1 gateway")
    async with started(1) as target:
        crowd = Crowd(target, await target.app_token())
        return await crowd.guard(hold(crowd, target, options))


async def hold(crowd: Crowd, target: Target, options: Options) -> Held:
    """Hold the connections on a gateway that has just been started."""
    first = min(idle.FIRST, options.connections // 2)  # they pay for what all of them share
    command.say(f"opening {options.connections:,} connections")
    clients = await idle.arrive(crowd, first)
    before = idle.gateway_bytes(target)
    clients += await idle.arrive(crowd, options.connections - first)
    each = (idle.gateway_bytes(target) - before) / (options.connections - first)
    lost = 0

    def count() -> None:
        nonlocal lost
        lost += 1

    for client in clients:
        client.on_lost = count
    taken = await samples.watch(target.pids, options.seconds, options.every, lambda sample: _tell(sample, lost))
    pings = sum(client.pings for client in clients)
    found = Held(connections=options.connections, bytes_per_connection=each, lost=lost, pings=pings, samples=taken)
    found.missed = missed(found)
    return found


def missed(held: Held) -> list[str]:
    """What is not as it should be."""
    faults: list[str] = []
    if held.lost:
        faults.append(f"{held.lost} connections were lost")
    if held.growth > GROWTH_GOAL:
        faults.append(f"the gateway's memory grew by {held.growth:.2%}, more than {GROWTH_GOAL:.0%}")
    if held.cpu(GATEWAY) >= CPU_GOAL:
        faults.append(f"the gateway took {held.cpu(GATEWAY):.2%} of a core, not less than {CPU_GOAL:.0%}")
    return faults


def _tell(sample: Sample, lost: int) -> None:
    command.say(f"{sample.at:,.0f} s: gateway {sample.memory[GATEWAY] / MIB:.1f} MiB, {lost} connections lost")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = command.parser("hold", DESCRIPTION)
    parser.add_argument("--connections", type=int, default=10_000, help="how many [%(default)s]")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to hold them [%(default)s]")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between samples [%(default)s]")
    options = parser.parse_args(arguments, namespace=Options())
    return command.carry_out(measure(options), options)


if __name__ == "__main__":
    sys.exit(main())
