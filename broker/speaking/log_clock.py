"""The log's own time, between its messages. Pure: the monotonic time is an argument, in seconds.

A deadline is a time of the log, which NATS gives its messages. This machine's clock may be seconds or days away from
that; so what has passed since the newest message is all that is taken from it.
"""

import math


class LogClock:
    """Runs on from the time of the newest message of the log."""

    def __init__(self) -> None:
        self._ahead = -math.inf  # the log's time minus the monotonic one; no time at all before the first message

    def set(self, time: float, now: float) -> None:
        """The log is at ``time``, in seconds since the epoch, as its newest message is read."""
        self._ahead = time - now

    def read(self, now: float) -> float:
        """What time it is in the log, in seconds since the epoch."""
        return now + self._ahead
