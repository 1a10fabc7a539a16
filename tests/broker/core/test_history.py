import pytest

from broker.core import history as history_module
from broker.core.history import HISTORY_SECONDS, SENT_FRAMES, History
from shared.contract.told import PLAIN
from shared.envelopes.deliveries import Emit, Parcel

EVERYTHING = 1_000_000


def confirmed() -> History:
    """A history of a gateway that confirms whatever it gets."""
    history = History()
    history.have = EVERYTHING
    return history


def add(history: History, numbers: range, size: int = 1, now: float = 0.0) -> None:
    for number in numbers:
        history.add(Parcel(number, number, []), size, now)


def kept(history: History) -> list[int]:
    return [parcel.number for parcel in history.after(0)]


def send(history: History, number: int, *conns: str) -> None:
    """A parcel with one frame for these sockets."""
    emit = Emit(list(conns), b"frame")
    for conn in conns:
        history.note(conn, (number, number, emit, PLAIN))
    history.add(Parcel(number, number, [emit]), 1, 0.0)


def test_a_history_gives_what_comes_after_a_number() -> None:
    history = History()
    add(history, range(1, 6))
    assert [parcel.number for parcel in history.after(3)] == [4, 5]
    assert history.after(5) == []


def test_what_is_confirmed_is_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "HISTORY_PARCELS", 3)
    history = confirmed()
    add(history, range(1, 6))
    assert kept(history) == [3, 4, 5]


def test_what_is_confirmed_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "HISTORY_BYTES", 100)
    history = confirmed()
    add(history, range(1, 6), size=40)
    assert kept(history) == [4, 5]
    add(history, range(6, 7), size=101)
    assert kept(history) == []
    add(history, range(7, 9), size=50)
    assert kept(history) == [7, 8]


def test_what_is_confirmed_is_bounded_in_age() -> None:
    history = confirmed()
    add(history, range(1, 3), now=0.0)
    add(history, range(3, 4), now=HISTORY_SECONDS)
    assert kept(history) == [1, 2, 3]
    add(history, range(4, 5), now=HISTORY_SECONDS + 1)
    assert kept(history) == [3, 4]


def test_what_is_not_confirmed_stays_however_much_and_old_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "HISTORY_PARCELS", 2)
    monkeypatch.setattr(history_module, "HISTORY_BYTES", 2)
    history = History()
    history.have = 1
    add(history, range(1, 6))
    add(history, range(6, 7), now=10 * HISTORY_SECONDS)
    assert kept(history) == [2, 3, 4, 5, 6]
    assert history.oldest_unconfirmed() == 2
    history.have = 5
    add(history, range(7, 8), now=10 * HISTORY_SECONDS)
    assert kept(history) == [6, 7]


def test_what_a_socket_was_sent_is_known_as_long_as_its_parcels_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "HISTORY_PARCELS", 2)
    history = confirmed()
    for number, conns in enumerate(("ab", "b", "ab", "a"), 1):
        send(history, number, *conns)
    assert [number for number, *_ in history.take("a")] == [3, 4]
    assert [number for number, *_ in history.take("b")] == [3]
    assert list(history.take("a")) == []


def test_what_is_known_of_a_socket_is_bounded_but_for_what_is_not_confirmed() -> None:
    history = History()
    for number in range(1, 2 * SENT_FRAMES):
        send(history, number, "a")
    assert len(list(history.take("a"))) == 2 * SENT_FRAMES - 1
    history = confirmed()
    for number in range(1, 2 * SENT_FRAMES):
        send(history, number, "a")
    assert len(list(history.take("a"))) == SENT_FRAMES


def test_what_may_differ_from_what_was_sent_is_not_repeated_and_yet_not_confirmed() -> None:
    history = History()
    add(history, range(1, 5))
    history.add_to_totals(7, 2)
    assert [(parcel.number, parcel.total) for parcel in history.after(0)] == [(3, 7), (4, 7)]
    assert history.oldest_unconfirmed() == 1
