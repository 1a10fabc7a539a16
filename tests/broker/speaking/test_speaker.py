import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg

from broker.core.limits import Limits
from broker.core.machine import Core
from broker.settings import Settings
from broker.speaking.lease import KEY, Lease
from broker.speaking.log_clock import LogClock
from broker.speaking.speaker import MOST_STRANGERS, Speaker
from broker.speaking.watch import Watch
from broker.storage.stream import EventLog
from shared.envelopes import subjects
from shared.envelopes.deliveries import Beat, Fenced, Head, Parcel, pack_beat, unpack_message
from shared.envelopes.entries import Batch, GatewayUp, Speaking, unpack_batch
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process.world import World
from tests.system.rig.waiting import until


@pytest.fixture
async def speaking(nc: Client) -> AsyncIterator[None]:
    """A speaker that holds the lease and knows gateway g1."""
    event_log, core = EventLog(nc, Settings(), World()), Core(Limits())
    await event_log.open()
    core.apply(1, 0.0, Batch("g1", 1, [GatewayUp("name")]))
    lease = Lease(nc, "broker", 1, lambda: core.state.term, World().monotonic)
    speaker = Speaker(nc, event_log, core, lease, Watch(60.0), LogClock(), "broker", World())
    tasks = asyncio.create_task(lease.run(speaker.on_lease_change)), asyncio.create_task(speaker.run())
    await until(lambda: lease.held, "the lease is held")
    yield
    await end(*tasks)


async def test_a_term_that_the_log_did_not_take_at_first_is_said_again(
    nc: Client, caplog: pytest.LogCaptureFixture
) -> None:
    event_log, core = EventLog(nc, Settings(), World()), Core(Limits())
    lease = Lease(nc, "broker", 1, lambda: core.state.term, World().monotonic)
    speaker = Speaker(nc, event_log, core, lease, Watch(1.0), LogClock(), "broker", World())
    campaigning = asyncio.create_task(lease.run(speaker.on_lease_change))
    await until(lambda: "the log does not take entries" in caplog.text, "there is no log to say it to")
    await event_log.open()
    speaking = asyncio.create_task(speaker.run())
    try:
        async with asyncio.timeout(5):
            while (stored := await event_log.message(1)) is None:
                await asyncio.sleep(0.02)
    finally:
        await end(campaigning, speaking)
    assert unpack_batch(stored.data).entries == [Speaking(lease.term)]


