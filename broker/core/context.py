"""What every rule works on. It lies below the rules; the machine that calls them is above."""

from collections import defaultdict

from broker.core.limits import Limits
from broker.core.notices import Notices
from broker.core.outbox import Outbox
from broker.core.state import State


class Context:
    """The state, what is told to clients because of it, and the limits that hold.

    Those are the log's. ``limits`` are for a log that has none yet.
    """

    def __init__(self, limits: Limits, state: State | None = None) -> None:
        self.state = state or State()
        self.limits = self.state.limits or limits
        self.out = Outbox(self.state, self.limits)
        self.notices = Notices(self.state)
        self.doubted = 0  # entries that are not believed
        self.tally = defaultdict[tuple[str, str], int](int)  # client events by name and outcome, for metrics

    def set_limits(self, limits: Limits) -> None:
        """From here on, these hold."""
        first = self.state.limits is None
        self.limits = self.state.limits = self.out.keeping.limits = limits
        self.notices.switch(first)
