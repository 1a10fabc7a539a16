from hypothesis import given
from hypothesis import strategies as st

from auth_api.sparing import Sparing, left_out

PERIOD, LINES = 10.0, 3
lines = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 5)), max_size=200)


@given(lines)
def test_what_is_written_is_bounded_whoever_causes_it(lines: list[tuple[str, float]]) -> None:
    sparing, now = Sparing(PERIOD, LINES), 0.0
    written = 0
    for key, pause in lines:
        now += pause
        written += sparing.due(key, now)
    assert written <= LINES * (now / PERIOD + 1)


def test_a_key_has_one_line_in_a_period() -> None:
    sparing = Sparing(PERIOD, LINES)
    assert [sparing.due(key, now) for key, now in (("a", 0), ("a", 9), ("b", 9), ("a", 10))] == [
        True,
        False,
        True,
        True,
    ]


def test_the_next_line_tells_how_many_were_left_out() -> None:
    sparing = Sparing(PERIOD, LINES)
    for _ in range(5):
        sparing.due("a", 0)
    assert left_out(sparing) == {"facts": {"left_out": 4}}
    assert left_out(sparing) == {}
