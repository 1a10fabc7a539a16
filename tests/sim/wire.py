"""One direction of a connection: what is sent arrives later, in order, unless the connection breaks first."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from tests.sim.universe import Universe

T = TypeVar("T")
HICCUP = 0.01  # how often something takes much longer
MUCH_LONGER = 30


class Wire(Generic[T]):
    """``arrive`` gets each item, after some ``latency``, in seconds, that differs from one to the next."""

    def __init__(self, universe: Universe, latency: float, arrive: Callable[[T], None]) -> None:
        self.broken = False
        self._universe = universe
        self._latency = latency
        self._arrive = arrive
        self._draw = universe.chance.random
        self._under_way: deque[T] = deque()
        self._stalled_until = 0.0
        self._last = 0.0

    @property
    def under_way(self) -> int:
        """How many items are under way."""
        return len(self._under_way)

    def send(self, item: T) -> None:
        """Put something on its way."""
        if self.broken:
            return
        draw = self._draw()
        latency = self._latency * (0.5 + draw) * (MUCH_LONGER if draw < HICCUP else 1)
        due = self._universe.time + latency
        if due > self._last:
            self._last = due
        self._under_way.append(item)
        self._universe.at(self._last, self._next)

    def stall(self, seconds: float) -> None:
        """Let nothing arrive for so long; it is not lost."""
        self._stalled_until = max(self._stalled_until, self._universe.time + seconds)
        self._last = max(self._last, self._stalled_until)

    def cut(self) -> None:
        """Lose what is under way, and all that follows."""
        self.broken = True
        self._under_way.clear()

    def _next(self) -> None:
        if self._universe.time < self._stalled_until:
            self._universe.at(self._stalled_until, self._next)
        elif self._under_way:
            self._arrive(self._under_way.popleft())
