import asyncio
import math
import os
import signal
import time
from collections.abc import AsyncIterator, Callable

import pytest

from broker.settings import Settings
from broker.storage.stream import EventLog
from gateway.incoming import convoy, flight
from gateway.incoming.convoy import EACH, MOST
from gateway.incoming.held import BATCH_BYTES, BATCH_LIMIT
from gateway.incoming.log_writer import LogWriter
from shared.envelopes.entries import Authenticated, Batch, Closed, Entry, GatewayUp, Identified, Said, unpack_batch
from shared.envelopes.users import User
from shared.messaging.nats import Client
from shared.process.world import World
from tests.gateway.wire import connection
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

KIB = 1024


def said(number: int) -> Said:
    return Said("relay-ice-candidate", f"s{number}", number, "room", "peer", b"{}")


def newcomer(number: int) -> Authenticated:
    return Authenticated(f"s{number}", number, "app", b"", None, "", 0, b"", None)


class Desk:
    """A writer at work on a log of its own."""

    def __init__(self, nc: Client) -> None:
        self.event_log = EventLog(nc, Settings(), World())
        self._nc = nc
        self._running: list[asyncio.Task[None]] = []

    @property
    def sent(self) -> int:
        """How many messages went out."""
        return self._nc.stats["out_msgs"]

    def writer(self, gateway: str = "g1", max_held: int = 1 << 30, max_held_per_client: int = 1 << 30) -> LogWriter:
        return LogWriter(self._nc, gateway, max_held, max_held_per_client, World())

    def start(self, writer: LogWriter) -> None:
        self._running.append(asyncio.create_task(writer.run()))

    async def batches(self) -> list[Batch]:
        """All that the log holds."""
        extent = await self.event_log.extent()
        stored = [await self.event_log.message(position) for position in range(1, extent.last + 1)]
        return [unpack_batch(message.data) for message in stored if message is not None]

    async def acks(self) -> list[int | None]:
        """The numbers of the entries in the log, in order."""
        return [entry.ack for batch in await self.batches() for entry in batch.entries if isinstance(entry, Said)]

    async def stop(self) -> None:
        while pending := [task for task in self._running if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=0.1)


@pytest.fixture
async def desk(nc: Client) -> AsyncIterator[Desk]:
    desk = Desk(nc)
    await desk.event_log.open()
    yield desk
    await desk.stop()


@pytest.fixture
def frozen(nats_server: NatsServer) -> Callable[[bool], None]:
    """Freezes the server, and thaws it."""

    def freeze(still: bool) -> None:
        nats_server.process.signal(signal.SIGSTOP if still else signal.SIGCONT)
        if still:
            os.waitid(os.P_PID, nats_server.process.pid, os.WSTOPPED)  # until then it may still answer

    return freeze


async def test_what_comes_while_a_batch_is_in_flight_goes_with_the_next(
    desk: Desk, frozen: Callable[[bool], None]
) -> None:
    writer, client = desk.writer(), connection("s1")
    desk.start(writer)
    frozen(True)
    assert writer.append(client, said(0), 1)
    await until(lambda: writer.batches == 1, "the first batch is in flight")
    for number in range(1, 100):
        assert writer.append(client, said(number), 1)
    assert (writer.batches, writer.waiting) == (1, 99)
    frozen(False)
    await writer.flush()
    batches = await desk.batches()
    assert [(batch.writer, batch.number, len(batch.entries)) for batch in batches] == [("g1", 1, 1), ("g1", 2, 99)]
    assert await desk.acks() == list(range(100))


async def test_what_comes_in_one_turn_goes_together_as_soon_as_there_is_much(desk: Desk) -> None:
    writer, client = desk.writer(), connection("s1")
    desk.start(writer)
    await until(lambda: not writer._gathering, "it has begun")
    for turn in range(3):
        for number in range(4):
            assert writer.append(client, said(4 * turn + number), 1)
        assert (writer.batches, writer.waiting) == ((1, 3), (2, 4), (3, 4))[turn]
        await writer.flush()
    batches = await desk.batches()
    assert [len(batch.entries) for batch in batches] == [1, 3, 4, 4]
    assert writer.append(client, said(12), 1)
    await writer.flush()
    assert writer.append(client, said(13), 1)
    assert (writer.batches, writer.waiting) == (6, 0), "a single one waits for nothing"
    await writer.flush()
    assert await desk.acks() == list(range(14))


async def test_newcomers_gather_once_one_has_come_until_their_time_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    monkeypatch.setattr(loop, "time", lambda: begun)
    writer, client = desk.writer(), connection("s1")
    desk.start(writer)
    await until(lambda: not writer._gathering, "it has begun")
    writer.append(client, newcomer(0), 1)
    assert (writer.batches, writer.waiting) == (1, 0), "whoever comes alone waits for nothing"
    await writer.flush()
    writer.append(client, newcomer(1), 1)
    await asyncio.sleep(0)
    writer.append(client, Identified(newcomer(2), User("ann", "", 0, 1, {}, "")), 1)
    assert (writer.batches, writer.waiting) == (1, 2)
    monkeypatch.setattr(loop, "time", lambda: begun + EACH)
    await writer.flush()
    assert [len(batch.entries) for batch in await desk.batches()] == [1, 2]
    monkeypatch.setattr(loop, "time", lambda: begun + 3 * EACH)
    writer.append(client, newcomer(3), 1)
    await writer.flush()
    monkeypatch.setattr(loop, "time", lambda: begun + 5 * EACH)
    writer.append(client, newcomer(4), 1)
    assert (writer.batches, writer.waiting) == (4, 0), "nobody has come for so long"
    await writer.flush()


