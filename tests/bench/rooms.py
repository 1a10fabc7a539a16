"""``python -m tests.bench.rooms``: what a join costs in a small room and in a full one."""

import asyncio
import math
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from statistics import linear_regression

import msgspec

from tests.bench import command, files, report, room
from tests.bench.client import PATIENCE, Client, Fault
from tests.bench.crowd import Crowd, each
from tests.bench.meter import Meter
from tests.bench.target import Target, started

DESCRIPTION = """\
Fill many rooms at the same pace: one peer joins every room, then a second one, until all rooms are full. What all
server processes spend on the Nth joins, until the last member has been told, is divided by the number of rooms.

The Nth join has a fan-out that nothing can avoid: N - 1 members are told room-user-join, and the newcomer is given a
list of N - 1 members. What this costs for each of them is the slope of the straight line through the CPU per join of
the small rooms, up to a quarter of the full size. What is left of the Nth join's CPU after N - 1 times this is the
join's own. If anything in a join grew faster than its fan-out, large rooms would lie above the line, and it would show
there.

Goal: the own CPU of the join that fills a room is at most 3 times that of the join which makes it an eighth full."""

ROOMS_PER_PEER = 16  # what the broker allows
RATIO_GOAL = 3.0
POLL = 0.005  # seconds


class Options(command.Options):
    """``size`` is the number of peers in a full room."""

    rooms: int
    size: int
    gateways: int


class Stage(msgspec.Struct, frozen=True):
    """The joins that gave rooms ``size`` members: CPU seconds of one, all server processes together, and of each."""

    size: int
    cpu: float
    cpu_by_process: dict[str, float]

    @property
    def fan_out(self) -> int:
        """Members that are told, and that the newcomer is told of."""
        return self.size - 1

    @property
    def deliveries(self) -> int:
        """Messages to clients: the request to the owner and the acceptance come on top of the fan-out."""
        return self.fan_out + 2


class Filled(command.Finding):
    """``stages`` has every join from the second member on."""

    rooms: int
    stages: list[Stage]

    @property
    def fan_out_cpu(self) -> float:
        """CPU seconds for each member in the fan-out."""
        small = self.stages[: max(2, self.stages[-1].size // 4 - 1)]
        return linear_regression([stage.fan_out for stage in small], [stage.cpu for stage in small]).slope

    def own_cpu(self, stage: Stage) -> float:
        """CPU seconds of a join without its fan-out."""
        return stage.cpu - stage.fan_out * self.fan_out_cpu

    def shown(self) -> list[Stage]:
        """The full room, the half full one and so on, the smallest first."""
        full = self.stages[-1].size
        return [stage for stage in self.stages if stage.size in (full, full // 2, full // 4, full // 8)]

    def text(self) -> str:
        head = ("member", "CPU µs", "per message", "fan-out", "own", "own / first", "CPU / first")
        small = max(3, self.stages[-1].size // 4)
        return "\n".join([
            f"CPU of all servers for one join, {self.rooms:,} rooms",
            "",
            report.table(head, self._rows()),
            "",
            f"fan-out: {self.fan_out_cpu * 1e6:.1f} µs for each other member, as in rooms of up to {small}; "
            "own: what is left",
        ])  # fmt: skip

    def _rows(self) -> Iterator[list[str]]:
        first = self.shown()[0]
        for stage in self.shown():
            own = self.own_cpu(stage)
            figures = (stage.cpu, stage.cpu / stage.deliveries, stage.fan_out * self.fan_out_cpu, own)
            ratios = (_ratio(own, self.own_cpu(first)), _ratio(stage.cpu, first.cpu))
            yield [str(stage.size), *(f"{figure * 1e6:,.0f}" for figure in figures), *ratios]


class Room:
    """``members`` are those it will have, the owner first."""

    def __init__(self, members: Sequence[Client]) -> None:
        self.name = f"bench-{uuid.uuid4().hex}"
        self.members = members

    async def create(self) -> None:
        await room.create(self.members[0], self.name)

    async def join(self, size: int) -> None:
        """The member comes in with whom the room has that size."""
        await room.join(self.members[0], self.members[size - 1], self.name)


class News:
    """Counts how often any client is told that somebody has joined."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._count = 0
        for client in clients:
            client.on[b"room-user-join"] = self._add

    async def arrived(self, count: int) -> None:
        """Return when so many have come in since the last time."""
        deadline = time.monotonic() + PATIENCE
        while self._count < count:
            if time.monotonic() > deadline:
                raise Fault(f"{count - self._count} members were not told of a join")
            await asyncio.sleep(POLL)
        self._count -= count

    def _add(self, _: bytes) -> None:
        self._count += 1


async def measure(options: Options) -> Filled:
    """Start a system, and fill the rooms."""
    files.allow(_peers(options))
    command.say(f"starting {options.gateways} gateways")
    async with started(options.gateways) as target:
        crowd = Crowd(target, await target.app_token())
        return await crowd.guard(_fill(crowd, target, options))


async def _fill(crowd: Crowd, target: Target, options: Options) -> Filled:
    command.say(f"connecting {_peers(options):,} peers, creating {options.rooms:,} rooms")
    peers = await each(range(_peers(options)), crowd.arrive)
    rooms = [Room(members) for members in _groups(peers, options)]
    await each(rooms, Room.create)
    news, meter = News(peers), Meter(target.pids)
    stages: list[Stage] = []
    for size in range(2, options.size + 1):
        meter.restart()
        await each(rooms, lambda one, size=size: one.join(size))  # type: ignore[misc]
        await news.arrived(options.rooms * (size - 1))
        used = {name: cpu / options.rooms for name, cpu in meter.read().items()}
        stages.append(Stage(size, sum(used.values()), used))
        command.say(f"member {size} of {options.size}: {stages[-1].cpu * 1e6:,.0f} µs")
    found = Filled(rooms=options.rooms, stages=stages)
    found.missed = missed(found)
    return found


def _peers(options: Options) -> int:
    return math.ceil(options.rooms / ROOMS_PER_PEER) * options.size


def _groups(peers: Sequence[Client], options: Options) -> Iterator[list[Client]]:
    """The members of each room. Each peer is in many rooms, with the same others; another one owns each of these.

    Rooms that are next to each other share nobody, so what is sent at the same time goes to different peers, as
    in life.
    """
    groups = len(peers) // options.size
    for number in range(options.rooms):
        turn, group = divmod(number, groups)
        members = list(peers[group * options.size : (group + 1) * options.size])
        yield members[turn % options.size :] + members[: turn % options.size]


def missed(filled: Filled) -> list[str]:
    """What is not as it should be."""
    first, last = filled.shown()[0], filled.shown()[-1]
    own, limit = filled.own_cpu(last), RATIO_GOAL * filled.own_cpu(first)
    if own <= limit:
        return []
    return [
        f"join {last.size} costs {own * 1e6:,.0f} µs without its fan-out, more than {RATIO_GOAL:g} times "
        f"the {filled.own_cpu(first) * 1e6:,.0f} µs of join {first.size}"
    ]


def _ratio(value: float, by: float) -> str:
    return f"{value / by:.2f}" if by > 0 else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = command.parser("rooms", DESCRIPTION)
    parser.add_argument("--rooms", type=int, default=1536, help="how many are filled [%(default)s]")
    parser.add_argument("--size", type=int, default=64, help="peers in a full room [%(default)s]")
    parser.add_argument("--gateways", type=int, default=2, help="how many to start [%(default)s]")
    options = parser.parse_args(arguments, namespace=Options())
    return command.carry_out(measure(options), options)


if __name__ == "__main__":
    sys.exit(main())
