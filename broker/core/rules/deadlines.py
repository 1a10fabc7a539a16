"""What time causes. Each kind of deadline says when it is next due, and what happens then.

The speaker appends a Tick once the next deadline has passed, and whatever is due by the Tick's own time happens.
"""

from collections.abc import Callable
from typing import NamedTuple

from broker.core.context import Context
from broker.core.rules import departures, endings
from broker.core.state import State


class Deadline(NamedTuple):
    """``due`` is when the next one is over, in seconds since the epoch; ``happen`` does all that is over by now."""

    due: Callable[[State], float | None]
    happen: Callable[[Context], None]


DEADLINES = (
    Deadline(departures.next_expiry, departures.expire),
    Deadline(endings.next_end, endings.pass_ends),
)


def next_due(state: State) -> float | None:
    """When a Tick is due, in seconds since the epoch; None if nothing waits for time to pass."""
    return min((due for deadline in DEADLINES if (due := deadline.due(state)) is not None), default=None)


def pass_time(core: Context) -> None:
    """Let everything happen that is due by now."""
    for deadline in DEADLINES:
        deadline.happen(core)
