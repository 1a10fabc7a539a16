"""Notices are stored once each and in order, whoever speaks and whatever dies; and what is lost is said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from nats.js.errors import ServerError

from auth_api.notices import Reader
from broker.core.limits import Limits
from broker.core.machine import Core
from broker.settings import Settings
from broker.speaking import notices as module
from broker.speaking import unstored
from broker.speaking.notices import NoticeWriter
from broker.storage.notice_stream import End, NoticeStream
from broker.storage.stream import EventLog
from shared.envelopes import subjects
from shared.envelopes.entries import Tick
from shared.envelopes.levels import LIFE
from shared.envelopes.notices import Notice, NoticeId, PeerJoined, decode_notice, unpack_bundle
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process.world import World
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything goes faster."""
    monkeypatch.setattr(module, "LOOK_INTERVAL", 0.05)
    monkeypatch.setattr(module, "PAUSE", 0.02)


class Lease:
    """Held or not, as the test wants it."""

    def __init__(self) -> None:
        self.held = True


def joined(time: int, peer: str = "ann") -> PeerJoined:
    return PeerJoined(time=time, app="app", room="tea", key="tea", peer_id=peer, identity=None, role="member")


class Broker:
    """As much of a broker as stores notices. ``noticed`` is the place of the newest one in the state that it has."""

    def __init__(self, nc: Client, log_id: str, noticed: tuple[int, int] = (0, 0), **settings: Any) -> None:
        self.nc = nc
        self.log = EventLog(nc, Settings(), World())
        self.core = Core(Limits())
        self.core.state.limits = Limits(notices=True)
        self.core.state.level = LIFE
        self.core.state.noticed = noticed
        self.core.notices.adopt(self.core.state)
        self.lease = Lease()
        self.stream = NoticeStream(nc.jetstream(timeout=1.0), Settings(**settings))
        lease: Any = self.lease
        self.writer = NoticeWriter(nc, self.stream, self.log, self.core, lease, log_id, 3600.0, World())

    def add(self, position: int, notices: Sequence[Notice]) -> None:
        self.core.state.noticed = (position, len(notices) - 1)
        self.core.state.now = max(notice.time for notice in notices) / 1000
        self.writer.add(position, notices)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator["Broker"]:
        task = asyncio.create_task(self.writer.run())
        try:
            yield self
        finally:
            await end(task)

    async def stored(self) -> None:
        await until(lambda: not self.writer._unstored and self.writer._end, "everything is stored")


class Rig:
    """A log with some positions, and what is in the stream of notices."""

    def __init__(self, nc: Client) -> None:
        self.nc = nc
        self.id = ""
        self.said: list[tuple[int, list[Notice]]] = []

    async def make_log(self) -> None:
        self.log = EventLog(self.nc, Settings(), World())
        self.id = (await self.log.open()).log_id
        self.said.clear()

    async def happen(self, notices: int = 1) -> tuple[int, list[Notice]]:
        """Another position of the log, at which there are notices."""
        position = await self.log.append("b", [Tick(0)])
        stored = await self.log.message(position)
        assert stored is not None
        self.said.append((position, [joined(round(stored.time * 1000), f"peer-{nth}") for nth in range(notices)]))
        return self.said[-1]

    @property
    def ids(self) -> list[str]:
        """Of all that was said."""
        return [f"{self.id}-{position}-{nth}" for position, notices in self.said for nth in range(len(notices))]

    async def read(self) -> list[str]:
        """The ids in the stream."""
        return [str(told.id) for told in await Reader(lambda: self.nc, World()).read(None, 1000)]

    async def types(self) -> list[str]:
        told = await Reader(lambda: self.nc, World()).read(None, 1000)
        return [str(decode_notice(one.data).__struct_config__.tag) for one in told]


@pytest.fixture
async def rig(nc: Client) -> Rig:
    rig = Rig(nc)
    await rig.make_log()
    return rig


async def test_notices_are_stored_in_order_and_told_of(nc: Client, rig: Rig) -> None:
    heard: list[bytes] = []
    await nc.subscribe_straight(subjects.NOTICED, lambda _subject, _reply, data: heard.append(data))
    async with Broker(nc, rig.id).at_work() as broker:
        for count in (1, 3, 2):
            broker.add(*await rig.happen(count))
        await broker.stored()
        assert await rig.read() == rig.ids
        await until(lambda: heard, "it is told")
        assert str(broker.writer.id_of_newest()) == rig.ids[-1]
    config = (await nc.jetstream().stream_info(subjects.NOTICE_STREAM)).config
    assert (config.max_bytes, config.max_age) == (268435456, 259200)


