"""What idle connections cost a gateway in memory. To be measured on a system that has just been started."""

import asyncio

from tests.bench.client import Client
from tests.bench.crowd import Crowd, each
from tests.bench.meter import resident_bytes
from tests.bench.target import Target

FIRST = 50  # connections before the count begins: they pay for what all of them share
REST = 1000
SETTLING = 2.0  # seconds


async def bytes_per_connection(target: Target) -> float:
    """Memory of all gateways together for each connection that has authenticated and then does nothing."""
    crowd = Crowd(target, await target.app_token())
    return await crowd.guard(_measure(crowd, target))


async def _measure(crowd: Crowd, target: Target) -> float:
    await arrive(crowd, FIRST)
    before = gateway_bytes(target)
    await arrive(crowd, REST)
    return (gateway_bytes(target) - before) / REST


async def arrive(crowd: Crowd, count: int) -> list[Client]:
    """Clients like browsers, and some time for the gateways to settle."""
    clients = await each(range(count), lambda number: crowd.arrive(number, deflate=True))
    await asyncio.sleep(SETTLING)
    return clients


def gateway_bytes(target: Target) -> int:
    """Memory of all gateways together."""
    return sum(resident_bytes(pid) for name, pid in target.pids.items() if name.startswith("gateway"))
