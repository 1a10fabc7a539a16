"""What is done to processes: killed, ended, frozen, and put back in order."""

import asyncio
import dataclasses
import random
import re
import signal
from collections.abc import Callable, Iterator

from tests.system.rig.harness import System
from tests.system.rig.process import Process

KILL, END, FREEZE = "kill -9", "SIGTERM", "SIGSTOP"
_SPEAKING = re.compile(r"(not )?speaking (?:now|any more)\s+term=(\d+)")
_SENDING = re.compile(r'^\{"time":"([^"]+)".*"message":"sending webhooks', re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to which process, for so many seconds. ``target`` is its name, or its part, as in ``_PARTS``."""

    action: str
    target: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.action} {self.target} for {self.seconds:.1f} s"


def plan(chance: random.Random, gateways: int, longest: float) -> Iterator[Fault]:
    """Faults without end. Every kind comes once before any comes again. ``longest`` is in seconds."""
    while True:
        targets = ["speaker", "speaker", "standby", "nats", "sender", "idle sender"]
        targets += [f"gateway-{n}" for n in range(gateways)]
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
    return _PARTS[target](system) if target in _PARTS else system.process(target)


def speaker(system: System) -> Process:
    """The broker that was the last to begin to speak."""
    return max(system.brokers, key=_term)


def sender(system: System) -> Process:
    """The auth_api that was the last to begin to send webhooks. They log as JSON, with milliseconds."""
    return max(system.auths, key=lambda auth: _SENDING.findall(auth.text())[-1:])


def _other(among: list[Process], than: Process) -> Process:
    return next((process for process in among if process is not than), than)


_PARTS: dict[str, Callable[[System], Process]] = {
    "speaker": speaker,
    "standby": lambda system: _other(system.brokers, speaker(system)),
    "sender": sender,
    "idle sender": lambda system: _other(system.auths, sender(system)),
}


def _term(broker: Process) -> int:
    terms = [int(found[2]) for found in _SPEAKING.finditer(broker.text()) if not found[1]]
    return max(terms, default=0)
