"""``python -m tests.bench.rooms``: what a join costs in a small room and in a full one."""

import asyncio
import math
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from statistics import linear_regression, median

import msgspec

from tests.bench import command, files, report, room
from tests.bench.client import PATIENCE, Client, Fault
from tests.bench.crowd import Crowd, each
from tests.bench.meter import Meter
from tests.bench.target import Target, started

DESCRIPTION = """\
Fill rooms of four sizes, a full one, a half, a quarter and an eighth of it, all but one member. Then, round by round,
that member joins in all rooms of one size, and leaves them again, and so with the other sizes. What all server
processes spend on this, until every other member has been told, is divided by the number of rooms. Figures are medians
of all rounds: the sizes take turns, so that what else the machine does disturbs them alike.

A join into a room of N has a fan-out that nothing can avoid: N - 1 members are told of it. What telling one member
costs is measured with something else that tells all members, leaving: it is the slope of the straight line through the
CPU of a leave over N. What is left of a join's CPU without N - 1 times this is the join's own; the list of members that
the newcomer gets is in it.

Goal: the own CPU of the join that fills a room is at most 3 times that of the join which makes it an eighth full."""

ROOMS_PER_PEER = 16  # what the broker allows
RATIO_GOAL = 3.0
POLL = 0.005  # seconds


class Options(command.Options):
    """``rooms`` is how many there are of each size, ``size`` the members of a full one."""

    rooms: int
    size: int
    rounds: int
    gateways: int


class Stage(msgspec.Struct):
    """What filling a room up to ``size`` members takes, and leaving it then: CPU seconds of all servers, by round."""

    size: int
    joins: list[float] = []
    leaves: list[float] = []

    @property
    def join(self) -> float:
        return median(self.joins)

    @property
    def leave(self) -> float:
        return median(self.leaves)

    @property
    def others(self) -> int:
        """Members that are told."""
        return self.size - 1

    @property
    def messages(self) -> int:
        """To clients, for one join: the owner is asked, and the newcomer is answered, beside those who are told."""
        return self.others + 2


class Filled(command.Finding):
    """``stages`` are in the order of their sizes."""

    rooms: int
    stages: list[Stage]

    @property
    def telling(self) -> float:
        """CPU seconds of telling one member something."""
        others = [stage.others for stage in self.stages]
        return linear_regression(others, [stage.leave for stage in self.stages]).slope

    def own(self, stage: Stage) -> float:
        """CPU seconds of a join without its fan-out."""
        return stage.join - stage.others * self.telling

    def text(self) -> str:
        head = ("members", "join µs", "per message", "leave µs", "fan-out", "own", "join / first", "own / first")
        rounds = len(self.stages[0].joins)
        return "\n".join([
            f"CPU of all servers for one join, {self.rooms:,} rooms of each size, medians of {rounds} rounds",
            "",
            report.table(head, self._rows(), left=()),
            "",
            f"fan-out: {self.telling * 1e6:.1f} µs for each other member, as leaves show; own: the join without it",
        ])  # fmt: skip

    def _rows(self) -> Iterator[list[str]]:
        first = self.stages[0]
        for stage in self.stages:
            fan_out = stage.others * self.telling
            figures = (stage.join, stage.join / stage.messages, stage.leave, fan_out, self.own(stage))
            ratios = (_ratio(stage.join, first.join), _ratio(self.own(stage), self.own(first)))
            yield [str(stage.size), *(f"{figure * 1e6:,.0f}" for figure in figures), *ratios]


class Room:
    """``members`` are those it will have when it is full, the owner first."""

    def __init__(self, members: Sequence[Client]) -> None:
        self._name = f"bench-{uuid.uuid4().hex}"
        self._owner, *self._others, self._last = members

    async def fill(self) -> None:
        """All come in but the last."""
        await room.create(self._owner, self._name)
        for member in self._others:
            await room.join(self._owner, member, self._name)

    async def join(self) -> None:
        """The last one comes in."""
        await room.join(self._owner, self._last, self._name)

    async def leave(self) -> None:
        """The last one leaves."""
        await room.leave(self._last, self._name)


class News:
    """Counts how often any client is told that somebody has joined or left."""

    def __init__(self) -> None:
        self._count = 0

    def listen(self, client: Client) -> None:
        client.on[b"room-user-join"] = client.on[b"room-user-leave"] = self._add

    async def arrived(self, count: int) -> None:
        """Return when so many have come in since the last time."""
        deadline = time.monotonic() + PATIENCE
        while self._count < count:
            if time.monotonic() > deadline:
                raise Fault(f"{count - self._count} members were not told of a change in their room")
            await asyncio.sleep(POLL)
        self._count -= count

    def _add(self, _: bytes) -> None:
        self._count += 1


