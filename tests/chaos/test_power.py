"""The power is cut: NATS comes back without the newest part of the log, which it had not synced."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.chaos.conftest import StartCompany
from tests.chaos.rig.cluster import Cluster
from tests.chaos.rig.company import Company, id_of, numbers, relay, relayed
from tests.chaos.rig.disk import Disk
from tests.chaos.rig.faults import all_ready, speaker
from tests.chaos.rig.store import Store
from tests.chaos.rig.story import OK
from tests.chaos.rig.trickle import Trickle
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.harness import System
from tests.system.rig.process import Process
from tests.system.rig.waiting import until

SETTINGS = {"SNAPSHOT_INTERVAL": "1"}
WITHIN = 30.0  # seconds in which all are served again
ELECTION = 15.0  # seconds; three NATS servers take up to 9 to elect another leader
ADMIN_TOKEN = "an operator's token for tests, long enough"


async def apps(system: System, method: str = "GET", path: str = "") -> dict[str, Any]:
    """What an operator's call about apps is answered; empty as long as no broker answers."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    url = f"{system.auth.url}/admin/apps{path}"
    async with aiohttp.ClientSession(headers=headers) as http, http.request(method, url) as answer:
        return dict((await answer.json())["response"] or {})


async def couple(company: Company) -> tuple[Visitor, Visitor, str]:
    """Two on two gateways who have a room, and will always come back."""
    ann, ben = await company.visitor(0), await company.visitor(1)
    return ann, ben, await company.room(ann, ben)


async def both_ways(one: Visitor, other: Visitor, room: str, times: int = 3) -> None:
    """Everything that is acknowledged arrives."""
    for sender, receiver in ((one, other), (other, one)):
        before = len(relayed(receiver))
        for _ in range(times):
            assert await relay(sender, receiver, room) == OK
        await until(lambda: len(relayed(receiver)) == before + times, "all have arrived")  # noqa: B023


async def quiet(store: Store) -> None:
    """Return when nothing comes into the log any more: all gateways have said how far they are."""
    last = 0
    while last != (now := await store.last()):
        last = now
        await asyncio.sleep(3)


async def start_again(company: Company, *processes: Process) -> None:
    for process in processes:
        process.start()
    await all_ready(company.system)


async def come_back(company: Company, *visitors: Visitor) -> None:
    """Those who were sent away come back, as whoever they are then."""
    await until(lambda: all(v.line and v.line.down.is_set() for v in visitors), "they are sent away", WITHIN)
    for number, visitor in enumerate(visitors):
        assert await company.come(visitor, number)


async def all_brokers_say_the_same(company: Company, one: Visitor, other: Visitor, room: str) -> None:
    """Whoever speaks, and whether it has read all or a snapshot, the room is the same and relays arrive."""
    for _ in range(2):
        await both_ways(one, other, room)
        fallen = speaker(company.system)
        await fallen.kill()
        await both_ways(one, other, room)
        fallen.start()
        await all_ready(company.system)
    for visitor in (one, other):
        views = dict(visitor.rooms)
        before = len(visitor.story.entries)
        await visitor.call("room-join-request", room)  # answered with the room, since it is in there
        told = [got.view for got in visitor.story.got("room-join-accept") if got in visitor.story.entries[before:]]
        assert told == [views[room]]


@pytest.mark.parametrize("dies", [[], ["speaker"], ["speaker", "standby"]], ids=["nobody", "the speaker", "brokers"])
async def test_clients_start_afresh_when_nats_has_lost_what_they_were_told(
    start_company: StartCompany, dies: list[str]
) -> None:
    company = await start_company(gateways=2, brokers=2, settings=SETTINGS)
    system = company.system
    ann, ben, room = await couple(company)
    await both_ways(ann, ben, room)
    async with Store(system) as store:
        await store.snapshot_of_all()
        disk, kept = Disk(system.nats, system.folder / "nats-store"), await store.last()
        await disk.sync()
        assert await relay(ann, ben, room) == OK
        assert await relay(ben, ann, room) == OK
        await store.snapshot_of_all()
        assert await store.last() >= kept + 2
    fallen = [speaker(system)] if dies == ["speaker"] else system.brokers if dies else []
    for broker in fallen:
        await broker.kill()
    await disk.cut_power()
    for _ in range(20):  # they wait, and fill the log again before anybody has looked at it
        ann.send("relay-session-description", room, id_of(ben), session_description="late")
        ben.send("relay-session-description", room, id_of(ann), session_description="late")
    await start_again(company, system.nats, *fallen)
    await come_back(company, ann, ben)
    assert [len(visitor.stories) for visitor in (ann, ben)] == [2, 2]
    room = await company.room(ann, ben)
    await all_brokers_say_the_same(company, ann, ben, room)


