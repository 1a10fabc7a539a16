import asyncio
import itertools
import signal
import time

import pytest

from broker import replica as replica_module
from broker.core.state import State
from broker.doubts import PASSED_OVER
from broker.replica import Replica
from broker.server import Broker
from broker.settings import Settings
from broker.speaking.lease import Lease
from broker.speaking.log_clock import LogClock
from broker.speaking.speaker import Speaker
from broker.storage import retention
from broker.storage.extent import Extent
from broker.storage.stream import EventLog, Stored
from shared.contract.locks import lock_of
from shared.envelopes import subjects
from shared.envelopes.deliveries import Parcel
from shared.envelopes.entries import (
    AppIssued,
    AppRevoked,
    Authenticated,
    Batch,
    Closed,
    Entry,
    GatewayUp,
    Speaking,
    pack_batch,
)
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process.world import World
from tests.broker.invariants import plain
from tests.chaos.rig.proxy import Proxy
from tests.nats_server import NatsServer
from tests.system.rig.ports import free_port
from tests.system.rig.waiting import until

Parcels = list[tuple[str, Parcel]]


@pytest.fixture
def spoken() -> list[Parcels]:
    return []


@pytest.fixture
def replica(nc: Client, spoken: list[Parcels], monkeypatch: pytest.MonkeyPatch) -> Replica:
    """One that has nothing read yet, and whose speaker is heard by the test alone."""
    replica = Replica(nc, Settings(), "b1", World())
    replica._speaker = Speaker(
        nc, replica._log, replica.core, replica._lease, replica._watch, LogClock(), "b1", World()
    )
    monkeypatch.setattr(replica._speaker, "publish", spoken.append)
    return replica


@pytest.fixture
def event_log(nc: Client) -> EventLog:
    return EventLog(nc, Settings(), World())


def stored(position: int, entry: Entry) -> Stored:
    if isinstance(entry, GatewayUp):
        return Stored(position, 0.0, 0, subjects.gateway_events("g1"), pack_batch(Batch("g1", 1, [entry])))
    return Stored(position, 0.0, 0, subjects.BROKER_EVENTS, pack_batch(Batch("b1", 0, [entry])))


def test_what_was_applied_before_is_passed_over(replica: Replica, spoken: list[Parcels]) -> None:
    replica._on_stored(stored(1, AppIssued("app", 7)))
    replica._on_stored(stored(1, AppIssued("app", 8)))
    assert replica.core.state.apps["app"].issued == 7
    assert len(spoken) == 1


def test_a_message_that_cannot_be_read_is_passed_over(replica: Replica, caplog: pytest.LogCaptureFixture) -> None:
    replica._on_stored(Stored(1, 0.0, 0, subjects.BROKER_EVENTS, b"junk"))
    replica._on_stored(stored(2, AppIssued("app", 7)))
    assert replica.core.state.position == 2
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_what_was_said_last_does_not_stay_in_a_log_to_which_nothing_is_said(
    nc: Client, event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "HISTORY_SECONDS", 0.2)
    replica = Replica(nc, Settings(snapshot_interval=0.1), "b1", World())
    await event_log.open()
    await event_log.append("b", [AppIssued("app", 7)])
    await nc.jetstream().publish(subjects.gateway_events("g1"), pack_batch(Batch("g1", 1, [GatewayUp("name")])))
    serving = asyncio.create_task(replica.run())
    try:
        async with asyncio.timeout(20):
            while (await event_log.extent()).first <= 2:
                await asyncio.sleep(0.05)
        quiet, renewed = replica.core.state.position, replica._lease._revision
        # twice renewed, the lease is a second older: ten times the interval
        await until(lambda: replica._lease._revision >= renewed + 2, "time has passed")
        assert replica.core.state.position <= quiet + 1  # nothing is added once there is nothing left to trim
    finally:
        await end(serving)


async def test_a_snapshot_is_taken_early_when_the_log_grows_fast(nc: Client, event_log: EventLog) -> None:
    replica = Replica(nc, Settings(snapshot_interval=3600, log_max_bytes=20_000_000), "b1", World())
    serving = asyncio.create_task(replica.run())
    try:
        await until(lambda: replica._lease.held, "it has the lease")
        for _ in range(2):
            await event_log.append("b" * 900_000, [AppIssued("app", 7)])
        written = (await event_log.extent()).last
        await until(lambda: replica._reader.seen.last >= written, "it has seen how large the log is")
        renewed = replica._lease._revision
        # twice renewed, the lease is a second older: it was looked again whether a snapshot is due
        await until(lambda: replica._lease._revision >= renewed + 2, "time has passed")
        assert replica._snapshots.taken_at == 0
        for _ in range(2):
            await event_log.append("b" * 900_000, [AppIssued("app", 7)])
        await until(lambda: replica._snapshots.taken_at > 0, "a snapshot is taken")
    finally:
        await end(serving)


