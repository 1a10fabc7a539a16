"""The moments at which timers of this process end."""

import math
import random

GRID = 0.1  # seconds; timers of many clients end together, so that one wake-up serves them all
PHASE = random.uniform(0, GRID)  # noqa: S311 - so that the gateways of one machine do not all wake up together


def on_the_grid(moment: float) -> float:
    """The next moment from then on at which timers of this process end."""
    return math.ceil((moment - PHASE) / GRID) * GRID + PHASE
