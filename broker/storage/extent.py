"""How far the log goes, and how much of its space it takes up. Pure."""

from typing import NamedTuple

# The parts of its space that are in use from which on a log is crowded, and nearly full.
CROWDED = 0.5
NEARLY_FULL = 0.8


class Extent(NamedTuple):
    """Which log this is, the positions that it holds, and the bytes that it takes up and may take up."""

    log_id: str
    first: int
    last: int
    size: int = 0
    space: int = 1

    @property
    def crowding(self) -> float:
        """From 0, when there is space enough, to 1, when there may be none at any moment."""
        return min(1.0, max(0.0, (self.size / self.space - CROWDED) / (NEARLY_FULL - CROWDED)))

    def part_behind(self, position: int) -> float:
        """The part of the space that messages after a position take up, on average."""
        return self.size / self.space * (self.last - position) / max(1, self.last - self.first + 1)
