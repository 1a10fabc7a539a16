"""What is remembered of a peer's numbers: the newest 64, in less than a kilobyte unless clients go out of their way."""

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.numbers import LONGEST, MOST, Answered, Numbers, checksum

values = st.lists(
    st.one_of(
        st.integers(0, 2**53),
        st.integers(-5, 5),
        st.none(),
        st.booleans(),
        st.floats(0, 2**53),
        st.text("abc-é", max_size=8),
    ),
    max_size=3,
)
answered = st.builds(Answered, st.integers(0, 2**53 - 1), st.integers(0, 2**11 - 1), st.integers(0, 7), values)


@given(st.lists(answered, max_size=3 * MOST, unique_by=lambda one: one.n))
def test_the_newest_are_remembered_as_they_were_and_the_others_are_not(added: list[Answered]) -> None:
    numbers = Numbers()
    for one in added:
        numbers.add(one)
    assert [numbers.find(one.n) for one in added[-MOST:]] == added[-MOST:]
    assert {numbers.find(one.n) for one in added[:-MOST]} <= {None}
    assert numbers.newest == max((one.n for one in added), default=-1)
    assert numbers.forgotten == max((one.n for one in added[:-MOST]), default=-1)
    assert numbers.count == min(len(added), MOST)


@pytest.mark.parametrize("given", [["x" * LONGEST], [{"a": "b" * LONGEST}], [2.5] * 40])
def test_values_that_are_long_are_not_remembered(given: list[Any]) -> None:
    numbers = Numbers()
    numbers.add(Answered(1, 2, 3, given))
    assert numbers.find(1) == Answered(1, 2, 3, [])


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ([], 512),  # a relay, a request, a decision
        ([123_456, 1_900_000_000_000], 1024),  # a message: its place in the log, and its time
        ([1_900_000_000.123], 2048),  # when a ban ends
        (["0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"], 3584),  # the name that a gateway chose for a room
        (["x" * (LONGEST - 4)], 5120),  # the most there is
    ],
    ids=lambda given: f"{len(str(given))}",
)
def test_what_it_takes_is_bounded(given: list[Any], most: int) -> None:
    numbers = Numbers()
    first = 10_000 if most < 5120 else 2**53 - 1000
    for n in range(first, first + 3 * MOST):
        numbers.add(Answered(n, 2047, 7, given))
    assert _size(numbers) <= most, _size(numbers)


def test_other_events_have_other_checksums() -> None:
    sums = {checksum(event, room, peer) for event in "abc" for room in "abc" for peer in ("", "a", "b")}
    assert len(sums) > 24


def _size(numbers: Numbers) -> int:
    parts = (numbers, numbers.newest, numbers.forgotten, numbers.count, numbers.records)
    return sum(map(sys.getsizeof, parts))
