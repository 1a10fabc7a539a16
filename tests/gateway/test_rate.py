import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import rate
from gateway.rate import STRANGER_FRAMES, Budget, Budgets, Rates, Stranger

RATE, BURST = 10.0, 25.0
RATES = Rates(frames=RATE, frames_burst=BURST, bytes=1000.0, bytes_burst=5000.0)

pauses = st.lists(st.floats(0, 5), max_size=200)


def full() -> Budget:
    return Budget(RATES, 0.0)


def times(pauses: list[float]) -> list[float]:
    now, passed = 0.0, []
    for pause in pauses:
        now += pause
        passed.append(now)
    return passed


@given(pauses)
def test_no_span_of_time_sees_more_than_a_burst_and_the_rate(pauses: list[float]) -> None:
    budget = full()
    taken = [now for now in times(pauses) if budget.take(0, now)]
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= BURST + (taken[last] - start) * RATE + 1e-6


@given(pauses, st.lists(st.integers(0, 3000), min_size=200, max_size=200))
def test_no_span_of_time_sees_more_than_a_burst_and_the_rate_of_bytes(pauses: list[float], sizes: list[int]) -> None:
    budget = full()
    taken = [(now, size) for now, size in zip(times(pauses), sizes, strict=False) if budget.take(size, now)]
    for first, (start, _) in enumerate(taken):
        passed = 0
        for now, size in taken[first:]:
            passed += size
            assert passed <= 5000 + (now - start) * 1000 + 1e-3


@given(pauses)
def test_nobody_is_refused_who_keeps_to_the_rate(pauses: list[float]) -> None:
    budget = full()
    for _ in range(int(BURST) - 1):
        budget.take(0, 0.0)
    now = 0.0
    for pause in pauses:
        assert budget.take(100, now)
        now += pause + 1 / RATE + 1e-9


def test_a_burst_is_let_in_whole_and_then_the_rate() -> None:
    budget = full()
    assert [budget.take(0, 0.0) for _ in range(26)] == [True] * 25 + [False]
    assert [budget.take(0, now) for now in (0.1, 0.1, 0.15, 0.25)] == [True, False, False, True]


def test_what_is_larger_than_the_bucket_takes_a_full_one() -> None:
    budget = full()
    assert budget.take(6000, 0.0)
    assert not budget.take(6000, 5.0)
    assert budget.take(6000, 6.1)


def test_refusals_are_counted_until_the_buckets_are_full_again() -> None:
    budget = full()
    for _ in range(30):
        budget.take(0, 0.0)
    assert budget.refused == 5
    assert budget.take(0, 1.0)
    assert budget.refused == 5
    assert budget.take(0, 10.0)
    assert budget.refused == 0


def test_patience_is_another_burst() -> None:
    budget = full()
    for _ in range(int(BURST * 2)):
        budget.take(0, 0.0)
        assert not budget.exhausted
    budget.take(0, 0.0)
    assert budget.exhausted


def test_a_stranger_may_send_so_much_and_not_one_frame_more() -> None:
    stranger = Stranger(1000)
    assert all(stranger.take(0, 0.0) for _ in range(STRANGER_FRAMES))
    assert not stranger.take(0, 1e9)
    assert stranger.exhausted
    large = Stranger(1000)
    assert large.take(2000, 0.0)
    assert not large.take(1, 0.0)
    assert large.exhausted


def test_the_budget_is_that_of_the_peer_whatever_socket_it_is_on() -> None:
    budgets = Budgets(RATES)
    first = budgets.take_up("ann", 0.0)
    for _ in range(20):
        first.take(0, 0.0)
    second = budgets.take_up("ann", 0.0)  # while the first is still open
    assert [second.take(0, 0.0) for _ in range(6)] == [True] * 5 + [False]
    budgets.leave("ann", first, 0.1)
    budgets.leave("ann", second, 0.1)
    third = budgets.take_up("ann", 0.2)
    assert [third.take(0, 0.2) for _ in range(3)] == [True, True, False]
    assert budgets.take_up("ben", 0.2).take(0, 0.2)


def test_what_would_be_full_again_is_forgotten() -> None:
    budgets = Budgets(RATES)
    for number in range(100):
        peer = f"peer {number}"
        budget = budgets.take_up(peer, number)
        budget.take(0, number)
        budgets.leave(peer, budget, number)
    assert len(budgets) <= 2


def test_no_more_budgets_are_remembered_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "REMEMBERED", 10)
    budgets = Budgets(RATES)
    for number in range(100):
        budget = budgets.take_up(str(number), 0.0)
        budget.take(1, 0.0)
        budgets.leave(str(number), budget, 0.0)
    assert len(budgets) == 10
    budgets.leave("", Stranger(1), 0.0)
    assert len(budgets) == 10


def test_peers_of_one_address_share_the_rates_of_a_few() -> None:
    budgets = Budgets(RATES, clients=32.0)
    crowd = [budgets.take_up(f"peer-{number}", 0.0, "192.0.2.1") for number in range(20)]
    taken = sum(peer.take(0, 0.0) for peer in crowd for _ in range(10))
    assert taken == 2 * BURST, "a sixteenth of 32"
    assert budgets.take_up("another", 0.0, "192.0.2.2").take(0, 0.0)
    assert budgets.take_up("on this machine", 0.0).take(0, 0.0)
    seconds = [sum(peer.take(0, tick / 10) for peer in crowd for _ in range(20)) for tick in range(1, 11)]
    assert sum(seconds) == 32 * RATE


def test_who_is_refused_for_its_neighbours_now_and_then_is_not_disconnected() -> None:
    budgets = Budgets(RATES)
    loud, quiet = (budgets.take_up(name, 0.0, "192.0.2.1") for name in ("loud", "quiet"))
    for second in range(100):
        for _ in range(200):
            loud.take(0, float(second))
        quiet.take(0, float(second))
    assert loud.exhausted
    assert not quiet.exhausted


def test_an_address_has_the_frames_of_all_its_clients_and_the_bytes_of_some() -> None:
    shared = RATES.of_address(32)
    assert shared.frames == 32 * RATES.frames
    assert shared.frames_burst == 2 * RATES.frames_burst
    assert (shared.bytes, shared.bytes_burst) == (2 * RATES.bytes, 2 * RATES.bytes_burst)
    assert RATES.of_address(1) == RATES
