"""Doubts: what a broker skips in the log, because its writer may not say it, is counted, and logged now and then."""

import logging

from prometheus_client import Counter

from shared.process.world import World

log = logging.getLogger(__name__)

PASSED_OVER = Counter(
    "parley_broker_passed_over_total",
    "Log messages of which something was skipped: it cannot be right, or its writer may not say it.",
)
TELL_INTERVAL = 10.0  # seconds between lines in the log


class Doubts:
    """One broker's. What was said stays out of the logs: it may be anything."""

    def __init__(self, world: World) -> None:
        self._monotonic = world.monotonic
        self._told_at = -TELL_INTERVAL
        self._untold = 0

    def note(self, position: int) -> None:
        """Something in the log message at ``position`` is skipped."""
        PASSED_OVER.inc()
        self._untold += 1
        now = self._monotonic()
        if now - self._told_at >= TELL_INTERVAL:
            facts = {"position": position, "messages": self._untold}
            log.error("something in the event log was skipped", extra={"facts": facts})
            self._told_at, self._untold = now, 0
