import asyncio

import pytest

from broker.settings import Settings
from broker.storage.stream import EventLog, LogRefused, Stored, position_time_behind
from shared.envelopes import subjects
from shared.envelopes.entries import Batch, Entry, Speaking, Tick, pack_batch, unpack_batch
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
def test_what_jetstream_says_of_a_message_is_read_from_both_forms_of_the_reply_subject(reply: str) -> None:
    assert position_time_behind(reply) == (42, 1700000000.5, 3)


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
    assert read[0].behind in (1, 2)
    assert [stored.time for stored in read] == sorted(stored.time for stored in read)
    # what is fetched is to the last bit what is read, but for what comes after it
    assert [await event_log.message(stored.position) for stored in read] == [
        stored._replace(behind=0) for stored in read
    ]


async def test_reading_continues_where_it_was_when_the_server_is_killed(
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
    assert fetched == [stored._replace(behind=0) for stored in read]
