"""Snapshots, a log that is trimmed before them, and what happens when there is no good one."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from broker.__main__ import TOO_OLD
from broker.core.state import Member, Peer, Room, State
from broker.core.table import Table
from broker.storage.encoding import encode
from tests.chaos.conftest import StartCompany
from tests.chaos.rig.company import Company, id_of, relay
from tests.chaos.rig.faults import all_ready
from tests.chaos.rig.store import Store, of_format
from tests.chaos.rig.story import OK
from tests.system.rig.waiting import until

OFTEN = {"SNAPSHOT_INTERVAL": "0.5"}
PEERS = 50_000
STALL = 0.05  # seconds


async def start_broker_again(company: Company) -> str:
    """Kill the broker and start it; returns what it logged since."""
    broker = company.system.brokers[0]
    await broker.kill()
    before = len(broker.text())
    broker.start()
    await all_ready(company.system)
    return broker.text()[before:]


async def make_junk(store: Store, name: str) -> None:
    await store.write(name, b"junk")


async def make_too_old(store: Store, name: str) -> None:
    await store.write(name, of_format(await store.read(name), 1))


async def make_missing(store: Store, name: str) -> None:
    await store.delete(name)


async def test_a_broker_goes_on_from_a_snapshot(start_company: StartCompany) -> None:
    company = await start_company(gateways=1, settings=OFTEN)
    ann, ben, cas = [await company.visitor(0) for _ in range(3)]
    room = await company.room(ann, ben)
    await company.ask(ann, cas, room)
    async with Store(company.system) as store:
        first = await store.snapshot_of_all()
        assert await relay(ann, ben, room) == OK
        assert await store.snapshot_of_all() > first
        await store.cut(first)
        await make_junk(store, (await store.snapshots())[-1])
    said = await start_broker_again(company)
    assert f"state restored position={first}" in said
    assert await ann.call("room-join-accept", room, id_of(cas)) == OK
    await until(lambda: room in cas.rooms, "the pending request was still known")
    assert all(member.here for member in (ann, ben, cas))
    assert await company.faults() == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (make_junk, "is skipped: BadSnapshot it is damaged"),
        (make_too_old, "is skipped: BadSnapshot it has format 1"),
        (make_missing, "starting afresh"),
    ],
    ids=["damaged", "of a format that is read no more", "missing"],
)
async def test_without_a_good_snapshot_all_begins_afresh(
    start_company: StartCompany, damage: Callable[[Store, str], Awaitable[None]], words: str
) -> None:
    company = await start_company(gateways=1, settings=OFTEN)
    ann, ben = await company.visitor(0), await company.visitor(0)
    await company.room(ann, ben)
    lines = [ann.line, ben.line]
    async with Store(company.system) as store:
        await store.cut(await store.snapshot_of_all())
        for name in await store.snapshots():
            await damage(store, name)
    said = await start_broker_again(company)
    assert words in said
    assert "starting afresh, clients will reconnect" in said
    await until(lambda: all(line and line.down.is_set() for line in lines), "clients are told to start afresh")
    for visitor in (ann, ben):
        assert await company.come(visitor, 0)
        assert len(visitor.stories) == 2
    assert await relay(ann, ben, await company.room(ann, ben)) == OK


async def test_a_snapshot_of_a_later_release_ends_the_broker_rather_than_all_rooms(start_company: StartCompany) -> None:
    company = await start_company(gateways=1, settings=OFTEN)
    ann, ben = await company.visitor(0), await company.visitor(0)
    room = await company.room(ann, ben)
    [broker] = company.system.brokers
    async with Store(company.system) as store:
        await store.cut(await store.snapshot_of_all())
        await broker.kill()
        snapshots = {name: await store.read(name) for name in await store.snapshots()}
        for name, data in snapshots.items():
            await store.write(name, of_format(data, 999))
        broker.start()
        assert await broker.exit_code() == TOO_OLD
        assert "a snapshot has format 999" in broker.text()
        assert "giving up" not in broker.text()
        for name, data in snapshots.items():
            await store.write(name, data)
    broker.start()
    await all_ready(company.system)
    assert await relay(ann, ben, room) == OK
    assert await company.faults() == []


async def test_a_snapshot_of_many_peers_does_not_hold_up_the_broker() -> None:
    peers = {str(n): Peer(str(n), "app", f"conn-{n}", "gateway", b'{"name":"x"}' * 8, True) for n in range(PEERS)}
    members = [list(peers)[start : start + 4] for start in range(0, PEERS, 4)]
    rooms = {four[0]: Room(four[0], four[0], four[0], 0.0, dict.fromkeys(four, Member(0.0))) for four in members}
    conns = {peer.conn: peer.peer_id for peer in peers.values()}
    state = State(peers=Table(peers), conns=conns, rooms=Table(rooms))
    stalls: list[float] = []

    async def watch() -> None:
        # this thread's own time: how busy the machine is with other things does not count
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            before, last = time.thread_time(), before
            stalls.append(before - last)

    watching = asyncio.create_task(watch())
    assert len((await encode("log", state)).whole) > PEERS * 100
    await asyncio.sleep(0)
    watching.cancel()
    assert max(stalls) < STALL
