"""Log lines that anybody can cause: some are written, the others counted. Pure: time is an argument, in seconds."""

from typing import Any


class Sparing:
    """Lets one line through for each key in every ``period`` seconds, and ``lines`` of all keys."""

    def __init__(self, period: float = 10.0, lines: int = 20) -> None:
        self._period = period
        self._lines = lines
        self._ends = float("-inf")
        self._keys: set[str] = set()
        self._left_out = 0

    def due(self, key: str, now: float) -> bool:
        """Whether to write this one."""
        if now >= self._ends:
            self._ends = now + self._period
            self._keys.clear()
        if key in self._keys or len(self._keys) >= self._lines:
            self._left_out += 1
            return False
        self._keys.add(key)
        return True

    def left_out(self) -> int:
        """How many were not written since the last time that this was asked."""
        count, self._left_out = self._left_out, 0
        return count


def left_out(sparing: Sparing) -> dict[str, Any]:
    """The ``extra`` of a log line: how many like it were not written before."""
    count = sparing.left_out()
    return {"facts": {"left_out": count}} if count else {}
