"""How fast newcomers are let in: at a pace that leaves those who are inside their share of the event loop.

Somebody new costs a hundred times as much as a frame of somebody who is there. When a gateway dies, all of its clients
come to the others within a second, and if they were all served as they came, everybody else's events would wait behind
them. So newcomers wait, in order: a few are let in at each tick, fewer when the loop comes late to it.
"""

import asyncio
import math
from collections import deque
from typing import NamedTuple, Protocol

TICK = 0.01  # seconds
LATE = 0.005  # seconds that a tick may come late until fewer are let in
FASTER = 0.5  # more newcomers at each tick that is on time
LEAST = 1.0  # newcomers at each tick, however late; fewer if that is more than the setting allows


class Pace:
    """How many may come in until the next tick. Pure. At most ``per_second`` in a second."""

    def __init__(self, per_second: float) -> None:
        self._most = self._each = per_second * TICK
        self._left = self._each + 1

    @property
    def per_second(self) -> float:
        """How fast it is now."""
        return self._each / TICK

    @property
    def rested(self) -> bool:
        """Whether ticks would change nothing."""
        return self._each == self._most and self._left >= self._each + 1

    def take(self) -> bool:
        """Whether one more may come in now; if so, it has."""
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def tick(self, late: float) -> None:
        """A tick, that many seconds late."""
        if late > LATE:
            self._each = max(min(LEAST, self._most), self._each / 2)
        else:
            self._each = min(self._most, self._each + FASTER)
        self._left = min(self._left, 1) + self._each  # what is left of one is kept for the next tick


class Caller(Protocol):
    """Who waits: a request, as far as it matters here."""

    @property
    def transport(self) -> object | None:
        """Its connection; None when that is gone."""


class _Waiting(NamedTuple):
    caller: Caller
    turn: asyncio.Future[None]


class Entrance:
    """Where newcomers wait for their turn, ``most`` of them."""

    def __init__(self, pace: Pace, most: int) -> None:
        self.pace = pace
        self._most = most
        self._waiting: deque[_Waiting] = deque()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def resting(self) -> bool:
        """Whether no tick is due."""
        return self._timer is None

    async def wait(self, caller: Caller) -> float:
        """Return 0 when it is the caller's turn; or, if too many wait already, seconds until it should try again."""
        if not self._waiting and self.pace.take():
            self._go_on()
            return 0.0
        if len(self._waiting) >= self._most:
            return math.ceil(len(self._waiting) / self.pace.per_second)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(caller, turn))
        self._go_on()
        await turn
        return 0.0

    def _go_on(self) -> None:
        if self._timer is None and (self._waiting or not self.pace.rested):
            loop = asyncio.get_running_loop()
            self._due = loop.time() + TICK
            self._timer = loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.pace.tick(asyncio.get_running_loop().time() - self._due)
        while self._waiting and (self._waiting[0].caller.transport is None or self.pace.take()):
            turn = self._waiting.popleft().turn
            if not turn.done():
                turn.set_result(None)
        self._go_on()
