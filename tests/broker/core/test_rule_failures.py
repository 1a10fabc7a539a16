"""A rule that breaks off half-way: its entry is refused, the others count, and every broker comes to the same."""

import asyncio

import pytest

from broker.core import rules
from broker.core.asked import Anywhere
from broker.core.machine import Core, RuleFailed
from broker.core.state import Peer
from broker.replica import Replica
from broker.settings import Settings
from broker.storage.stream import EventLog
from shared.contract.events import RoomCreateRequest
from shared.envelopes import subjects
from shared.envelopes.deliveries import Emit, Parcel
from shared.envelopes.entries import Authenticated, Batch, Entry, GatewayUp, Said, pack_batch, unpack_batch
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process import world as around
from shared.process.logs import where
from tests.broker.invariants import check, plain
from tests.broker.world import World
from tests.system.rig.waiting import until

SECRET = "what-the-client-said"


@pytest.fixture(autouse=True)
def broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Creating a room named "broken" fails when the room is half made, and something has been said."""
    create = rules.RULES["room-create-request"]

    def half(core: Core, peer: Peer, asked: Anywhere[RoomCreateRequest]) -> None:
        create(core, peer, asked)
        if asked.room_name == "broken":
            core.state.rooms["broken"].members.clear()
            raise KeyError(SECRET)

    monkeypatch.setitem(rules.RULES, "room-create-request", half)


def world_up_to_the_failure() -> tuple[World, RuleFailed]:
    world = World()
    peer = world.peer()
    said = [peer.said("room-create-request", name, ack=ack) for ack, name in enumerate(("a", "broken", "b"))]
    with pytest.raises(RuleFailed) as raised:
        peer.gateway.send(*said)
    return world, raised.value


def read(world: World, core: Core) -> list[tuple[str, Parcel]]:
    """Let a core read the log of a world."""
    found = []
    for message in world.log:
        found += core.apply(message.position, message.time, unpack_batch(message.data)).parcels
    return found


def test_a_rule_that_fails_says_where_and_the_core_is_given_up() -> None:
    world, failure = world_up_to_the_failure()
    assert failure.place == (len(world.log), 1)
    told = where(failure.__cause__)
    assert told.startswith("KeyError < half (")
    assert SECRET not in told


def test_a_core_that_knows_refuses_the_entry_and_takes_the_others() -> None:
    world, failure = world_up_to_the_failure()
    core = Core(world.core.limits, failed=frozenset([failure.place]))
    parcels = read(world, core)
    check(core.state, core.limits)
    assert list(core.state.rooms) == ["a", "b"]
    [frames] = [
        [delivery.frame for delivery in parcel.deliveries if isinstance(delivery, Emit)]
        for _, parcel in parcels
        if parcel.position == len(world.log)
    ]
    assert [frame.partition(b",")[0] for frame in frames if frame.startswith(b"42")] == [
        b'42["room-create-accept"',
        b'42["room-create-reject"',
        b'42["room-create-accept"',
    ]
    assert sum(b'"ok":false' in frame for frame in frames) == 1


def test_one_that_began_later_and_one_that_failed_there_come_to_the_same() -> None:
    world, failure = world_up_to_the_failure()
    failed, fresh = (Core(world.core.limits, failed=frozenset([failure.place])) for _ in range(2))
    assert read(world, failed) == read(world, fresh)
    assert plain(failed.state) == plain(fresh.state)


async def test_a_broker_goes_on_without_the_entry(nc: Client, caplog: pytest.LogCaptureFixture) -> None:
    event_log = EventLog(nc, Settings(), around.World())
    await event_log.open()
    up: list[Entry] = [GatewayUp("name"), Authenticated("c", None, "app", b"", None, "", 0, b"", None)]
    said: list[Entry] = [Said("room-create-request", "c", 1, name, "", b"") for name in ("a", "broken", "b")]
    for number, entries in enumerate((up, said), 1):
        data = pack_batch(Batch("g1", number, entries))
        await nc.jetstream().publish(subjects.gateway_events("g1"), data)
    first = Replica(nc, Settings(), "b1", around.World())
    with pytest.raises(RuleFailed) as raised:
        await first.run()
    second = Replica(nc, Settings(), "b1", around.World(), frozenset([raised.value.place]))
    serving = asyncio.create_task(second.run())
    try:
        await until(lambda: list(second.core.state.rooms) == ["a", "b"], "it has read the log")
        await until(lambda: second._lease.held, "it speaks")
        data = pack_batch(Batch("g1", 3, [Said("room-create-request", "c", 1, "broken", "", b"")]))
        await nc.jetstream().publish(subjects.gateway_events("g1"), data)
        with pytest.raises(ExceptionGroup) as group:
            await asyncio.wait_for(serving, 10)
        assert group.group_contains(RuleFailed)
    finally:
        await end(serving)
    assert SECRET not in caplog.text