async def test_a_gateway_that_is_lost_while_the_log_takes_nothing_is_logged_when_the_log_has_it(
    nc: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_log, core = EventLog(nc, Settings(), World()), Core(Limits())
    core.apply(1, 0.0, Batch("g1", 1, [GatewayUp("name")]))
    lease, watch = Lease(nc, "broker", 1, lambda: core.state.term, World().monotonic), Watch(60.0)
    monkeypatch.setattr(watch, "silent", lambda gateways, now: gateways)
    speaker = Speaker(nc, event_log, core, lease, watch, LogClock(), "broker", World())
    for _ in range(3):
        await speaker._say_what_is_due()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the log does not take entries" in caplog.text
    await event_log.open()
    await speaker._say_what_is_due()
    assert caplog.messages[1:] == ["gateway lost"]


@pytest.mark.usefixtures("speaking")
async def test_a_beat_is_answered_unless_it_is_a_prompt_one(nc: Client) -> None:
    known, stranger = [await nc.subscribe(subjects.deliveries(gateway)) for gateway in ("g1", "g2")]
    prompt = Beat("g1", 0, False, prompt=True)
    for beat in (prompt, Beat("g1", 0, False), prompt, Beat("g2", 0, False)):
        await nc.publish(subjects.BEATS, pack_beat(beat))
    assert unpack_message((await stranger.next_msg(5)).data) == Fenced()
    assert unpack_message((await known.next_msg(5)).data) == Head(0)
    assert known.pending_msgs == 0


async def test_beats_that_cannot_be_right_make_no_work_and_leave_nothing_behind(nc: Client) -> None:
    event_log, core = EventLog(nc, Settings(), World()), Core(Limits())
    await event_log.open()
    core.apply(1, 0.0, Batch("g1", 1, [GatewayUp("name")]))
    lease = Lease(nc, "broker", 1, lambda: core.state.term, World().monotonic)
    watch = Watch(60.0)
    speaker = Speaker(nc, event_log, core, lease, watch, LogClock(), "broker", World())
    lease.term = 1
    for number in range(MOST_STRANGERS + 20):
        await speaker._on_beat(Msg(nc, data=pack_beat(Beat(f"stranger {number}", 0, gap=True))))
    for data in (b"", b"junk", b"\x93\xa2g1\x00\x05", pack_beat(Beat("g1", 2**64 - 1, gap=False))):
        await speaker._on_beat(Msg(nc, data=data))
    assert len(speaker._strangers) == len(speaker._asides) == MOST_STRANGERS
    assert watch._heard == {}
    await until(lambda: not speaker._asides, "they are told that they are not known")


@pytest.mark.usefixtures("speaking")
async def test_the_name_of_a_gateway_is_never_part_of_a_command(nc: Client) -> None:
    heard: list[str] = []
    await nc.subscribe_straight("parley.>", lambda subject, _reply, _data: heard.append(subject))
    name = "x 0\r\n\r\nPUB parley.forged 0\r\n\r\nPUB x"
    await nc.publish(subjects.BEATS, pack_beat(Beat(name, 0, gap=False)))
    await until(lambda: subjects.deliveries(name) in heard, "it is told that it is not known")
    await nc.flush()
    assert "parley.forged" not in heard


async def test_a_gateway_that_was_sent_a_part_of_what_it_missed_hears_at_once_that_there_is_more(
    nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.speaking.speaker.REPEAT_BYTES", 1000)
    core = Core(Limits())
    core.apply(1, 0.0, Batch("g1", 1, [GatewayUp("name")]))
    for position in range(2, 12):
        core.out.answer("g1", "conn", [b"x" * 400])
        core.out.seal(position, 0.0)
    lease = Lease(nc, "broker", 1, lambda: core.state.term, World().monotonic)
    speaker = Speaker(nc, EventLog(nc, Settings(), World()), core, lease, Watch(60.0), LogClock(), "broker", World())
    subscription = await nc.subscribe(subjects.deliveries("g1"))
    await nc.flush()
    await speaker._repeat("g1", 0)
    told = [unpack_message((await subscription.next_msg(5)).data) for _ in range(4)]
    assert [one.number for one in told if isinstance(one, Parcel)] == [1, 2, 3]
    assert told[-1] == Head(10)


async def test_a_speaker_that_reads_of_another_one_looks_at_the_lease_at_once(
    nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.speaking.lease.RENEWAL", 60.0)
    event_log, core = EventLog(nc, Settings(), World()), Core(Limits())
    await event_log.open()
    lease = Lease(nc, "broker", 1, lambda: core.state.term, World().monotonic)
    speaker = Speaker(nc, event_log, core, lease, Watch(60.0), LogClock(), "broker", World())
    campaigning = asyncio.create_task(lease.run(speaker.on_lease_change))
    try:
        await until(lambda: lease.held, "the lease is held")
        await (await nc.jetstream().key_value(subjects.LEASE_BUCKET)).put(KEY, b"another broker")
        core.apply(1, 0.0, Batch("another broker", 0, [Speaking(lease.term + 1)]))
        speaker.publish([])
        await until(lambda: not lease.held, "it has given way")
    finally:
        await end(campaigning)


@pytest.mark.parametrize("certain", [True, False])
async def test_a_new_speaker_repeats_nothing_that_nats_may_have_lost(nc: Client, certain: bool) -> None:
    event_log, core, watch = EventLog(nc, Settings(), World()), Core(Limits()), Watch(60.0)
    await event_log.open()
    core.apply(1, 0.0, Batch("g1", 1, [GatewayUp("name")]))
    core.out.close("g1", "conn")
    core.out.seal(2, 0.0)
    watch.note(Beat("g1", 0, False), 0.0, 1)
    lease = Lease(nc, "broker", 1, lambda: core.state.term, World().monotonic)
    lease.term = 1
    speaker = Speaker(nc, event_log, core, lease, watch, LogClock(), "broker", World())
    told = await nc.subscribe(subjects.deliveries("g1"))
    event_log.certain = certain
    await speaker._take_over()
    await nc.flush()
    assert told.pending_msgs == (1 if certain else 0)
