"""The power is cut: NATS comes back without the newest part of the log, which it had not synced."""


import pytest

from tests.chaos.conftest import StartCompany
from tests.chaos.rig.company import Company, id_of, relay, relayed
from tests.chaos.rig.disk import Disk
from tests.chaos.rig.faults import all_ready, speaker
from tests.chaos.rig.store import Store
from tests.chaos.rig.story import OK
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.process import Process
from tests.system.rig.waiting import until

SETTINGS = {"SNAPSHOT_INTERVAL": "1"}
WITHIN = 30.0  # seconds in which all are served again


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
    for _ in range(3):
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
@pytest.mark.parametrize("lost", [1, 8])
async def test_clients_start_afresh_when_nats_has_lost_what_they_were_told(
    start_company: StartCompany, lost: int, dies: list[str]
) -> None:
    company = await start_company(gateways=2, brokers=2, settings=SETTINGS)
    system = company.system
    ann, ben, room = await couple(company)
    await both_ways(ann, ben, room)
    async with Store(system) as store:
        await store.snapshot_of_all()
        disk, kept = Disk(system.nats, system.folder / "nats-store"), await store.last()
        await disk.sync()
        for _ in range(lost):
            assert await relay(ann, ben, room) == OK
            assert await relay(ben, ann, room) == OK
        await store.snapshot_of_all()
        assert await store.last() >= kept + 2 * lost
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
