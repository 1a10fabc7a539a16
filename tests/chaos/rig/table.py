"""``python -m tests.chaos.rig.table``: what each fault costs, measured, as the table of RELIABILITY.md."""

import argparse
import asyncio
import contextlib
import dataclasses
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.chaos.rig.cluster import Cluster
from tests.chaos.rig.company import Company, OwnCompany, relayed
from tests.chaos.rig.faults import all_ready, speaker
from tests.chaos.rig.story import OK
from tests.chaos.rig.trickle import PAUSE, Trickle, longest_pause
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.harness import System
from tests.system.rig.process import Process
from tests.system.rig.waiting import until

HEADER = "| fault | what clients see | seconds until service: min / median / max | events lost | events repeated |"
WITHIN = 60.0  # seconds in which service must be back
AWAY = 5.0  # seconds that NATS, or the only broker, is away
RARELY = 0.2  # seconds between relays to one who is away so long that more would not be kept


@dataclasses.dataclass(frozen=True)
class Case:
    """A fault: its name, what clients see of it, and how to bring it about and mend it.

    ``pause`` is the time between relays, in seconds.
    """

    name: str
    seen: str
    inflict: "Callable[[Round], Awaitable[None]]"
    settle: "Callable[[Round], Awaitable[None]]"
    brokers: int = 2
    cluster: bool = False
    pause: float = PAUSE


@dataclasses.dataclass
class Round:
    """One time that a fault happens. ``began`` is when service could first have been missed, in monotonic seconds."""

    company: Company
    trickle: Trickle
    began: float = 0.0
    broken: Process | None = None

    @property
    def system(self) -> System:
        return self.company.system

    def strike(self, process: Process, number: int) -> None:
        """Send the signal that is the fault."""
        self.broken, self.began = process, time.monotonic()
        process.signal(number)


async def kill_speaker(this: Round) -> None:
    this.strike(speaker(this.system), signal.SIGKILL)


async def kill_only_broker(this: Round) -> None:
    await kill_speaker(this)
    await start_after(this, AWAY)


async def end_speaker(this: Round) -> None:
    this.strike(speaker(this.system), signal.SIGTERM)


async def freeze_speaker(this: Round) -> None:
    this.strike(speaker(this.system), signal.SIGSTOP)


async def kill_gateway(this: Round) -> None:
    this.strike(_gateway_of(this, this.trickle.receiver), signal.SIGKILL)


async def freeze_gateway(this: Round) -> None:
    this.strike(_gateway_of(this, this.trickle.receiver), signal.SIGSTOP)


async def end_gateway(this: Round) -> None:
    this.strike(_gateway_of(this, this.trickle.receiver), signal.SIGTERM)


async def kill_nats(this: Round) -> None:
    this.strike(this.system.nats, signal.SIGKILL)
    await start_after(this, AWAY)


async def kill_leading_node(this: Round) -> None:
    assert isinstance(this.system, Cluster)
    this.strike(await this.system.leading_node(), signal.SIGKILL)


async def kill_other_node(this: Round) -> None:
    assert isinstance(this.system, Cluster)
    leading = await this.system.leading_node()
    others = [node for node in this.system.nodes if node is not leading]
    this.strike(others[len(this.trickle.served) % len(others)], signal.SIGKILL)


async def start_after(this: Round, seconds: float) -> None:
    """Start what was killed after a time; from then on service may be expected."""
    assert this.broken is not None
    await this.broken.exit_code()
    await asyncio.sleep(seconds)
    this.broken.start()
    this.began = time.monotonic()


async def start_again(this: Round) -> None:
    assert this.broken is not None
    await this.broken.exit_code()
    this.broken.start()
    await all_ready(this.system)


async def nothing(this: Round) -> None:
    await all_ready(this.system)


async def thaw(this: Round) -> None:
    assert this.broken is not None
    this.broken.signal(signal.SIGCONT)
    await all_ready(this.system)


WAIT = "answers wait"
MOVE = "its clients are disconnected, and resume elsewhere"
LATE = "its clients see no ping for 25 s, and resume elsewhere"
HOLD = "answers wait; `unavailable` beyond what gateways may hold"

