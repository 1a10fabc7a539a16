"""What stands where in the log: enough to tell whether others know the same log."""

from array import array

MOST = 65536  # of the newest places; a gateway speaks of those that it heard of last


class Marks:
    """When the batches at the newest places of the log were taken, by their writers' clocks."""

    def __init__(self) -> None:
        self._taken = array("d", bytes(8 * MOST))
        self._first = 0  # position of the oldest place that is known; 0 if none is
        self._last = 0

    def note(self, position: int, taken: float) -> None:
        """The batch at the next place."""
        if position != self._last + 1:
            self._first = position
        self._last = position
        self._taken[position % MOST] = taken

    def deny(self, position: int, taken: float) -> bool:
        """Whether it is certain that no batch taken then stands at that position."""
        known = max(1, self._first, self._last - MOST + 1) <= position <= self._last
        return known and self._taken[position % MOST] != taken
