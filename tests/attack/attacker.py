"""``python -m tests.attack.attacker``: the process that attacks.

It reads a scene from its standard input, prepares, says ``ready``, waits for a line, attacks, and says what it did. It
makes itself nice first: what is to be measured is the servers, not how two cores are shared with whoever attacks them.
"""

import asyncio
import os
import sys
import time
from typing import Any

import msgspec
import uvloop

from tests.attack.catalogue import ATTACKS
from tests.attack.me import Me
from tests.attack.mouth import Gone
from tests.attack.purse import Spent
from tests.attack.scene import Outcome, Scene
from tests.bench import files

NICE = 10
MOST_FILES = 8000
PREPARING = 30.0  # seconds; then the attack begins with what it has


async def attack(scene: Scene) -> Outcome:
    """Prepare and carry out one attack."""
    asyncio.get_running_loop().set_exception_handler(_let_be)
    me = Me(scene)
    steps = ATTACKS[scene.attack].strike(me)
    try:
        async with asyncio.timeout(PREPARING):
            await anext(steps)
    except (TimeoutError, Gone, OSError) as trouble:
        return Outcome(sent=0, seconds=0.0, breaches=[f"the attack could not be prepared: {trouble!r} {me.prepared}"])
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    began = time.monotonic()
    me.purse.begin()
    try:
        async with asyncio.timeout(scene.seconds):
            async for _ in steps:
                pass
    except (Spent, Gone, OSError, TimeoutError):
        pass
    seconds = time.monotonic() - began
    return Outcome(sent=me.settle(), seconds=seconds, prepared=me.prepared, breaches=me.breaches)


def _let_be(_: asyncio.AbstractEventLoop, trouble: dict[str, Any]) -> None:
    """One of many connections has ended, or the purse is empty: that is how attacks end."""
    if not isinstance(trouble.get("exception"), (Gone, Spent, OSError, TimeoutError)):
        print(trouble, file=sys.stderr)


def main() -> None:
    os.nice(NICE)
    files.allow(MOST_FILES)
    scene = msgspec.json.decode(sys.stdin.readline(), type=Scene)
    outcome = uvloop.run(attack(scene))
    print(msgspec.json.encode(outcome).decode(), flush=True)


if __name__ == "__main__":
    main()
