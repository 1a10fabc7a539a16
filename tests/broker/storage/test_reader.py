"""What was read of a log is held against it whenever NATS was away: also what has not taken effect yet."""

import asyncio
from typing import Any, cast

import pytest

from broker.storage import reader
from broker.storage.extent import Extent
from broker.storage.reader import LogReplaced, Reader
from broker.storage.stream import EventLog, Stored


class Log:
    """A log that NATS may lose the end of. ``times`` are those of its messages; the first is at position 1."""

    patience = 0.0

    def __init__(self, *times: float) -> None:
        self.times = list(times)
        self.certain = True
        self.looks = 0

    async def extent(self) -> Extent:
        self.looks += 1
        return Extent("log", 1, len(self.times))

    async def message(self, position: int) -> Stored | None:
        return stored(position, self.times[position - 1]) if position <= len(self.times) else None


def stored(position: int, time: float) -> Stored:
    return Stored(position, time, 0, "subject", b"")


class Reading:
    """A reader of a log, that has taken what is in it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.taken: list[float] = []
        self.reader = Reader(cast(EventLog, log), lambda: len(self.taken), self.take, lambda: 0.0)
        for position, time in enumerate(log.times, 1):
            self.take(stored(position, time))

    def take(self, one: Stored) -> None:
        self.taken.append(one.time)
        self.reader.newest = one.position, one.time

    def come(self, *times: float) -> None:
        """Messages come in that follow on those that came before."""
        for time in times:
            self.reader._on_consumed(stored(self.reader._consumed + 1, time))

    async def until_it_is_compared(self) -> None:
        checking = asyncio.create_task(self.reader.check("log"))
        while not checking.done() and not self.log.certain:
            await asyncio.sleep(0)
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)
        if not checking.cancelled() and (error := checking.exception()) is not None:
            raise error


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FETCH_INTERVAL", 0)


def away() -> Reading:
    """Two messages have taken effect, and NATS was away."""
    reading = Reading(Log(1.0, 2.0))
    reading.reader._consumed = 2
    reading.reader.doubt()
    return reading


def away_twice() -> Reading:
    """Two messages have taken effect, NATS was away, a third came in, and NATS was away once more."""
    reading = away()
    reading.come(3.0)
    reading.reader.doubt()
    return reading


async def test_what_waits_takes_effect_when_the_log_still_has_it() -> None:
    reading = away_twice()
    reading.come(4.0)
    reading.log.times += [3.0, 4.0]
    await reading.until_it_is_compared()
    assert reading.taken == [1.0, 2.0, 3.0, 4.0]


async def test_what_waits_does_not_take_effect_when_nats_was_away_again_and_has_lost_it() -> None:
    reading = away_twice()
    reading.come(5.0)
    reading.log.times += [4.0, 5.0]  # the third was lost, and something else was written in its place
    with pytest.raises(LogReplaced):
        await reading.until_it_is_compared()
    assert reading.taken == [1.0, 2.0]


async def test_what_waits_does_not_take_effect_if_nats_was_away_after_it_was_asked() -> None:
    reading = away()
    reading.come(3.0)
    reading.log.times += [3.0]
    asked, message = reading.log.looks, reading.log.message

    async def be_away(position: int) -> Any:
        if reading.log.looks == asked + 1:
            reading.reader.doubt()
            reading.log.times[2:] = [4.0]
        return await message(position)

    reading.log.message = be_away  # type: ignore[method-assign]
    with pytest.raises(LogReplaced):
        await reading.until_it_is_compared()
    assert reading.taken == [1.0, 2.0]


async def test_what_comes_in_while_the_log_is_read_at_the_start_is_held_against_it_too() -> None:
    reading = away()
    reading.come(4.0)
    reading.log.times[1:] = [3.0, 4.0]  # the second was lost, and something else was written in its place
    with pytest.raises(LogReplaced):
        await reading.reader.catch_up("log", 3, asyncio.Event())
    assert reading.taken == [1.0, 2.0]


async def test_what_comes_in_while_the_log_is_read_at_the_start_takes_effect_when_the_log_has_it() -> None:
    reading = away()
    reading.come(3.0)
    reading.log.times += [3.0]
    await reading.reader.catch_up("log", 3, asyncio.Event())
    assert reading.taken == [1.0, 2.0, 3.0]
