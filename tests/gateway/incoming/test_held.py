"""What waits for the log, and in which order it goes there."""

import pytest

from gateway.connection import Connection
from gateway.incoming.held import BATCH_BYTES, BATCH_LIMIT, TURNS, Held
from shared.envelopes.entries import Closed, Entry, Said
from tests.gateway.wire import connection

MIB = 1024 * 1024


def said(client: Connection, number: int) -> Said:
    return Said("room-leave-request", client.sid, number, "room", "", b"")


def put(held: Held, client: Connection, count: int, size: int = 100) -> None:
    """So many events of a client wait, numbered from 0."""
    for number in range(count):
        held.put(said(client, number), size, client)


def order(held: Held) -> list[list[Entry]]:
    """All batches that come of it."""
    batches = []
    while held.waiting:
        batch = held.next_batch()
        held.release(batch)
        batches.append([entry for entry, _, _ in batch])
    return batches


def numbers(entries: list[Entry], client: Connection) -> list[int | None]:
    return [entry.ack for entry in entries if isinstance(entry, Said) and entry.conn == client.sid]


def test_what_fits_into_one_batch_goes_as_it_came() -> None:
    held, one, other = Held(MIB, MIB), connection("one"), connection("other")
    put(held, one, 3)
    put(held, other, 3)
    [batch] = order(held)
    assert batch == [said(client, number) for client in (one, other) for number in range(3)]


@pytest.mark.parametrize(("count", "size"), [(TURNS - 10, 10), (100, 4 * BATCH_BYTES // 100)])
def test_nobody_waits_behind_all_that_another_has_said(count: int, size: int) -> None:
    held, loud, quiet = Held(100 * MIB, 100 * MIB), connection("loud"), connection("quiet")
    put(held, loud, count, size)
    put(held, quiet, 3)
    first, *rest = order(held)
    assert numbers(first[:6], quiet) == [0, 1, 2]
    assert numbers([entry for batch in (first, *rest) for entry in batch], loud) == list(range(count))


def test_nothing_overtakes_the_end_of_a_socket() -> None:
    held, loud, quiet = Held(100 * MIB, 100 * MIB), connection("loud"), connection("quiet")
    put(held, loud, BATCH_LIMIT + 10)
    held.put_always(Closed("loud", 0, "closed", False))
    put(held, quiet, 1)
    entries = [entry for batch in order(held) for entry in batch]
    assert entries[-2:] == [Closed("loud", 0, "closed", False), said(quiet, 0)]
    assert numbers(entries, loud) == list(range(BATCH_LIMIT + 10))


def test_all_room_is_given_back() -> None:
    held, one, other = Held(100 * MIB, 100 * MIB), connection("one"), connection("other")
    put(held, one, 2 * BATCH_LIMIT)
    put(held, other, 2 * BATCH_LIMIT)
    order(held)
    assert (held.bytes, one.held, other.held) == (0, 0, 0)
