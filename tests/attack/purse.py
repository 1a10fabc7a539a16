"""What an attack may spend, so that it ends by itself."""

import math
import time


class Spent(Exception):
    """The attack's time, or its bytes, are up."""


class Purse:
    """So many ``seconds`` and ``most`` bytes. What is said before ``begin`` prepares the attack, and is free."""

    def __init__(self, seconds: float, most: int) -> None:
        self.sent = 0
        self._seconds = seconds
        self._most: float = most
        self._ends = math.inf

    def begin(self) -> None:
        """The attack begins."""
        self.sent = 0
        self._ends = time.monotonic() + self._seconds

    def pay(self, size: int) -> None:
        """``size`` bytes go out. Raises Spent when that is too much, or too late."""
        if math.isinf(self._ends):
            return
        if self.sent + size > self._most or time.monotonic() >= self._ends:
            raise Spent
        self.sent += size

    def give_back(self, size: int) -> None:
        """So many bytes were not sent after all."""
        self.sent -= size
