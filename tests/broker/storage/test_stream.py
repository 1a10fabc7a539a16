import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from broker.settings import Settings
from broker.storage import stream as event_log_module
from broker.storage.stream import CROWDED, NEARLY_FULL, EventLog, Extent, LogRefused, Stored, position_time_pending
from shared.envelopes import subjects
from shared.envelopes.entries import Batch, Entry, Speaking, Tick, pack_batch, unpack_batch
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process.world import World
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until


@pytest.fixture
def event_log(nc: Client) -> EventLog:
    return EventLog(nc, Settings(), World())


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.parley-events.consumer.1.42.7.1700000000500000000.3",
        "$JS.ACK.domain.account.parley-events.consumer.1.42.7.1700000000500000000.3.token",
    ],
)
def test_position_time_and_pending_are_read_from_both_forms_of_the_reply_subject(reply: str) -> None:
    assert position_time_pending(reply) == (42, 1700000000.5, 3)


async def test_the_log_is_made_once_and_keeps_its_name(event_log: EventLog, nc: Client) -> None:
    first = await event_log.open()
    assert first.log_id
    assert first.last == 0
    await event_log.append("b", [Tick(1)])
    again = await EventLog(nc, Settings(), World()).open()
    assert (again.log_id, again.first, again.last) == (first.log_id, 1, 1)


async def test_two_brokers_that_open_it_at_once_find_the_same_log(nc: Client) -> None:
    extents = await asyncio.gather(*(EventLog(nc, Settings(), World()).open() for _ in range(4)))
    assert len({extent.log_id for extent in extents}) == 1


async def test_a_log_for_which_there_is_no_space_is_refused_with_the_setting_to_change(nc: Client) -> None:
    with pytest.raises(LogRefused, match="LOG_MAX_BYTES=1152921504606846976: insufficient storage"):
        await EventLog(nc, Settings(log_max_bytes=2**60), World()).open()


async def test_a_log_that_is_made_anew_is_another(event_log: EventLog, nc: Client) -> None:
    first = await event_log.open()
    await nc.jetstream().delete_stream(subjects.EVENT_STREAM)
    assert (await event_log.open()).log_id != first.log_id


async def test_what_is_appended_is_read_in_order_from_any_position(event_log: EventLog) -> None:
    await event_log.open()
    entries: list[Entry] = [Speaking(number) for number in range(5)]
    assert [await event_log.append("b", [entry]) for entry in entries] == [1, 2, 3, 4, 5]
    read: list[Stored] = []
    stop = await event_log.read(2, read.append)
    await event_log.append("b", [Tick(9)])
    await until(lambda: len(read) == 4, "four messages read")
    await stop()
    assert [stored.position for stored in read] == [3, 4, 5, 6]
    assert [unpack_batch(stored.data).entries for stored in read] == [[entry] for entry in [*entries[2:], Tick(9)]]
    assert all(unpack_batch(stored.data).number == 0 for stored in read)
    assert read[0].pending in (1, 2)
    assert [stored.time for stored in read] == sorted(stored.time for stored in read)
    # what is fetched is to the last bit what is read, but for what lies behind it
    assert [await event_log.message(stored.position) for stored in read] == [
        stored._replace(pending=0) for stored in read
    ]


async def test_reading_goes_on_where_it_was_when_the_server_is_killed(
    event_log: EventLog, nats_server: NatsServer, nc: Client
) -> None:
    await event_log.open()
    await event_log.append("b", [Tick(1)])
    read: list[int] = []
    stop = await event_log.read(0, lambda stored: read.append(stored.position))
    await until(lambda: read == [1], "the first message read")
    await nats_server.kill()
    await nats_server.start()
    await until(lambda: nc.is_connected, "connected again")
    await event_log.append("b", [Tick(2)])
    await until(lambda: len(read) > 1, "the second message read")
    await stop()
    assert read == [1, 2]


async def test_the_log_is_cut_off_before_what_is_needed(event_log: EventLog) -> None:
    await event_log.open()
    for number in range(5):
        await event_log.append("b", [Tick(number)])
    await event_log.cut(await event_log.extent())
    assert (await event_log.extent()).first == 1
    event_log.release(4)
    event_log.release(2)
    await event_log.cut(await event_log.extent())
    extent = await event_log.extent()
    assert (extent.first, extent.last) == (4, 5)
    assert await event_log.message(3) is None
    found = await event_log.message(4)
    assert found is not None
    assert unpack_batch(found.data).entries == [Tick(3)]


async def test_much_is_cut_off_bit_by_bit(event_log: EventLog, nc: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log_module, "CUT_BYTES", 2000)
    await event_log.open()
    for number in range(10):
        await event_log.append("b" * 1000, [Tick(number)])
    purges = await nc.subscribe(f"$JS.API.STREAM.PURGE.{subjects.EVENT_STREAM}")
    event_log.release(10)
    cutting = asyncio.create_task(event_log.keep_cutting())
    asked = [json.loads((await purges.next_msg(5)).data)["seq"] for _ in range(5)]
    await until(lambda: event_log.first == 10, "all is cut off that was released")
    await end(cutting)
    assert asked == [3, 5, 7, 9, 10]
    assert purges.pending_msgs == 0


