"""What a gateway knows to stand in the log, so that it is noticed when NATS has lost it.

NATS says that it has a batch before its disk has it. After a power cut the log may end before what a gateway has said
or was told, and continue with something else. A broker that did not see it before cannot know; the gateway's beats say
it.
"""

from collections import deque
from typing import NamedTuple

ANSWERS = 3  # beats that a broker has to answer for the witness to be believed to have been heard
MOST_PLACES = 16  # that wait to be heard: as often NATS was away without a broker's answering in between


class Place(NamedTuple):
    """A position of the log, and when the batch there was taken."""

    position: int
    taken: float


class Witness:
    """The newest place in the log that is known.

    When NATS was away it keeps to what it knew then, until a broker has compared that with the log. If NATS is away
    again before, what it knew at that time comes next: each absence may have cost the end of the log.
    """

    def __init__(self) -> None:
        self._newest = Place(0, 0.0)
        self._doubtful: deque[Place] = deque()  # those from before NATS was away, oldest first
        self._unanswered = 0

    @property
    def position(self) -> int:
        return self._place.position

    @property
    def taken(self) -> float:
        return self._place.taken

    def note(self, position: int, taken: float) -> None:
        """A batch that was taken then is at that position."""
        if position > self._newest.position and taken:
            self._newest = Place(position, taken)

    def doubt(self) -> None:
        """NATS is away."""
        self._unanswered = ANSWERS
        if self._newest.position and self._newest not in self._doubtful:
            if len(self._doubtful) == MOST_PLACES:
                self._doubtful.pop()
            self._doubtful.append(self._newest)

    def answered(self) -> None:
        """A broker has answered a beat."""
        self._unanswered = max(0, self._unanswered - 1)
        if not self._unanswered and self._doubtful:
            self._doubtful.popleft()
            self._unanswered = ANSWERS if self._doubtful else 0

    @property
    def _place(self) -> Place:
        return self._doubtful[0] if self._doubtful else self._newest