async def test_what_is_much_is_stored_in_several_messages(
    nc: Client, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unstored, "MOST_BYTES", 1000)
    async with Broker(nc, rig.id).at_work() as broker:
        broker.add(*await rig.happen(50))
        await broker.stored()
    assert await rig.read() == rig.ids
    state = (await nc.jetstream().stream_info(subjects.NOTICE_STREAM)).state
    assert state.messages > 5
    bundles = [unpack_bundle((await nc.jetstream().get_msg(subjects.NOTICE_STREAM, seq)).data or b"") for seq in (1, 2)]
    assert [bundle.before for bundle in bundles] == ["", rig.ids[len(bundles[0].notices) - 1]]


async def test_two_that_speak_at_the_same_time_store_everything_once(nc: Client, rig: Rig) -> None:
    brokers = [Broker(nc, rig.id) for _ in range(2)]
    async with brokers[0].at_work(), brokers[1].at_work():
        for _ in range(30):
            said = await rig.happen(2)
            for broker in brokers:
                broker.add(*said)
                await asyncio.sleep(0)
        for broker in brokers:
            await broker.stored()
    assert await rig.read() == rig.ids


async def test_what_was_stored_before_its_acknowledgement_was_lost_is_not_stored_again(
    nc: Client, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = NoticeStream.append
    lost = [True, False, True, False]

    async def unheard(self: NoticeStream, end: End, notices: Sequence[bytes]) -> int:
        sequence = await append(self, end, notices)
        if lost and lost.pop():
            raise TimeoutError
        return sequence

    monkeypatch.setattr(NoticeStream, "append", unheard)
    async with Broker(nc, rig.id).at_work() as broker:
        for _ in range(5):
            broker.add(*await rig.happen())
            await broker.stored()
    assert not lost
    assert await rig.read() == rig.ids


async def test_the_next_speaker_goes_on_where_the_stream_ends(nc: Client, rig: Rig) -> None:
    said = [await rig.happen(2) for _ in range(6)]
    first, second = Broker(nc, rig.id), Broker(nc, rig.id)
    second.lease.held = False
    for one in said:
        second.add(*one)
    async with first.at_work():
        for one in said[:4]:
            first.add(*one)
        await first.stored()
    async with second.at_work():
        second.lease.held = True
        second.writer.look_again()
        await second.stored()
        assert await rig.read() == rig.ids


async def test_a_standby_keeps_what_it_has_not_heard_to_be_stored(nc: Client, rig: Rig) -> None:
    speaker, standby = Broker(nc, rig.id), Broker(nc, rig.id)
    standby.lease.held = False
    async with speaker.at_work(), standby.at_work():
        await nc.flush()
        for _ in range(3):
            said = await rig.happen()
            standby.add(*said)
            speaker.add(*said)
        await speaker.stored()
        await until(lambda: not standby.writer._unstored, "the standby has heard of it")
        speaker.lease.held = False
        standby.add(*await rig.happen())
        await asyncio.sleep(0.1)
        assert len(standby.writer._unstored) == 1


async def test_nats_may_die(nats_server: NatsServer, nc: Client, rig: Rig) -> None:
    async with Broker(nc, rig.id).at_work() as broker:
        broker.add(*await rig.happen())
        await broker.stored()
        said = await rig.happen()
        await nats_server.kill()
        broker.add(*said)
        await asyncio.sleep(0.3)
        assert broker.writer.waiting == 1
        assert broker.writer.oldest(said[1][0].time / 1000 + 7) == 7
        await nats_server.start()
        await broker.stored()
    assert await rig.read() == rig.ids


async def test_a_full_stream_drops_the_oldest(nc: Client, rig: Rig) -> None:
    async with Broker(nc, rig.id, notices_max_bytes=20_000).at_work() as broker:
        for _ in range(100):
            broker.add(*await rig.happen())
            await broker.stored()
    kept = await rig.read()
    assert 10 < len(kept) < 90
    assert kept == rig.ids[-len(kept) :]


async def test_what_had_to_be_dropped_before_it_was_stored_is_said(
    nc: Client, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: NoticeStream) -> None:
        raise ServerError(code=500, err_code=10047, description="insufficient storage resources available")

    monkeypatch.setattr(unstored, "MOST", 4)
    broker = Broker(nc, rig.id)
    with monkeypatch.context() as patched:
        patched.setattr(NoticeStream, "open", refuse)
        async with broker.at_work():
            for _ in range(10):
                broker.add(*await rig.happen())
            await asyncio.sleep(0.1)
    async with broker.at_work():
        await broker.stored()
    assert await rig.read() == rig.ids[5:]
    [lost, *others] = await rig.types()
    assert (lost, set(others)) == ("notices-lost", {"peer-joined"})


async def test_what_no_broker_has_any_more_is_said(nc: Client, rig: Rig) -> None:
    said = [await rig.happen() for _ in range(5)]
    first = Broker(nc, rig.id)
    async with first.at_work():
        first.add(*said[0])
        await first.stored()
    later = Broker(nc, rig.id, noticed=(said[2][0], 0))  # which began from a snapshot
    async with later.at_work():
        later.add(*said[3])
        await later.stored()
    told = await Reader(lambda: nc, World()).read(None)
    assert [str(one.id) for one in told] == [rig.ids[0], rig.ids[2], rig.ids[3]]
    assert f'"from":"{rig.ids[0]}","to":"{rig.ids[2]}"'.encode() in told[1].data


async def test_a_log_that_takes_the_place_of_another_begins_with_a_loss(nc: Client, rig: Rig) -> None:
    first = Broker(nc, rig.id)
    async with first.at_work():
        first.add(*await rig.happen())
        await first.stored()
    [before] = await rig.read()
    await nc.jetstream().delete_stream(subjects.EVENT_STREAM)
    await rig.make_log()
    second = Broker(nc, rig.id)
    async with second.at_work():
        second.add(*await rig.happen())
        await second.stored()
    assert await rig.read() == [before, f"{rig.id}-0-0", *rig.ids]
    assert await rig.types() == ["peer-joined", "notices-lost", "peer-joined"]


async def test_after_the_end_of_the_log_is_lost_no_id_comes_twice(nc: Client, rig: Rig) -> None:
    first = Broker(nc, rig.id)
    async with first.at_work():
        for _ in range(3):
            first.add(*await rig.happen())
        await first.stored()
    before = await rig.read()
    # NATS has lost two messages, and something else stands there since.
    await nc.jetstream().delete_stream(subjects.EVENT_STREAM)
    log_id = rig.id
    await rig.make_log()
    again = [await rig.happen() for _ in range(3)]
    second = Broker(nc, log_id, noticed=(1, 0))
    async with second.at_work():
        await second.stored()
        second.add(*again[1])
        await second.stored()
        assert str(second.writer.id_of_newest()) == f"{log_id}.1-2-0"
    assert await rig.read() == [*before, f"{log_id}.1-1-0", f"{log_id}.1-2-0"]
    third = Broker(nc, log_id, noticed=(1, 0))
    async with third.at_work():
        third.add(*again[1])
        third.add(*again[2])
        await third.stored()
    assert (await rig.read())[-2:] == [f"{log_id}.1-2-0", f"{log_id}.1-3-0"]


async def test_notices_that_were_dropped_by_age_are_not_stored_again(nc: Client, rig: Rig) -> None:
    said = [await rig.happen() for _ in range(3)]
    first = Broker(nc, rig.id)
    async with first.at_work():
        first.add(*said[0])
        await first.stored()
    await nc.jetstream().purge_stream(subjects.NOTICE_STREAM)
    old = joined(1000)
    later = Broker(nc, rig.id)
    later.add(said[0][0], [old])
    async with later.at_work():
        later.add(*said[1])
        await later.stored()
    assert await rig.read() == [rig.ids[1]]
    bundle = unpack_bundle((await nc.jetstream().get_msg(subjects.NOTICE_STREAM, 2)).data or b"")
    assert bundle.before == rig.ids[0]


async def test_other_settings_change_what_is_kept(nc: Client, rig: Rig) -> None:
    for size in (10_000_000, 5_000_000):
        async with Broker(nc, rig.id, notices_max_bytes=size, notices_keep=60.0).at_work() as broker:
            await broker.stored()
        config = (await nc.jetstream().stream_info(subjects.NOTICE_STREAM)).config
        assert (config.max_bytes, config.max_age) == (size, 60)


async def test_without_notices_there_is_no_stream(nc: Client, rig: Rig) -> None:
    broker = Broker(nc, rig.id)
    broker.core.state.limits = Limits()
    broker.core.notices.adopt(broker.core.state)
    async with broker.at_work():
        await asyncio.sleep(0.2)
    assert subjects.NOTICE_STREAM not in [info.config.name for info in await nc.jetstream().streams_info()]
    assert broker.writer.id_of_newest() is None


def test_an_id_is_read_as_it_is_written() -> None:
    for notice_id in (NoticeId("0a", 1, 2), NoticeId("0a.12", 0, 0)):
        assert NoticeId.parse(str(notice_id)) == notice_id
    for wrong in ("", "a", "a-1", "-1-1", "a-b-1", "a-1-", "a--1-1", "a b-1-1", f"{'a' * 200}-1-1", "a-1-²"):
        with pytest.raises(ValueError, match="no id"):
            NoticeId.parse(wrong)
