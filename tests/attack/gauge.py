"""What the servers' processes use while they are attacked."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping

from tests.bench.meter import cpu_seconds, resident_bytes

EVERY = 0.05  # seconds between two looks at memory
MIB = 1024 * 1024


class Gauge:
    """Memory and CPU time of processes, by name. It looks from a thread of its own, however busy the event loop is."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._most: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def start(self) -> None:
        """Begin to watch memory."""
        self._before = self._memory()
        self._most = dict(self._before)
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """End it; returns by how many MiB each process had grown at most."""
        self._stop.set()
        self._thread.join()
        return {name: (self._most[name] - before) / MIB for name, before in self._before.items()}

    def cpu(self) -> float:
        """CPU seconds of all of them together, up to now. Processes that have ended do not count."""
        used = 0.0
        for pid in self._pids.values():
            with contextlib.suppress(OSError):
                used += cpu_seconds(pid)
        return used

    def _look_on(self) -> None:
        while not self._stop.wait(EVERY):
            for name, size in self._memory().items():
                self._most[name] = max(self._most.get(name, 0), size)

    def _memory(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for name, pid in self._pids.items():
            with contextlib.suppress(OSError, StopIteration):  # it has ended
                sizes[name] = resident_bytes(pid)
        return sizes


class Lateness:
    """How late this process itself is: what witnesses wait for is not all the servers' doing."""

    def __init__(self) -> None:
        self.worst = 0.0  # seconds

    async def watch(self, sleep: float = 0.01) -> None:
        """Look until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(sleep)
            self.worst = max(self.worst, time.monotonic() - before - sleep)
