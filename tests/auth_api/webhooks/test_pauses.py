import random

import pytest

from auth_api.webhooks import pauses

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        ("0", pauses.LEAST_ASKED),
        ("86400", pauses.LONGEST_ASKED),
        ("9" * 8000, pauses.LONGEST_ASKED),
        ("Fri, 15 Jan 2027 08:01:30 GMT", 90),
        ("Friday, 15-Jan-27 08:01:30 GMT", 90),
        ("Fri Jan 15 08:01:30 2027", 90),
        ("Fri, 15 Jan 2027 07:00:00 GMT", pauses.LEAST_ASKED),  # it is over
        ("Fri, 15 Jan 2088 07:00:00 GMT", pauses.LONGEST_ASKED),
    ],
)
def test_a_retry_after_is_heeded_within_bounds(retry_after: str, seconds: float) -> None:
    assert pauses.asked(retry_after, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "retry_after", ["", "soon", "-5", "1.5", "٣", "nan", "1e9", "Fri, 99 Jan 2027 08:00:00 GMT", "\x00"]
)
def test_what_is_none_is_ignored(retry_after: str) -> None:
    assert pauses.asked(retry_after, NOW) is None


def test_pauses_grow_and_are_spread_over_all_their_length() -> None:
    draw = random.Random(7).uniform
    for failures, longest in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (1000, 300)]:
        drawn = [pauses.backoff(failures, draw) for _ in range(500)]
        assert all(0 <= pause <= longest for pause in drawn)
        assert min(drawn) < longest * 0.1
        assert max(drawn) > longest * 0.9
