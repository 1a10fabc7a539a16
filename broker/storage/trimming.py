"""The log is trimmed: what lies before a snapshot, and is no longer needed, is forgotten bit by bit.

Trimming holds NATS up: for 8 MiB some 5 ms, sometimes 12. NATS keeps that much in one file, and dropping a single byte
of a file costs no less. That should not be felt. So the log is trimmed when it is quiet, for which trimming waits a
while. If traffic does not end, it is trimmed just often enough for what is released to be gone in time, and more often
when the log gets full.
"""

import asyncio
import logging
from collections.abc import Callable

from nats.errors import Error as NatsError

from broker.storage.extent import Extent
from broker.storage.stream import EventLog
from shared.messaging.connection import cancelled

log = logging.getLogger(__name__)

TRIM_BYTES = 8 * 1024 * 1024  # at a time
LITTLE = 8  # the part of that which is trimmed at once, in 1 ms
PATIENCE = 30.0  # seconds that what is released may wait for a quiet moment
TRIM_WITHIN = 60.0  # seconds in which it is gone thereafter
REST = 20  # NATS is left in peace this many times as long as it was held up, unless the log is nearly full
SHORTEST_PAUSE = 0.05  # seconds in which traffic would be noticed
LONGEST_PAUSE = 1.0  # seconds between looks at whether there is anything to trim


class Trimming:
    """Forgets what is released of a log. ``monotonic`` tells the time in seconds."""

    def __init__(self, event_log: EventLog, monotonic: Callable[[], float]) -> None:
        self._log = event_log
        self._monotonic = monotonic
        self._released = 0

    def release(self, before: int) -> None:
        """Nothing that lies before a position is needed any longer."""
        self._released = max(self._released, before)

    async def run(self) -> None:
        """Trim what is released, bit by bit, until cancelled."""
        last, since, interval, pause = 0, self._monotonic(), TRIM_WITHIN, LONGEST_PAUSE
        patience = PATIENCE  # seconds from ``since`` until the log is trimmed, if there is space
        while not cancelled():
            await asyncio.sleep(pause)
            pause = LONGEST_PAUSE
            if self._log.first >= self._released:
                since, interval, patience = self._monotonic(), TRIM_WITHIN, PATIENCE
                continue
            try:
                extent = await self._log.extent()
                quiet, last = extent.last == last, extent.last
                interval = min(interval, _interval(extent, self._released))  # so that what there was is gone in time
                wait = since + patience * (1 - extent.crowding) - self._monotonic()
                little = self._released - extent.first <= _bit(extent) // LITTLE
                if wait > 0 and not quiet and not little:
                    pause = min(wait, LONGEST_PAUSE)
                else:
                    held_up = await self.trim(extent)
                    since, patience = self._monotonic(), interval
                    pause = max(SHORTEST_PAUSE, held_up * REST * (1 - extent.crowding))
            except (NatsError, TimeoutError) as error:
                log.warning("the log could not be trimmed: %s", type(error).__name__)

    async def trim(self, extent: Extent) -> float:
        """Forget a bit of what is released. Returns the seconds that it took: for that long NATS hands out nothing."""
        before = min(extent.first + _bit(extent), self._released)
        if before <= extent.first:
            return 0.0
        await self._log.message(before)  # NATS holds nothing up while it reads a file for this, and then it has read it
        began = self._monotonic()
        await self._log.trim(before)
        return self._monotonic() - began


def _bit(extent: Extent) -> int:
    """How many messages make TRIM_BYTES, on average."""
    return 1 + TRIM_BYTES * (extent.last - extent.first) // max(1, extent.size)


def _interval(extent: Extent, released: int) -> float:
    """The longest time from one trimming to the next, in seconds, for all that is released to be gone in time."""
    bits = (released - extent.first) / _bit(extent)
    return TRIM_WITHIN / max(1.0, bits)
