"""What a gateway knows to stand in the log, so that it is noticed when NATS has lost it.

NATS says that it has a batch before its disk has it. After a power cut the log may end before what a gateway has said
or was told, and continue with something else. A broker that did not see it before cannot know; the gateway's beats say
it.
"""

ANSWERS = 3  # beats that a broker has to answer for the witness to be believed to have been heard


class Witness:
    """The newest place in the log that is known: its position, and when the batch there was taken.

    When NATS was away it keeps to what it knew then, until a broker has compared that with the log.
    """

    def __init__(self) -> None:
        self.position = 0
        self.taken = 0.0
        self._unanswered = 0

    def note(self, position: int, taken: float) -> None:
        """A batch that was taken then is at that position."""
        if position > self.position and not self._unanswered and taken:
            self.position, self.taken = position, taken

    def doubt(self) -> None:
        """NATS is away."""
        self._unanswered = ANSWERS

    def answered(self) -> None:
        """A broker has answered a beat."""
        self._unanswered = max(0, self._unanswered - 1)
