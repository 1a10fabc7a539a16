"""What processes use while time passes."""

import asyncio
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tests.bench.client import Fault
from tests.bench.meter import Meter, resident_bytes

MIB = 1024 * 1024


class Sample(msgspec.Struct, frozen=True):
    """``at`` is seconds since the first one; ``memory`` is in bytes, ``cpu`` in seconds since the first one."""

    at: float
    memory: dict[str, int]
    cpu: dict[str, float]


async def watch(pids: Mapping[str, int], seconds: float, every: float, seen: Callable[[Sample], None]) -> list[Sample]:
    """A sample now, more at regular intervals, and one at the end. Raises Fault when a process has gone."""
    meter = Meter(pids)
    start = time.monotonic()
    samples: list[Sample] = []
    for moment in [*(number * every for number in range(math.ceil(seconds / every))), seconds]:
        await asyncio.sleep(moment - (time.monotonic() - start))
        samples.append(_take(pids, meter, time.monotonic() - start))
        seen(samples[-1])
    return samples


def cpu_share(before: Sample, after: Sample, prefix: str = "") -> float:
    """The part of one core that the processes with such a name took."""
    used = sum(cpu - before.cpu[name] for name, cpu in after.cpu.items() if name.startswith(prefix))
    return used / (after.at - before.at)


def cpu_shares(samples: Sequence[Sample], prefix: str = "") -> list[float]:
    """That share from each sample to the next."""
    return [cpu_share(before, after, prefix) for before, after in itertools.pairwise(samples)]


def _take(pids: Mapping[str, int], meter: Meter, at: float) -> Sample:
    try:
        return Sample(at, {name: resident_bytes(pid) for name, pid in pids.items()}, meter.read())
    except (OSError, StopIteration):
        raise Fault("a server process has ended") from None
