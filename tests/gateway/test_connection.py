from hypothesis import given
from hypothesis import strategies as st

from gateway.connection import Bucket
from tests.gateway.wire import connection, wire

RATE, BURST = 10.0, 25.0

pauses = st.lists(st.floats(0, 5), max_size=200)


def full() -> Bucket:
    return Bucket(RATE, BURST, BURST, 0.0)


def times(pauses: list[float]) -> list[float]:
    now, passed = 0.0, []
    for pause in pauses:
        now += pause
        passed.append(now)
    return passed


@given(pauses)
def test_no_span_of_time_sees_more_than_a_burst_and_the_rate(pauses: list[float]) -> None:
    bucket = full()
    taken = [now for now in times(pauses) if bucket.take(now)]
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= BURST + (taken[last] - start) * RATE + 1e-6


@given(pauses)
def test_nobody_is_refused_who_keeps_to_the_rate(pauses: list[float]) -> None:
    bucket = full()
    bucket.level = 1.0
    now = 0.0
    for pause in pauses:
        assert bucket.take(now)
        now += pause + 1 / RATE + 1e-9


@given(pauses, st.floats(0, 100))
def test_who_was_refused_gets_in_after_a_wait_however_often_it_tried(pauses: list[float], later: float) -> None:
    bucket = full()
    for pause in pauses:
        bucket.take(bucket.last + pause / 100)
    assert 0 <= bucket.level <= BURST
    assert bucket.take(bucket.last + 1 / RATE + 1e-9 + later)


def test_a_burst_is_let_in_whole_and_then_the_rate() -> None:
    bucket = full()
    assert [bucket.take(0.0) for _ in range(26)] == [True] * 25 + [False]
    assert [bucket.take(0.1), bucket.take(0.1), bucket.take(0.15), bucket.take(0.25)] == [True, False, False, True]


def test_refusals_are_counted_until_the_bucket_is_full_again() -> None:
    bucket = full()
    for _ in range(30):
        bucket.take(0.0)
    assert bucket.refused == 5
    assert bucket.take(1.0)
    assert bucket.refused == 5
    assert bucket.take(10.0)
    assert bucket.refused == 0


def test_frames_go_out_in_order() -> None:
    client = connection("s1")
    client.send([b"42[1]", b"42[2]"])
    client.send([])
    client.send([b"42[3]"])
    assert wire(client).acts == ["42[1]", "42[2]", "42[3]"]
