"""What a notice costs broker and NATS: ``python -m tests.bench notices``.

Visits are put into the log as a gateway would, and a broker makes notices of them, or none. Both take turns.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.envelopes import subjects
from shared.envelopes.entries import Authenticated, Batch, Entry, GatewayUp, Said, pack_batch
from shared.envelopes.levels import LEVEL
from shared.messaging.connection import connect
from shared.messaging.messaging import Messaging
from shared.process.stop import Stop
from tests.bench import command
from tests.bench.meter import Meter
from tests.system.rig.harness import System

DESCRIPTION = """\
Let guests ask for a room, be let in and leave, at some visits a second. The broker says four notices of each visit."""

GATEWAY = "bench"
NOTICES = 4  # of a visit
RATES = (50, 1000)  # visits a second
STEP = 0.02  # seconds


class Options(command.Options):
    seconds: float
    rounds: int


class Cost(msgspec.Struct):
    """Microseconds of CPU for each visit, with and without notices, and bytes in NATS for each notice."""

    rate: int
    broker: tuple[float, float]
    nats: tuple[float, float]
    size: float


class Found(command.Finding, kw_only=True):
    costs: list[Cost]

    def text(self) -> str:
        head = (
            "| visits /s | CPU of a visit (µs), with notices / without: broker | NATS | bytes of a notice in NATS |\n"
        )
        rows = (
            f"| {cost.rate} | {cost.broker[0]:.0f} / {cost.broker[1]:.0f} | {cost.nats[0]:.0f} / {cost.nats[1]:.0f} "
            f"| {cost.size:.0f} |"
            for cost in self.costs
        )
        return head + "|---|---|---|---|\n" + "\n".join(rows)


class Log:
    """A log, to which visits are added."""

    def __init__(self, nc: Messaging) -> None:
        self._nc = nc
        self._js = nc.jetstream(timeout=5.0)
        self._batches = 0

    async def begin(self) -> None:
        """An owner with a room, and a guest."""
        people = [Authenticated(conn, None, "bench", b"", True, "", 0, b"", None) for conn in ("owner", "guest")]
        await self.add(
            [GatewayUp("bench", LEVEL), *people, Said("room-create-request", "owner", None, "room", "", b"")]
        )

    async def visit(self) -> None:
        """The guest comes and goes; each entry in a message of its own, as it is when not much happens."""
        for event, conn, peer in (
            ("room-join-request", "guest", ""),
            ("room-join-accept", "owner", "guest"),
            ("room-leave-request", "guest", ""),
        ):
            await self.add([Said(event, conn, None, "room", peer, b"")])

    async def add(self, entries: list[Entry]) -> None:
        """Append a batch."""
        self._batches += 1
        batch = Batch(GATEWAY, self._batches, entries, 0.0, 2**50, 2**50)
        await self._js.publish(subjects.gateway_events(GATEWAY), pack_batch(batch))

    async def stored(self) -> tuple[int, int]:
        """Messages and bytes in the stream of notices."""
        state = (await self._js.stream_info(subjects.NOTICE_STREAM)).state
        return state.messages, state.bytes


async def measure(options: Options) -> Found:
    """Start a system for each turn."""
    costs = []
    for rate in RATES:
        turns: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
        for number in range(options.rounds):
            for notices in turns:
                command.say(f"{rate} visits/s, round {number + 1}, {'with' if notices else 'without'} notices")
                turns[notices].append(await _turn(rate, options.seconds, notices))
        middle = {
            notices: [sorted(part)[len(part) // 2] for part in zip(*found, strict=True)]
            for notices, found in turns.items()
        }
        broker, nats, size = zip(middle[True], middle[False], strict=True)
        costs.append(Cost(rate, broker, nats, size[0]))
    return Found(costs=costs)


async def _turn(rate: int, seconds: float, notices: bool) -> tuple[float, float, float]:
    """CPU seconds of broker and NATS for a visit, in microseconds, and bytes of a notice."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        settings = {"NOTICES": str(int(notices)), "GATEWAY_TIMEOUT": "3600"}
        system = System(Path(folder), gateways=0, brokers=1, settings=settings)
        await system.start()
        stop = Stop()
        nc = await connect(f"nats://127.0.0.1:{system.nats_port}", "bench", stop)
        try:
            await asyncio.sleep(8.0)  # until all agree on the level
            log = Log(nc)
            await log.begin()
            meter = Meter({"broker": system.brokers[0].pid, "nats": system.nats.pid})
            visits = await _visit(log, rate, seconds)
            await asyncio.sleep(0.5)
            used = meter.read()
            _, size = await log.stored() if notices else (0, 0)
        finally:
            stop.set()  # that the connection ends now is as it should be
            await nc.close()
            await system.abandon()
    return used["broker"] / visits * 1e6, used["nats"] / visits * 1e6, size / visits / NOTICES


async def _visit(log: Log, rate: int, seconds: float) -> int:
    """Let visits happen at a rate, some at a time; returns how many there were."""
    began, done = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * rate) - done
        for _ in range(due):
            await log.visit()
        done += due
        await asyncio.sleep(STEP)
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = command.parser("notices", DESCRIPTION)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each turn takes [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each [%(default)s]")
    options = parser.parse_args(arguments, namespace=Options())
    return command.carry_out(measure(options), options)
