"""The most telling attacks, in short; ``make attack`` carries out all of them, for longer."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.attack.catalogue import ATTACKS
from tests.attack.judge import WORST
from tests.attack.run import Run

SECONDS = 2.0
FROZEN = 1.0  # seconds
STANDSTILL = 3.0  # seconds; a test is no measurement, and its machine may be busy
SHORT = (
    "pongs",
    "digits",
    "joins-of-a-member",
    "knocks-at-an-absent-owner",
    "stolen-orders",
    "numbers",
)


def short(name: str, folder: Path) -> Run:
    """One attack that takes little time."""
    return Run(ATTACKS[name], folder, SECONDS, calm=0.3, linger=1.0)


@pytest.mark.parametrize("name", SHORT)
async def test_nobody_notices(name: str, tmp_path: Path) -> None:
    seen = await short(name, tmp_path).run()
    assert seen.missed_within(STANDSTILL) == [], seen
    assert seen.sent > 0


async def test_what_a_frozen_gateway_does_is_noticed(tmp_path: Path) -> None:
    run = short("nothing", tmp_path)
    running = asyncio.create_task(run.run())
    await run.struck.wait()
    gateway, broker = run.system.gateways[0], run.system.brokers[1]
    gateway.signal(signal.SIGSTOP)
    await broker.kill()
    await asyncio.sleep(FROZEN)
    gateway.signal(signal.SIGCONT)
    seen = await running
    assert seen.worst > WORST  # somewhat under FROZEN: the first message that waits is sent a little after the signal
    assert seen.ended == [broker.name]
    assert seen.missed
