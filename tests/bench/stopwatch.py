"""Times the operations of one phase, and what the servers spend on them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.figures import Figures, figures
from tests.bench.meter import Meter


class Stopwatch:
    """Runs from when it is made. ``delays`` are the seconds of each operation so far."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.delays: list[float] = []
        self.restart()

    def restart(self) -> None:
        """Forget what was before."""
        self.delays.clear()
        self._meter.restart()
        self._start = time.perf_counter()

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Time one operation."""
        start = time.perf_counter()
        yield
        self.delays.append(time.perf_counter() - start)

    def read(self, events: int = 1) -> Figures:
        """What it came to. ``events`` is how many times an operation does what is counted."""
        return figures(self.delays, time.perf_counter() - self._start, self._meter.read(), events)
