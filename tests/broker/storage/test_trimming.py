import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from broker.settings import Settings
from broker.storage import trimming
from broker.storage.extent import CROWDED, NEARLY_FULL, Extent
from broker.storage.stream import EventLog
from broker.storage.trimming import Trimming
from shared.envelopes import subjects
from shared.envelopes.entries import Tick, unpack_batch
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process.world import World
from tests.system.rig.waiting import until


@pytest.fixture
def event_log(nc: Client) -> EventLog:
    return EventLog(nc, Settings(), World())


@pytest.fixture
def trimmer(event_log: EventLog) -> Trimming:
    return Trimming(event_log, World().monotonic)


async def test_the_log_is_trimmed_before_what_is_needed(event_log: EventLog, trimmer: Trimming) -> None:
    await event_log.open()
    for number in range(5):
        await event_log.append("b", [Tick(number)])
    await trimmer.trim(await event_log.extent())
    assert (await event_log.extent()).first == 1
    trimmer.release(4)
    trimmer.release(2)
    await trimmer.trim(await event_log.extent())
    extent = await event_log.extent()
    assert (extent.first, extent.last) == (4, 5)
    assert await event_log.message(3) is None
    found = await event_log.message(4)
    assert found is not None
    assert unpack_batch(found.data).entries == [Tick(3)]


async def test_much_is_trimmed_bit_by_bit(
    event_log: EventLog, trimmer: Trimming, nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "TRIM_BYTES", 2000)
    await event_log.open()
    for number in range(10):
        await event_log.append("b" * 1000, [Tick(number)])
    purges = await nc.subscribe(f"$JS.API.STREAM.PURGE.{subjects.EVENT_STREAM}")
    trimmer.release(10)
    running = asyncio.create_task(trimmer.run())
    asked = [json.loads((await purges.next_msg(5)).data)["seq"] for _ in range(5)]
    await until(lambda: event_log.first == 10, "all is trimmed that was released")
    await end(running)
    assert asked == [3, 5, 7, 9, 10]
    assert purges.pending_msgs == 0


class LongLog(EventLog):
    """20 messages, each as large as what is trimmed at a time. While it is ``busy``, more come in.

    It is as crowded as ``crowding`` says.
    """

    busy = False
    crowding = 0.0
    looks = 0

    async def fill(self) -> None:
        await self.open()
        for number in range(20):
            await self.append("b" * 1000, [Tick(number)])
        self.busy = True

    async def extent(self) -> Extent:
        if self.busy:
            self.looks += 1
            await self.append("b" * 1000, [Tick(1)])
        extent = await super().extent()
        return extent._replace(space=int(extent.size / (CROWDED + self.crowding * (NEARLY_FULL - CROWDED))))


@pytest.fixture
async def long_log(nc: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LongLog]:
    """It is being trimmed."""
    monkeypatch.setattr(trimming, "TRIM_BYTES", 1000)
    monkeypatch.setattr(trimming, "LONGEST_PAUSE", 0.05)
    long_log = LongLog(nc, Settings(), World())
    await long_log.fill()
    trimmer = Trimming(long_log, World().monotonic)
    trimmer.release(20)
    running = asyncio.create_task(trimmer.run())
    yield long_log
    await end(running)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is released is gone in 4.5 s."""
    monkeypatch.setattr(trimming, "PATIENCE", 0.5)
    monkeypatch.setattr(trimming, "TRIM_WITHIN", 4.0)


@pytest.mark.usefixtures("hasty")
async def test_under_traffic_all_is_trimmed_in_time_however_little_is_left(long_log: LongLog) -> None:
    begin = time.monotonic()
    await until(lambda: long_log.first == 20, "all is trimmed that was released", within=9)  # a slow machine's 4.5
    assert time.monotonic() - begin > 2.0  # nor is it done at once


async def test_trimming_waits_for_a_quiet_moment(long_log: LongLog) -> None:
    await until(lambda: long_log.looks > 10, "it was looked often whether it is quiet")
    assert long_log.first == 1
    long_log.busy = False
    await until(lambda: long_log.first == 20, "all is trimmed that was released")


async def test_a_little_is_trimmed_under_traffic_at_once(long_log: LongLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "TRIM_BYTES", 250_000)
    await until(lambda: long_log.first == 20, "all is trimmed that was released")


async def test_a_nearly_full_log_is_trimmed_under_traffic_at_once(long_log: LongLog) -> None:
    long_log.crowding = 1.01  # sizes are whole numbers
    await until(lambda: long_log.first == 20, "all is trimmed that was released")


async def test_a_log_that_was_nearly_full_is_left_in_peace_again(long_log: LongLog) -> None:
    long_log.crowding = 1.01
    await until(lambda: long_log.first > 3, "some of it is trimmed")
    long_log.crowding, begin = 0.0, long_log.looks
    await until(lambda: long_log.looks > begin + 20, "it was looked often")
    assert long_log.first < 20


async def test_a_crowded_log_waits_for_a_quiet_moment_only_a_while(
    long_log: LongLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "TRIM_WITHIN", 0.1)
    long_log.crowding, begin = 0.9, time.monotonic()  # a tenth of PATIENCE
    await until(lambda: long_log.first > 1, "it is trimmed", within=20)
    assert time.monotonic() - begin > 2.0


@pytest.mark.parametrize(
    ("size", "released", "seconds"),
    [
        (100, 100, 6.0),  # ten bits within a minute
        (100, 50, 12.0),
        (100, 1, 60.0),
        (500, 500, 1.2),
    ],
)
def test_nats_is_left_in_peace_in_between(
    size: int, released: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "TRIM_BYTES", 9)  # of messages of one byte, rounded up to the next
    extent = Extent("log", 1, size, size, space=1000)
    assert trimming._interval(extent, released) == pytest.approx(seconds, rel=0.2)
