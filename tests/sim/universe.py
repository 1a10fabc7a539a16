"""What happens when: one agenda for everything that is simulated. Time jumps from one thing on it to the next."""

import itertools
import random
from collections.abc import Callable
from heapq import heappop, heappush

from tests.sim.trace import Trace

Step = Callable[[], None]


class Universe:
    """All of it follows from ``seed``. ``time`` is in seconds since its beginning.

    Steps that are due at the same moment happen in an order that chance decides. ``chance`` is for that, and for what
    takes how long; each other matter has a chance of its own, so that it stays the same as far as it can when the code
    changes: who the clients are and what they want, which faults there are, and when.
    """

    def __init__(self, seed: int, trace: Trace | None = None) -> None:
        self._seed = seed
        self.chance = self.chance_of("time")
        self.trace = trace or Trace()
        self.time = 0.0
        self.steps = 0
        self.over = False  # nothing happens any more
        self._draw = self.chance.random
        self._count = itertools.count().__next__
        self._agenda: list[tuple[float, float, int, Step]] = []

    def chance_of(self, matter: str) -> random.Random:
        """What decides in one matter."""
        return random.Random(f"{self._seed} {matter}")

    def at(self, when: float, step: Step) -> None:
        """Do something at a time, which is now if it has passed."""
        if when < self.time:
            when = self.time
        heappush(self._agenda, (when, self._draw(), self._count(), step))

    def soon(self, step: Step) -> None:
        """Do something now, among all else that is due now."""
        heappush(self._agenda, (self.time, self._draw(), self._count(), step))

    def after(self, seconds: float, step: Step) -> None:
        """Do something in that many seconds."""
        heappush(self._agenda, (self.time + seconds, self._draw(), self._count(), step))

    def run(self, until: float, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass up to ``until``, or to when it is ``done``; returns whether it is."""
        agenda = self._agenda
        while agenda and agenda[0][0] <= until and not self.over:
            if done is not None and done():
                return True
            self.time, _, _, step = heappop(agenda)
            self.steps += 1
            step()
        if done is not None and done():
            return True
        self.time = max(self.time, until)
        return False

    def note(self, who: str, what: str) -> None:
        """Put down in the trace what somebody does."""
        self.trace.note(self.time, who, what)
