"""Waits are counted from their beginning, also those that do not end."""

import time

from tests.attack.record import Record
from tests.system.rig.waiting import until


def test_the_worst_wait_is_the_longest() -> None:
    record = Record()
    record.begin(1)
    before = time.monotonic()
    while time.monotonic() - before < 0.02:
        pass
    record.end(1)
    record.begin(2)
    record.end(2)
    assert 0.02 <= record.worst < 1
    assert record.answers == 2
    assert record.settled


async def test_a_wait_that_goes_on_counts() -> None:
    record = Record()
    record.begin("an answer that never comes")
    await until(lambda: record.worst > 0.05, "the wait grows")
    assert not record.settled
    assert record.answers == 0


def test_what_nobody_waited_for_is_no_wait() -> None:
    record = Record()
    record.end("something")
    assert (record.answers, record.worst) == (0, 0.0)


def test_waits_can_be_counted_anew() -> None:
    record = Record()
    record.begin(1)
    record.end(1)
    record.forget_waits()
    assert (record.answers, record.worst) == (0, 0.0)