class SameSize:
    """All rooms of one size, and what is found out about them."""

    def __init__(self, rooms: Sequence[Room], size: int, news: News, meter: Meter) -> None:
        self.stage = Stage(size)
        self._rooms = rooms
        self._news = news
        self._meter = meter

    async def fill(self) -> None:
        others = self.stage.others
        await each(self._rooms, Room.fill)
        await self._news.arrived(len(self._rooms) * others * (others - 1) // 2)

    async def turn(self) -> None:
        """One round."""
        self.stage.joins.append(await self._cpu(Room.join))
        self.stage.leaves.append(await self._cpu(Room.leave))

    async def _cpu(self, act: Callable[[Room], Awaitable[None]]) -> float:
        """CPU seconds of all servers for one room."""
        self._meter.restart()
        await each(self._rooms, act)
        await self._news.arrived(len(self._rooms) * self.stage.others)
        return sum(self._meter.read().values()) / len(self._rooms)


async def measure(options: Options) -> Filled:
    """Start a system, and fill the rooms."""
    files.allow(sum(_peers(options.rooms, size) for size in sizes(options.size)))
    command.say(f"starting {options.gateways} gateways")
    async with started(options.gateways) as target:
        crowd = Crowd(target, await target.app_token())
        return await crowd.guard(_measure(crowd, target, options))


async def _measure(crowd: Crowd, target: Target, options: Options) -> Filled:
    news, meter = News(), Meter(target.pids)
    kinds: list[SameSize] = []
    for size in sizes(options.size):
        command.say(f"filling {options.rooms:,} rooms with {size - 1} members each")
        peers = await each(range(_peers(options.rooms, size)), crowd.arrive)
        for peer in peers:
            news.listen(peer)
        kinds.append(SameSize([Room(members) for members in _groups(peers, options.rooms, size)], size, news, meter))
        await kinds[-1].fill()
    for number in range(options.rounds):
        command.say(f"round {number + 1} of {options.rounds}")
        for kind in kinds:
            await kind.turn()
    found = Filled(rooms=options.rooms, stages=[kind.stage for kind in kinds])
    found.missed = missed(found)
    return found


def sizes(full: int) -> list[int]:
    """An eighth, a quarter, a half of a full room's members, and all; at least an owner and a guest."""
    return sorted({max(2, full // part) for part in (8, 4, 2, 1)})


def _peers(rooms: int, size: int) -> int:
    return math.ceil(rooms / ROOMS_PER_PEER) * size


def _groups(peers: Sequence[Client], rooms: int, size: int) -> Iterator[list[Client]]:
    """The members of each room. Each peer is in up to 16 rooms, always with the same others, who take turns as owners.

    Rooms that are next to each other share nobody, so what is sent at the same time goes to different peers, as
    in life.
    """
    groups = len(peers) // size
    for number in range(rooms):
        turn, group = divmod(number, groups)
        members = list(peers[group * size : (group + 1) * size])
        yield members[turn % size :] + members[: turn % size]


def missed(filled: Filled) -> list[str]:
    """What is not as it should be."""
    first, last = filled.stages[0], filled.stages[-1]
    if filled.own(last) <= RATIO_GOAL * filled.own(first):
        return []
    return [
        f"join {last.size} costs {filled.own(last) * 1e6:,.0f} µs without its fan-out, more than {RATIO_GOAL:g} times "
        f"the {filled.own(first) * 1e6:,.0f} µs of join {first.size}"
    ]


def _ratio(value: float, by: float) -> str:
    return f"{value / by:.2f}" if by > 0 else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = command.parser("rooms", DESCRIPTION)
    parser.add_argument("--rooms", type=int, default=256, help="how many of each size [%(default)s]")
    parser.add_argument("--size", type=int, default=64, help="members of a full room [%(default)s]")
    parser.add_argument("--rounds", type=int, default=9, help="how often each is joined [%(default)s]")
    parser.add_argument("--gateways", type=int, default=2, help="how many to start [%(default)s]")
    options = parser.parse_args(arguments, namespace=Options())
    return command.carry_out(measure(options), options)


if __name__ == "__main__":
    sys.exit(main())
