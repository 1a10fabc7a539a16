import pytest

from broker.storage.marks import MOST, Marks


@pytest.fixture
def marks() -> Marks:
    """Of the places 10 to 19."""
    marks = Marks()
    for position in range(10, 20):
        marks.note(position, position / 7)
    return marks


def test_what_stands_in_the_log_is_not_denied(marks: Marks) -> None:
    assert not any(marks.deny(position, position / 7) for position in range(10, 20))


def test_what_does_not_stand_there_is_denied(marks: Marks) -> None:
    assert all(marks.deny(position, 1000.0) for position in range(10, 20))


@pytest.mark.parametrize("position", [0, 1, 9, 20, 2**53])
def test_nothing_is_denied_about_places_that_are_not_known(marks: Marks, position: int) -> None:
    assert not marks.deny(position, 1000.0)
    assert not Marks().deny(position, 1000.0)


def test_what_came_before_a_gap_is_not_known(marks: Marks) -> None:
    marks.note(30, 1.0)
    assert not marks.deny(19, 1000.0)
    assert marks.deny(30, 1000.0)


def test_only_the_newest_places_are_known() -> None:
    marks = Marks()
    for position in range(1, MOST + 6):
        marks.note(position, float(position))
    assert not any(marks.deny(position, 1000.5) for position in range(1, 6))
    assert marks.deny(6, 1000.5)
    assert not marks.deny(MOST + 5, float(MOST + 5))