class LongLog(EventLog):
    """20 messages that are released, each as large as what is cut off at a time. While it is ``busy``, more come in.

    It is as crowded as ``crowding`` says.
    """

    busy = False
    crowding = 0.0
    looks = 0

    async def fill(self) -> None:
        await self.open()
        for number in range(20):
            await self.append("b" * 1000, [Tick(number)])
        self.release(20)
        self.busy = True

    async def extent(self) -> Extent:
        if self.busy:
            self.looks += 1
            await self.append("b" * 1000, [Tick(1)])
        extent = await super().extent()
        return extent._replace(space=int(extent.size / (CROWDED + self.crowding * (NEARLY_FULL - CROWDED))))


@pytest.fixture
async def long_log(nc: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LongLog]:
    """It is being cut off."""
    monkeypatch.setattr(event_log_module, "CUT_BYTES", 1000)
    monkeypatch.setattr(event_log_module, "LONGEST_PAUSE", 0.05)
    long_log = LongLog(nc, Settings(), World())
    await long_log.fill()
    cutting = asyncio.create_task(long_log.keep_cutting())
    yield long_log
    await end(cutting)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is released is gone in 4.5 s."""
    monkeypatch.setattr(event_log_module, "PATIENCE", 0.5)
    monkeypatch.setattr(event_log_module, "CUT_WITHIN", 4.0)


@pytest.mark.usefixtures("hasty")
async def test_under_traffic_all_is_cut_off_in_time_however_little_is_left(long_log: LongLog) -> None:
    begin = time.monotonic()
    await until(lambda: long_log.first == 20, "all is cut off that was released", within=9)  # a slow machine's 4.5
    assert time.monotonic() - begin > 2.0  # nor is it done at once


async def test_a_cut_waits_for_a_quiet_moment(long_log: LongLog) -> None:
    await until(lambda: long_log.looks > 10, "it was looked often whether it is quiet")
    assert long_log.first == 1
    long_log.busy = False
    await until(lambda: long_log.first == 20, "all is cut off that was released")


async def test_a_little_is_cut_off_under_traffic_at_once(long_log: LongLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log_module, "CUT_BYTES", 250_000)
    await until(lambda: long_log.first == 20, "all is cut off that was released")


async def test_a_nearly_full_log_is_cut_off_under_traffic_at_once(long_log: LongLog) -> None:
    long_log.crowding = 1.01  # sizes are whole numbers
    await until(lambda: long_log.first == 20, "all is cut off that was released")


async def test_a_log_that_was_nearly_full_is_left_in_peace_again(long_log: LongLog) -> None:
    long_log.crowding = 1.01
    await until(lambda: long_log.first > 3, "some of it is cut off")
    long_log.crowding, begin = 0.0, long_log.looks
    await until(lambda: long_log.looks > begin + 20, "it was looked often")
    assert long_log.first < 20


async def test_a_crowded_log_waits_for_a_quiet_moment_only_a_while(
    long_log: LongLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log_module, "CUT_WITHIN", 0.1)
    long_log.crowding, begin = 0.9, time.monotonic()  # a tenth of PATIENCE
    await until(lambda: long_log.first > 1, "it is cut off", within=20)
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
def test_nats_is_left_in_peace_between_cuts(
    size: int, released: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log_module, "CUT_BYTES", 9)  # of messages of one byte, rounded up to the next
    extent = Extent("log", 1, size, size, space=1000)
    assert event_log_module._interval(extent, released) == pytest.approx(seconds, rel=0.2)


@pytest.mark.parametrize(
    ("extent", "position", "part"),
    [
        (Extent("log", 1, 100, size=500, space=1000), 0, 0.5),
        (Extent("log", 1, 100, size=500, space=1000), 80, 0.1),
        (Extent("log", 101, 200, size=500, space=1000), 180, 0.1),
        (Extent("log", 1, 100, size=500, space=1000), 100, 0.0),
        (Extent("log", 1, 0, size=0, space=1000), 0, 0.0),
    ],
)
def test_it_tells_how_much_lies_behind_a_position(extent: Extent, position: int, part: float) -> None:
    assert extent.part_behind(position) == pytest.approx(part)


async def test_a_log_of_the_version_before_is_read_on_and_takes_the_subjects_of_this_one(nc: Client) -> None:
    js = nc.jetstream()
    await js.add_stream(name=subjects.EVENT_STREAM, subjects=[subjects.OLD_EVENTS], metadata={"parley-log-id": "old"})
    before = pack_batch(Batch("b0", 0, [Speaking(1)]))
    await js.publish(subjects.OLD_EVENTS, before)
    logs = [EventLog(nc, Settings(), World()) for _ in range(2)]
    extents = await asyncio.gather(*(each.open() for each in logs))
    assert [extent.log_id for extent in extents] == ["old", "old"]
    await logs[0].append("b1", [Speaking(2)])
    for subject in (subjects.OLD_EVENTS, subjects.gateway_events("g1")):
        await js.publish(subject, before)
    read: list[Stored] = []
    stop = await logs[1].read(0, read.append)
    await until(lambda: len(read) == 4, "all is read")
    await stop()
    wanted = [subjects.OLD_EVENTS, subjects.BROKER_EVENTS, subjects.OLD_EVENTS, subjects.gateway_events("g1")]
    assert [stored.subject for stored in read] == wanted
    fetched = [await logs[1].message(position) for position in range(1, 5)]
    assert fetched == [stored._replace(pending=0) for stored in read]