CASES = [
    Case("broker `kill -9`, with a standby", WAIT, kill_speaker, start_again),
    Case("broker SIGTERM, with a standby", WAIT, end_speaker, start_again),
    Case("broker frozen, with a standby", WAIT, freeze_speaker, thaw),
    Case(f"only broker `kill -9`, {AWAY:g} s away; from its start", WAIT, kill_only_broker, nothing, brokers=1),
    Case("gateway `kill -9`", MOVE, kill_gateway, start_again),
    Case("gateway SIGTERM", MOVE, end_gateway, start_again),
    Case("gateway frozen", LATE, freeze_gateway, thaw, pause=RARELY),
    Case(f"NATS `kill -9`, {AWAY:g} s away; from its start", HOLD, kill_nats, nothing),
    Case(
        "of three NATS servers, that which leads the log `kill -9`", HOLD, kill_leading_node, start_again, cluster=True
    ),
    Case("of three NATS servers, another `kill -9`", HOLD, kill_other_node, start_again, cluster=True),
]


@dataclasses.dataclass
class Row:
    """What the rounds of one case came to."""

    case: Case
    seconds: list[float]
    lost: int = 0
    repeated: int = 0

    def __str__(self) -> str:
        times = f"{min(self.seconds):.2f} / {statistics.median(self.seconds):.2f} / {max(self.seconds):.2f}"
        return f"| {self.case.name} | {self.case.seen} | {times} | {self.lost} | {self.repeated} |"


async def measure(case: Case, rounds: int, folder: Path) -> Row:
    """Let a fault happen so many times to one system, and see what becomes of a trickle of relays."""
    kind = Cluster if case.cluster else System
    company = OwnCompany(kind(folder, gateways=3, brokers=case.brokers))
    row = Row(case, [])
    try:
        await company.open()
        sender, receiver = await company.visitor(0), company.stranger()
        staying = asyncio.create_task(receiver.stay())
        await until(lambda: receiver.here, "the receiver has come")
        room = await company.room(sender, receiver)
        async with Trickle(sender, receiver, room, case.pause) as trickle:
            for _ in range(rounds):
                row.seconds.append(await _one(case, Round(company, trickle)))
        await _count(row, sender, receiver)
        staying.cancel()
    finally:
        await company.close()
    return row


async def _one(case: Case, this: Round) -> float:
    trickle = this.trickle
    while trickle.receiver.url == trickle.sender.url:  # the one who measures stays out of it
        await trickle.receiver.drop()
        await until(lambda: trickle.receiver.here, "the receiver is back", WITHIN)
    await trickle.served_since(time.monotonic(), WITHIN)
    await case.inflict(this)
    await until(lambda: trickle.arrived[-1] > this.began, "relays arrive again", WITHIN)
    await case.settle(this)
    settled = time.monotonic()
    await until(lambda: trickle.arrived[-1] > settled, "relays arrive still", WITHIN)
    return longest_pause(trickle.arrived, this.began)


async def _count(row: Row, sender: Visitor, receiver: Visitor) -> None:
    await until(sender.all_answered, "all are answered", WITHIN)
    done = {sent.number for sent in sender.story.sent() if sent.answer == OK and sent.event.startswith("relay")}
    with contextlib.suppress(AssertionError):  # what does not arrive is counted
        await until(lambda: not done - set(relayed(receiver)), "all that was acknowledged has arrived", WITHIN)
    row.lost = len(done - set(relayed(receiver)))
    row.repeated = len(relayed(receiver)) - len(set(relayed(receiver)))


def _gateway_of(this: Round, visitor: Visitor) -> Process:
    return next(gateway for gateway in this.system.gateways if gateway.url == visitor.url)


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.rig.table", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", default="", help="cases whose names contain this")
    options = parser.parse_args()
    print(HEADER + "\n|---|---|---|---|---|", flush=True)
    for case in CASES:
        if options.only in case.name:
            with tempfile.TemporaryDirectory(prefix="parley-table-") as folder:
                print(asyncio.run(measure(case, options.rounds, Path(folder))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
