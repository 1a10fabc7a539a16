import math

from hypothesis import given
from hypothesis import strategies as st

from shared.http.throttle import Throttle

TRIES, PERIOD = 3, 2.0
pauses = st.just(0.0) | st.floats(0, 0.1) | st.floats(0, 10)
steps = st.lists(st.tuples(st.sampled_from("abc"), pauses), max_size=200)


def let_through(throttle: Throttle, address: str, now: float) -> bool:
    """One try at ``now``; whether it was let through."""
    if throttle.wait(address, now) > 0:
        return False
    throttle.charge(address, now)
    return True


@given(steps)
def test_no_address_gets_more_than_its_burst_and_what_time_gives_back(steps: list[tuple[str, float]]) -> None:
    throttle, now = Throttle(TRIES, PERIOD, 100), 0.0
    passed: dict[str, list[float]] = {}
    for address, pause in steps:
        now += pause
        if let_through(throttle, address, now):
            passed.setdefault(address, []).append(now)
    for times in passed.values():
        for first in range(len(times)):
            for last in range(first, len(times)):
                assert last - first + 1 <= TRIES + (times[last] - times[first]) / PERIOD + 1e-6


@given(steps)
def test_who_waits_as_told_may_try_again_and_never_waits_longer_than_one_period(
    steps: list[tuple[str, float]],
) -> None:
    throttle, now = Throttle(TRIES, PERIOD, 100), 0.0
    for address, pause in steps:
        now += pause
        wait = throttle.wait(address, now)
        assert 0 <= wait <= PERIOD + 1e-6
        assert throttle.wait(address, now + math.ceil(wait)) == 0
        let_through(throttle, address, now)


@given(steps)
def test_the_tries_of_one_address_are_no_concern_of_another(steps: list[tuple[str, float]]) -> None:
    crowd, alone, now = Throttle(TRIES, PERIOD, 100), Throttle(TRIES, PERIOD, 100), 0.0
    for address, pause in steps:
        now += pause
        passed = let_through(crowd, address, now)
        if address == "a":
            assert passed == let_through(alone, address, now)


@given(st.lists(st.integers(), max_size=300), st.integers(1, 5))
def test_memory_is_bounded_however_many_addresses_there_are(addresses: list[int], limit: int) -> None:
    throttle = Throttle(TRIES, PERIOD, limit)
    for now, address in enumerate(addresses):
        let_through(throttle, str(address), now / 1000)
        assert len(throttle) <= limit


def test_an_address_with_a_full_bucket_is_forgotten() -> None:
    throttle = Throttle(TRIES, PERIOD, 100)
    throttle.charge("a", 0)
    throttle.charge("b", PERIOD)
    assert len(throttle) == 1


def test_beyond_the_limit_the_one_unused_for_longest_is_forgotten() -> None:
    throttle = Throttle(1, PERIOD, 2)
    for now, address in ((0, "a"), (0, "b"), (1, "a"), (1, "c")):
        throttle.charge(address, now)
    assert [address for address in "abc" if throttle.wait(address, 1) > 0] == ["a", "c"]