async def test_clients_of_a_gateway_that_knows_nothing_of_what_was_lost_stay(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=2, settings=SETTINGS)
    system = company.system
    ann, ben = await company.visitor(0), await company.visitor(0)
    room = await company.room(ann, ben)
    cas, dan = await company.visitor(1), await company.visitor(1)
    elsewhere = await company.room(cas, dan)
    async with Store(system) as store:
        await quiet(store)
        disk = Disk(system.nats, system.folder / "nats-store")
        await disk.sync()
        assert await relay(cas, dan, elsewhere) == OK
    await disk.cut_power()
    ann.send("relay-session-description", room, id_of(ben), session_description="late")
    await start_again(company, system.nats)
    await come_back(company, cas, dan)
    await until(ann.all_answered, "what was said meanwhile is answered")
    await both_ways(ann, ben, room)
    assert ann.here
    assert ben.here
    assert [len(visitor.stories) for visitor in (ann, ben, cas, dan)] == [1, 1, 2, 2]
    assert len(relayed(ben)) == 4
    assert [fault for fault in await company.faults() if id_of(ann) in fault or id_of(ben) in fault] == []


async def test_a_revocation_outlives_the_log_as_long_as_a_broker_knows_of_it(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=2, settings={"ADMIN_TOKEN": ADMIN_TOKEN})
    system = company.system
    disk = Disk(system.nats, system.folder / "nats-store")
    await disk.sync()
    assert await apps(system, "POST", "/some")
    assert await apps(system, "DELETE", "/some")
    known = await apps(system)
    assert known["some"]["revoked"] > 0
    await speaker(system).kill()
    await until(lambda: sum("speaking now" in broker.text() for broker in system.brokers) == 2, "the other one speaks")
    await disk.cut_power()
    await start_again(company, system.nats)
    async with asyncio.timeout(WITHIN):
        while await apps(system) != known:
            await asyncio.sleep(0.1)


async def test_one_of_three_servers_that_has_lost_its_end_of_the_log_gets_it_from_the_others(
    start_company: StartCompany, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, gateways=2, brokers=2, settings=SETTINGS)
    company = await start_company(cluster)
    ann, ben, room = await couple(company)
    async with Trickle(ann, ben, room) as trickle:
        for node in cluster.nodes:
            disk = Disk(node, tmp_path / node.name)
            await disk.sync()
            served = len(trickle.served)
            await until(lambda: len(trickle.served) > served + 20, "there is something to lose", WITHIN)  # noqa: B023
            await disk.cut_power()
            await trickle.served_since(time.monotonic(), within=ELECTION)
            node.start()
            await all_ready(cluster)
            await trickle.served_since(time.monotonic(), within=ELECTION)
    await until(ann.all_answered, "all are answered")
    await until(lambda: relayed(ben) == numbers(ann.story), "all relays, in order, and once")
    assert [len(visitor.stories) for visitor in (ann, ben)] == [1, 1]
    assert await company.faults() == []
    await all_brokers_say_the_same(company, ann, ben, room)


async def test_clients_start_afresh_when_all_three_servers_have_lost_what_they_were_told(
    start_company: StartCompany, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, gateways=2, brokers=2, settings=SETTINGS)
    company = await start_company(cluster)
    ann, ben, room = await couple(company)
    await both_ways(ann, ben, room)
    disks = [Disk(node, tmp_path / node.name) for node in cluster.nodes]
    for disk in disks:
        await disk.sync()
    await both_ways(ann, ben, room, times=5)
    for disk in disks:
        await disk.cut_power()
    for _ in range(20):
        ann.send("relay-session-description", room, id_of(ben), session_description="late")
    await start_again(company, *cluster.nodes)
    await come_back(company, ann, ben)
    assert [len(visitor.stories) for visitor in (ann, ben)] == [2, 2]
    room = await company.room(ann, ben)
    await all_brokers_say_the_same(company, ann, ben, room)