@pytest.mark.parametrize("other", [said(9), Closed("s9", 0, "closed", False)])
async def test_what_cannot_wait_takes_the_newcomers_before_it_along(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, other: Said | Closed
) -> None:
    monkeypatch.setattr(convoy, "EACH", math.inf)
    monkeypatch.setattr(convoy, "MOST", math.inf)
    writer, client = desk.writer(), connection("s1")
    desk.start(writer)
    await until(lambda: not writer._gathering, "it has begun")
    waiting: list[Entry] = [newcomer(0), newcomer(1), newcomer(2)]
    for entry in waiting:
        writer.append(client, entry, 1)
        await asyncio.sleep(0)
    if isinstance(other, Said):
        writer.append(client, other, 1)
    else:
        writer.append_always(other)
    await writer.flush()
    writer.append(client, said(10), 1)  # who does not wait behind newcomers that have gone
    await writer.flush()
    assert [batch.entries for batch in await desk.batches()] == [waiting[:1], [*waiting[1:], other], [said(10)]]


async def test_newcomers_gather_for_longer_the_more_there_are_but_not_for_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    moments = [loop.time()]
    monkeypatch.setattr(loop, "time", lambda: moments[-1])
    writer, client = desk.writer(), connection("s1")
    for number in range(100):
        writer.append(client, newcomer(number), 1)
    desk.start(writer)
    await writer.flush()
    writer.append(client, newcomer(100), 1)
    moments.append(moments[0] + MOST - EACH / 2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (writer.batches, writer.waiting) == (1, 1)
    moments.append(moments[0] + MOST)
    await writer.flush()
    assert [len(batch.entries) for batch in await desk.batches()] == [100, 1]


async def test_entries_arrive_in_order_in_batches_that_are_counted(desk: Desk) -> None:
    writer = desk.writer()
    clients = [connection(f"s{number}") for number in range(3)]
    desk.start(writer)
    for number in range(3 * BATCH_LIMIT):
        assert writer.append(clients[number % 3], said(number), 10)
        if number % 500 == 0:
            await asyncio.sleep(0)
    await writer.flush()
    batches = await desk.batches()
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    assert max(len(batch.entries) for batch in batches) <= BATCH_LIMIT
    assert await desk.acks() == list(range(3 * BATCH_LIMIT))


async def test_a_batch_is_bounded_in_bytes(desk: Desk) -> None:
    writer, client = desk.writer(), connection("s1")
    each = BATCH_BYTES // 4
    for number in range(10):
        writer.append(client, said(number), each)
    desk.start(writer)
    await writer.flush()
    assert [len(batch.entries) for batch in await desk.batches()] == [4, 4, 2]


async def test_a_batch_says_when_its_first_entry_came(desk: Desk) -> None:
    writer = desk.writer()
    before = time.time()
    writer.append_always(GatewayUp("first"))
    after = time.time()
    await until(lambda: time.time() > after, "time has passed")
    writer.append_always(Closed("s1", 0, "closed", False))
    desk.start(writer)
    await writer.flush()
    [batch] = await desk.batches()
    assert batch.entries == [GatewayUp("first"), Closed("s1", 0, "closed", False)]
    assert before <= batch.taken <= after


async def test_no_two_batches_were_taken_at_the_same_time_though_the_clock_stands_still(nc: Client, desk: Desk) -> None:
    readings = [5.0, 5.0, 5.0, 4.0, 4.0, 6.0]
    writer = LogWriter(nc, "g1", 1 << 30, 1 << 30, World(now=lambda: readings.pop(0) if readings else 6.0))
    desk.start(writer)
    for number in range(6):
        writer.append(connection("s1"), said(number), 1)
        await writer.flush()
    taken = [batch.taken for batch in await desk.batches()]
    assert len(set(taken)) == len(taken) == 6
    assert {round(moment, 6) for moment in taken} == {5.0, 4.0, 6.0}


async def test_what_one_client_may_have_waiting_is_bounded(desk: Desk) -> None:
    writer = desk.writer(max_held_per_client=10 * KIB)
    greedy, modest = connection("greedy"), connection("modest")
    assert writer.append(greedy, said(1), 4 * KIB)
    assert writer.append(greedy, said(2), 6 * KIB)
    assert not writer.append(greedy, said(3), 1)
    assert writer.append(modest, said(4), 10 * KIB)
    assert (greedy.held, modest.held, writer.held) == (10 * KIB, 10 * KIB, 20 * KIB)
    desk.start(writer)
    await writer.flush()
    assert (greedy.held, modest.held, writer.held) == (0, 0, 0)
    assert writer.append(greedy, said(5), 10 * KIB)
    await writer.flush()
    assert await desk.acks() == [1, 2, 4, 5]


async def test_what_all_have_waiting_is_bounded_but_no_end_is_lost(desk: Desk) -> None:
    writer = desk.writer(max_held=10 * KIB)
    clients = [connection(f"s{number}") for number in range(11)]
    assert [writer.append(client, said(1), KIB) for client in clients] == [True] * 10 + [False]
    assert clients[-1].held == 0
    writer.append_always(Closed("s1", 0, "closed", False))
    desk.start(writer)
    await writer.flush()
    [batch] = await desk.batches()
    assert len(batch.entries) == 11
    assert isinstance(batch.entries[-1], Closed)
    assert writer.append(clients[-1], said(2), KIB)


async def test_bytes_are_held_until_the_log_has_them(desk: Desk, frozen: Callable[[bool], None]) -> None:
    writer, client = desk.writer(max_held_per_client=10), connection("s1")
    desk.start(writer)
    frozen(True)
    assert writer.append(client, said(1), 10)
    await until(lambda: writer.batches == 1, "the batch is in flight")
    assert writer.waiting == 0
    assert not writer.append(client, said(2), 1)
    frozen(False)
    await writer.flush()
    assert client.held == 0


async def test_a_batch_sent_again_and_again_is_stored_once(
    desk: Desk, frozen: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(flight, "ACK_TIMEOUT", 0.1)
    monkeypatch.setattr(flight, "RETRY_PAUSE", 0.01)
    writer, client = desk.writer(), connection("s1")
    desk.start(writer)
    writer.append_always(GatewayUp("name"))
    await writer.flush()
    assert writer.writable
    frozen(True)
    sent = desk.sent
    writer.append(client, said(1), 1)
    await until(lambda: desk.sent >= sent + 4, "it was sent four times")
    writer.append(client, said(2), 1)
    assert not writer.writable
    frozen(False)
    await writer.flush()
    assert writer.writable
    assert [len(batch.entries) for batch in await desk.batches()] == [1, 1, 1]
    assert await desk.acks() == [1, 2]
    warnings = [record.levelname for record in caplog.records if record.name == "gateway.incoming.flight"]
    assert warnings == ["WARNING"]


async def test_what_comes_while_the_server_is_away_is_stored_once_and_in_order(
    desk: Desk, nats_server: NatsServer
) -> None:
    writer, client = desk.writer(), connection("s1")
    desk.start(writer)
    for number in range(1000):
        if number in (200, 500):
            await nats_server.kill()
        if number in (400, 600):
            await nats_server.start()
        assert writer.append(client, said(number), 10)
        await asyncio.sleep(0)
    await asyncio.wait_for(writer.flush(), 15)
    assert await desk.acks() == list(range(1000))
    numbers = [batch.number for batch in await desk.batches()]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_nothing_has_to_be_flushed_of_nothing(desk: Desk, frozen: Callable[[bool], None]) -> None:
    writer = desk.writer()
    await asyncio.wait_for(writer.flush(), 1)
    desk.start(writer)
    frozen(True)
    writer.append_always(GatewayUp("name"))
    flushing = asyncio.create_task(writer.flush())
    await until(lambda: writer.batches == 1, "the batch is in flight")
    assert not flushing.done()
    frozen(False)
    await asyncio.wait_for(flushing, 5)
    assert [batch.entries for batch in await desk.batches()] == [[GatewayUp("name")]]


async def test_before_there_is_a_log_entries_wait(nc: Client) -> None:
    desk = Desk(nc)
    writer = desk.writer()
    desk.start(writer)
    writer.append_always(GatewayUp("early"))
    await until(lambda: writer.batches == 1 and desk.sent > 3, "it has tried")
    assert not writer.writable
    await desk.event_log.open()
    await asyncio.wait_for(writer.flush(), 5)
    assert writer.writable
    assert [batch.entries for batch in await desk.batches()] == [[GatewayUp("early")]]
    await desk.stop()


async def test_nobody_can_answer_for_the_log_before_it_has_answered(desk: Desk, frozen: Callable[[bool], None]) -> None:
    writer, client = desk.writer(), connection("s1")
    replies = []
    desk.start(writer)
    for number in range(3):
        writer.append(client, said(number), 1)
        await writer.flush()
        replies.append(writer._flight.reply)
    frozen(True)
    writer.append(client, said(3), 1)
    for reply in (*replies, f"{writer._flight.inbox}.4", f"{writer._flight.inbox}.5"):
        writer._flight.on_answer(reply, "", b'{"stream":"parley-events","seq":9}')
    assert client.held == 1
    frozen(False)
    await writer.flush()
    assert len({*replies, writer._flight.reply}) == 4
    assert all(len(reply.removeprefix(f"{writer._flight.inbox}.")) == 16 for reply in replies)
