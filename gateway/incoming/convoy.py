"""Newcomers go into the log together when they come in numbers.

A batch wakes NATS, every broker and then its gateway, which costs as much for one newcomer as for twenty. Whoever comes
alone goes at once. Those who come soon after others gather for a moment, the longer the more there are, unless
something goes that cannot wait.
"""

import asyncio
from collections.abc import Callable

from shared.envelopes.entries import Authenticated, Entry, Identified

EACH = 0.005  # seconds, for each of those who have gone together, in which the next ones gather
MOST = 0.02  # seconds in which they gather, however many there were
_NEWCOMER = (Authenticated, Identified)


class Convoy:
    """Says whether what waits for the next batch can wait longer. ``go_on`` is called when that is over."""

    def __init__(self, go_on: Callable[[], None]) -> None:
        self._go_on = go_on
        self._newcomers = 0  # that wait
        self._others = False  # whether anything else does
        self._due = 0.0  # when newcomers may go alone, in the loop's seconds
        self._timer: asyncio.TimerHandle | None = None

    def note(self, entry: Entry) -> None:
        """One more waits."""
        if isinstance(entry, _NEWCOMER):
            self._newcomers += 1
        else:
            self._others = True

    def gathers(self) -> bool:
        """Whether nothing waits but newcomers, for whom it is not time yet."""
        if self._others:
            return False
        loop = asyncio.get_running_loop()
        if loop.time() >= self._due:
            return False
        if self._timer is None:
            self._timer = loop.call_at(self._due, self._end)
        return True

    def left(self, rest: bool) -> None:
        """A batch has taken what waited, or all but a ``rest``, which waits no longer than it must."""
        if self._newcomers:
            self._due = asyncio.get_running_loop().time() + min(MOST, EACH * self._newcomers)
        self._newcomers = 0
        self._others = rest

    def stop(self) -> None:
        """Call ``go_on`` no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._timer = None
        self._due = 0.0  # it is over, even if the loop's clock is rounded down
        self._go_on()
