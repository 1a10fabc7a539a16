from broker.core.history import HISTORY_SECONDS
from broker.storage.image import Name
from broker.storage.retention import retain

LONG = int(HISTORY_SECONDS * 1000) + 1  # milliseconds


def name(number: int, needed: int = 10**9, unconfirmed: int = 10**9) -> Name:
    """The snapshot of that number: each is at ten positions more than the one before, and LONG later."""
    return Name(10 * number, LONG * number, needed, unconfirmed)


def test_the_one_to_begin_from_is_kept_with_all_that_are_newer_and_the_log_after_it() -> None:
    names = [name(number) for number in (1, 2, 3)]
    assert retain(names, crowded=False) == (names[1:], 21)


def test_nothing_is_forgotten_while_no_snapshot_is_old_enough() -> None:
    names = [name(1), name(2)._replace(now=LONG + 1)]
    assert retain(names, crowded=False) == (names, 0)
    assert retain(names[:1], crowded=False) == (names[:1], 0)


def test_the_log_is_kept_as_far_as_a_kept_snapshot_names_words_in_it() -> None:
    names = [name(1, needed=2), name(2, needed=15), name(3, needed=18)]
    assert retain(names, crowded=False) == (names[1:], 15)


def test_the_one_to_begin_from_lies_before_what_a_gateway_has_not_confirmed() -> None:
    names = [name(1), name(2), name(3, unconfirmed=20)]
    assert retain(names, crowded=False) == (names, 11)


def test_of_a_log_that_is_about_to_be_full_nothing_is_kept_but_the_newest() -> None:
    names = [name(1, needed=2), name(2, needed=3)]
    assert retain(names, crowded=True) == (names[1:], 21)
