"""How long to wait after an attempt that failed. Pure: time and chance are arguments."""

import datetime
import email.utils
from collections.abc import Callable

FIRST = 1.0  # seconds: the longest pause after the first failure
LONGEST = 300.0  # seconds: of a pause that nobody asked for
LEAST_ASKED = 1.0  # seconds: of a pause that the receiver asked for
LONGEST_ASKED = 3600.0
GONE = 3600.0  # seconds after 410: not heard of again, though nothing is given up
DOUBLINGS = 16  # beyond which it has long been the longest


def backoff(failures: int, draw: Callable[[float, float], float]) -> float:
    """Seconds after that many failures in a row: anything up to twice as long each time, as ``draw`` has it."""
    return draw(0, min(LONGEST, FIRST * 2 ** min(failures - 1, DOUBLINGS)))


def asked(retry_after: str, now: float) -> float | None:
    """Seconds that a ``Retry-After`` asks for, within bounds; None if it cannot be read. ``now``: since the epoch."""
    try:
        seconds = float(retry_after) if _is_number(retry_after) else _moment(retry_after) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, LEAST_ASKED), LONGEST_ASKED)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _moment(date: str) -> float:
    moment = email.utils.parsedate_to_datetime(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()  # HTTP's dates are all GMT
