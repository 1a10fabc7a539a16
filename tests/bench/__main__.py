"""``python -m tests.bench``, and the other commands by name: ``python -m tests.bench storm``."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvloop

from tests.bench import (
    command,
    core_speed,
    hold,
    idle,
    life,
    notices,
    phases,
    report,
    rooms,
    size,
    soak,
    standstill,
    storm,
    takeovers,
    webhooks,
)
from tests.bench.client import Fault
from tests.bench.figures import Run
from tests.bench.options import Options, parse
from tests.bench.target import Target, started

# Seconds between runs, in which servers finish what the last one left them: Node collects garbage 8 s later, in up to
# 100 ms, and that would fall into the other's run.
PAUSE = 10.0
CORE_SECONDS = 2.0
OTHERS = {
    "hold": hold.main,
    "life": life.main,
    "notices": notices.main,
    "rooms": rooms.main,
    "size": size.main,
    "soak": soak.main,
    "standstill": standstill.main,
    "storm": storm.main,
    "takeovers": takeovers.main,
    "webhooks": webhooks.main,
}


async def measure(options: Options) -> report.Report:
    """Everything that was asked for."""
    async with _target(options) as target, _other(options) as other:
        targets = [target] if other is None else [target, other]
        fresh = options.target is None
        results = [report.Result(each.name, len(each.urls), [], None) for each in targets]
        if fresh:
            command.say(f"{target.name}: idle connections")
            results[0].idle_bytes = await idle.bytes_per_connection(target)
        for number in range(options.rounds + 1):
            for each, result in zip(targets, results, strict=True):
                run = await _run(each, options, number)
                if number > 0:
                    result.runs.append(run)
    command.say("core alone")
    return report.Report(report.machine(), results, core_speed.measure(CORE_SECONDS))


async def _run(target: Target, options: Options, number: int) -> Run:
    await asyncio.sleep(PAUSE)
    label = f"run {number} of {options.rounds}" if number else "warm-up"
    gc.collect()
    gc.disable()  # its pauses in the client would count as the server's
    try:
        return await phases.run(target, options.seconds, lambda phase: command.say(f"{target.name}, {label}: {phase}"))
    finally:
        gc.enable()


@asynccontextmanager
async def _target(options: Options) -> AsyncIterator[Target]:
    if options.target is not None:
        yield options.target
    else:
        command.say(f"starting {options.gateways} gateways")
        async with started(options.gateways) as target:
            yield target


@asynccontextmanager
async def _other(options: Options) -> AsyncIterator[Target | None]:
    if options.synced:
        async with started(options.gateways, "always synced", "always") as target:
            yield target
    else:
        yield options.against


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given and given[0] in OTHERS:
        return OTHERS[given[0]](given[1:])
    options = parse(given)
    try:
        found = uvloop.run(measure(options))
    except Fault as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    if options.json is not None:
        report.write(found, options.json)
    print(report.text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
