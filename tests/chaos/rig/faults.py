"""What is done to processes: killed, ended, frozen, and put back in order."""

import asyncio
import dataclasses
import random
import re
import signal
from collections.abc import Iterator

from tests.system.rig.harness import System
from tests.system.rig.process import Process

KILL, END, FREEZE = "kill -9", "SIGTERM", "SIGSTOP"
_SPEAKING = re.compile(r"(not )?speaking (?:now|any more)\s+term=(\d+)")


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to which process, for so many seconds. ``target`` is its name, or ``speaker`` or ``standby``."""

    action: str
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.action} {self.target} for {self.seconds:.1f} s"


def plan(chance: random.Random, gateways: int, longest: float) -> Iterator[Fault]:
    """Faults without end. Every kind comes once before any comes again. ``longest`` is in seconds."""
    while True:
        targets = ["speaker", "speaker", "standby", "nats", *(f"gateway-{n}" for n in range(gateways))]
        kinds = [(action, target) for target in targets for action in (KILL, FREEZE, END)]
        for action, target in chance.sample(kinds, len(kinds)):
            yield Fault(action, target, chance.uniform(0.2, longest))


async def inflict(system: System, fault: Fault) -> None:
    """Let a fault happen to a process, wait, and return when the process serves again."""
    process = find(system, fault.target)
    if fault.action == FREEZE:
        process.signal(signal.SIGSTOP)
        await asyncio.sleep(fault.seconds)
        process.signal(signal.SIGCONT)
        return
    await (process.kill() if fault.action == KILL else process.stop(within=15))
    await asyncio.sleep(fault.seconds)
    process.start()
    await all_ready(system)


async def start(system: System) -> None:
    """Start everything, however busy this machine is with other things."""
    for process in reversed(system.processes):
        process.start()
    await all_ready(system)


async def all_ready(system: System, within: float = 60.0) -> None:
    """Return when all that runs can serve."""
    running = [process for process in system.processes if process.running]
    await asyncio.gather(*(process.ready(within, _probe(process)) for process in running))


def _probe(process: Process) -> str:
    return "/healthz" if process.name.startswith("nats") else "/readyz"


def find(system: System, target: str) -> Process:
    """The process that a fault is for."""
    if target == "speaker":
        return speaker(system)
    if target == "standby":
        return next((broker for broker in system.brokers if broker is not speaker(system)), system.brokers[0])
    return system.process(target)


def speaker(system: System) -> Process:
    """The broker that was the last to begin to speak."""
    return max(system.brokers, key=_term)


def _term(broker: Process) -> int:
    terms = [int(found[2]) for found in _SPEAKING.finditer(broker.text()) if not found[1]]
    return max(terms, default=0)
