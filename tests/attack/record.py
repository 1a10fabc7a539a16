"""What witnesses saw."""

import time
from collections import Counter
from collections.abc import Hashable


class Record:
    """How long answers took, and what else befell those who share this record.

    ``disconnected`` counts closed connections, ``refused`` refusals by their codes, ``places`` and ``rooms`` what was
    lost.
    """

    def __init__(self) -> None:
        self.disconnected = 0
        self.refused: Counter[str] = Counter()
        self.places = 0
        self.rooms = 0
        self._worst = 0.0
        self._answers = 0
        self._waiting: dict[Hashable, float] = {}

    @property
    def settled(self) -> bool:
        """Whether nobody waits for anything."""
        return not self._waiting

    @property
    def worst(self) -> float:
        """The longest wait in seconds; one that goes on counts as long as it is now."""
        now = time.monotonic()
        return max([self._worst, *(now - began for began in self._waiting.values())])

    @property
    def answers(self) -> int:
        return self._answers

    def forget_waits(self) -> None:
        """Count waits from now on."""
        self._worst, self._answers = 0.0, 0

    def begin(self, what: Hashable) -> None:
        """Somebody waits for this."""
        self._waiting[what] = time.monotonic()

    def forget(self, what: Hashable) -> None:
        """Nobody waits for this any more."""
        self._waiting.pop(what, None)

    def end(self, what: Hashable) -> None:
        """It has come; or nobody waits for it any more."""
        began = self._waiting.pop(what, None)
        if began is not None:
            self._answers += 1
            self._worst = max(self._worst, time.monotonic() - began)