async def test_brokers_that_begin_with_a_part_of_the_log_agree_whenever_they_do(
    nc: Client, event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_nobodys(_: Lease) -> bool:
        return False

    monkeypatch.setattr(Lease, "is_anothers", is_nobodys)  # as for one that begins just before the other speaks
    js = nc.jetstream()
    await event_log.open()
    for number in (1, 2):
        arrived = Authenticated(f"s{number}", None, "app", b"", True, "", 0, b"", None)
        await js.publish(
            subjects.gateway_events(f"g{number}"), pack_batch(Batch(f"g{number}", 1, [GatewayUp("name"), arrived]))
        )
    await event_log.trim(2)
    first = Replica(nc, Settings(), "b1", World())
    running = [asyncio.create_task(first.run())]
    try:
        await until(lambda: first.core.state.term > 0, "it speaks")
        await until(lambda: not first.core.state.gateways, "it has parted with those whom it knew")
        came = await js.publish(subjects.gateway_events("g3"), pack_batch(Batch("g3", 1, [GatewayUp("name")])))
        second = Replica(nc, Settings(), "b2", World())
        running.append(asyncio.create_task(second.run()))
        await until(lambda: second.core.state.position >= came.seq, "the other one has read all")
        await until(lambda: first.core.state.position == second.core.state.position, "both are as far")
        assert plain(first.core.state) == plain(second.core.state)
        assert first.core.state.gateways.keys() == {"g3"}
        assert not first.core.state.peers
    finally:
        await end(*running)


async def test_one_without_a_good_snapshot_waits_for_that_of_a_broker_that_has_the_rooms(
    nc: Client, nats_server: NatsServer, event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would write one of its void state as soon as it stands by, which every broker would take up from then on."""
    settings = Settings(snapshot_interval=0.5)
    other = await nats_server.client()
    first, second = Replica(nc, settings, "b1", World()), Replica(other, settings, "b2", World())
    load, failures = second._snapshots.load, itertools.count()

    async def fail_first(extent: Extent) -> tuple[State | None, State | None]:
        return (None, None) if next(failures) < 2 else await load(extent)

    monkeypatch.setattr(second._snapshots, "load", fail_first)
    running = [asyncio.create_task(first.run())]
    try:
        await until(lambda: first.core.state.term > 0, "it speaks")
        arrived = Authenticated("s1", None, "app", b"", True, "", 0, b"", None)
        came = await nc.jetstream().publish(
            subjects.gateway_events("g1"), pack_batch(Batch("g1", 1, [GatewayUp("name"), arrived]))
        )
        await until(lambda: first._snapshots._newest >= came.seq, "it has written a snapshot")
        await event_log.trim(came.seq + 1)
        running.append(asyncio.create_task(second.run()))
        await until(lambda: second._caught_up, "the other one has begun")
        newest = second.core.state.position
        await until(lambda: second._snapshots._newest > newest, "there is a newer snapshot")
        for replica in (first, second):
            assert replica.core.state.peers.keys() == {"s1"}
        _, found = await load(await event_log.extent())
        assert found is not None
        assert found.peers.keys() == {"s1"}
    finally:
        await end(*running)
        await other.close()


async def test_one_that_was_away_while_the_log_was_trimmed_begins_again(
    nc: Client, nats_server: NatsServer, event_log: EventLog
) -> None:
    proxy = Proxy(free_port(), nats_server.port)
    settings = Settings(snapshot_interval=0.5)
    first, second = Broker(settings, World()), Broker(settings, World())
    other = Client()

    async def on_disconnect() -> None:
        second.on_disconnect()

    await proxy.mend()
    await other.connect(
        f"nats://127.0.0.1:{proxy.port}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.05,  # type: ignore[arg-type]
        disconnected_cb=on_disconnect,
        reconnected_cb=second.on_reconnect,
    )
    running = [asyncio.create_task(first.serve(nc))]
    try:
        await until(lambda: state_of(first).term > 0, "one speaks")
        running.append(asyncio.create_task(second.serve(other)))
        await until(lambda: second.replica is not None and not second.replica.missing, "the other one stands by")
        await proxy.cut()
        arrived = Authenticated("s1", None, "app", b"", True, "", 0, b"", None)
        came = await nc.jetstream().publish(
            subjects.gateway_events("g1"), pack_batch(Batch("g1", 1, [GatewayUp("name"), arrived]))
        )
        assert first.replica is not None
        await until(lambda: first.replica._snapshots._newest >= came.seq, "there is a snapshot")  # type: ignore[union-attr]
        await event_log.trim(came.seq + 1)
        newest = await event_log.append("b", [AppIssued("app", 7)])
        await proxy.mend()
        await until(lambda: state_of(second).position >= newest, "the other one has read on")
        assert state_of(second).peers.keys() == {"s1"}
        await until(lambda: state_of(first).position == state_of(second).position, "both are as far")
        assert plain(state_of(first)) == plain(state_of(second))
    finally:
        await end(*running)
        await other.close()
        await proxy.cut()


async def test_a_message_that_somebody_has_deleted_holds_nobody_up(nc: Client, event_log: EventLog) -> None:
    replica = Replica(nc, Settings(), "b1", World())
    await event_log.open()
    for issued in range(1, 4):
        await event_log.append("b", [AppIssued("app", issued)])
    await nc.jetstream().delete_msg(subjects.EVENT_STREAM, 2)
    running = asyncio.create_task(replica.run())
    try:
        await until(lambda: replica.core.state.term > 0, "it speaks")
        assert replica.core.state.apps["app"].issued == 3
    finally:
        await end(running)


def state_of(broker: Broker) -> State:
    return broker.replica.core.state if broker.replica is not None else State()


async def test_a_log_of_the_version_before_with_a_term_that_cannot_be_holds_nobody_up(nc: Client) -> None:
    js = nc.jetstream()
    await js.add_stream(name=subjects.EVENT_STREAM, subjects=[subjects.OLD_EVENTS], metadata={"parley-log-id": "old"})
    for entry in (AppIssued("app", 7), Speaking(3), Speaking(2**64 - 1), Speaking(2**53)):
        await js.publish(subjects.OLD_EVENTS, pack_batch(Batch("b0", 0, [entry])))
    await js.publish(subjects.OLD_EVENTS, pack_batch(Batch("g1", 1, [GatewayUp("of the version before")])))
    replica = Replica(nc, Settings(), "b1", World())
    serving = asyncio.create_task(replica.run())
    try:
        await until(lambda: replica.core.state.told_apart, "it speaks, under the brokers' own subject")
        assert replica.core.state.term == 4
        assert replica.core.state.apps["app"].issued == 7
        assert "g1" in replica.core.state.gateways
        await js.publish(subjects.OLD_EVENTS, pack_batch(Batch("b0", 0, [AppIssued("app", 8)])))
        last = await js.publish(subjects.OLD_EVENTS, pack_batch(Batch("g1", 2, [])))
        await until(lambda: replica.core.state.position >= last.seq, "it has read this")
        assert replica.core.state.apps["app"].issued == 7
        assert replica.core.state.gateways["g1"].batch == 2
    finally:
        await end(serving)


def test_what_a_gateway_may_not_say_is_passed_over_counted_and_told_now_and_then(
    replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    before = PASSED_OVER._value.get()
    replica._on_stored(stored(1, GatewayUp("name")))
    for position in range(2, 8):
        data = pack_batch(Batch("g1", position, [AppRevoked("everybody's", 7)]))
        replica._on_stored(Stored(position, 0.0, 0, subjects.gateway_events("g1"), data))
    foreign = pack_batch(Batch("b1", 0, [Speaking(2**52)]))
    replica._on_stored(Stored(8, 0.0, 0, subjects.BROKER_EVENTS, foreign))
    assert (replica.core.state.position, replica.core.state.apps, replica.core.state.term) == (8, {}, 0)
    assert PASSED_OVER._value.get() - before == 7
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "everybody" not in caplog.text


DAYS = 3 * 86400.0


@pytest.mark.parametrize("ahead", [-DAYS, -20.0, DAYS])
async def test_a_place_ends_in_time_however_wrong_the_clock_of_the_broker_is(
    nc: Client, event_log: EventLog, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + ahead)
    replica = Replica(nc, Settings(resume_for=1.0, gateway_timeout=60.0), "b1", World())
    serving = asyncio.create_task(replica.run())
    try:
        await until(lambda: replica.core.state.term, "it speaks")
        shown = Authenticated("c1", None, "app", b"{}", True, "", 0, b"", None, lock_of("key"))
        entries: list[Entry] = [GatewayUp("name"), shown, Closed("c1", 0, "lost", False)]
        await nc.jetstream().publish(subjects.gateway_events("g1"), pack_batch(Batch("g1", 1, entries)))
        await until(lambda: replica.core.state.absent, "the place is kept")
        await until(lambda: not replica.core.state.peers, "the place is lost", within=5)
        # level and limits were agreed on, and it was told that time had passed once, when it had
        assert (await event_log.extent()).last <= 4
    finally:
        await end(serving)


async def test_it_is_not_ready_when_nats_has_been_gone_for_some_seconds(
    nc: Client, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_module, "SILENCE", 1.5)
    replica = Replica(nc, Settings(), "b1", World())
    assert replica.missing == {"log": "has not been read to its end"}
    serving = asyncio.create_task(replica.run())
    try:
        await until(lambda: not replica.missing, "it is ready")
        await nats_server.kill()
        await until(lambda: replica.missing == {"nats": "cannot be reached"}, "it says that NATS is gone")
        await nats_server.start()
        await until(lambda: not replica.missing, "it is ready again")
        nats_server.process.signal(signal.SIGSTOP)
        await until(lambda: replica.missing, "it says that NATS does not answer")
        nats_server.process.signal(signal.SIGCONT)
        await until(lambda: not replica.missing, "it is ready again")
    finally:
        await end(serving)
