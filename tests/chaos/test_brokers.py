"""Brokers are killed, ended and frozen."""

import asyncio
import signal
import time

from tests.chaos.conftest import StartCompany
from tests.chaos.rig.company import Company, id_of, numbers, relay, relayed, told
from tests.chaos.rig.faults import speaker
from tests.chaos.rig.story import OK
from tests.chaos.rig.trickle import Trickle
from tests.system.rig.waiting import until

AWAY = 10.0  # seconds
TAKING_OVER = "taking over from a speaker that is {}"


async def all_relays_arrive(company: Company, trickle: Trickle) -> None:
    """Wait for the last one, then let the checker judge."""
    await until(trickle.sender.all_answered, "all are answered")
    sent = numbers(trickle.sender.story)
    await until(lambda: relayed(trickle.receiver)[-1:] == sent[-1:], "the last relay has arrived")
    assert relayed(trickle.receiver) == sent
    assert await company.faults() == []


async def test_a_broker_that_was_away_knows_all_and_does_what_was_asked_meanwhile(start_company: StartCompany) -> None:
    company = await start_company(gateways=2)
    ann, ben, cas = await company.visitor(0), await company.visitor(1), await company.visitor(1)
    room = await company.room(ann, ben)
    await company.ask(ann, cas, room)
    broker = company.system.brokers[0]
    await broker.kill()
    away = asyncio.create_task(asyncio.sleep(AWAY))
    for _ in range(20):
        ann.send("relay-session-description", room, id_of(ben), session_description="offer")
    accepted = ann.send("room-join-accept", room, id_of(cas))
    late = ann.send("relay-session-description", room, id_of(cas), session_description="offer")
    await away
    assert not any((ann.all_answered(), relayed(ben), cas.rooms))
    broker.start()
    await told(cas, "room-join-accept", within=20, room=room)
    await until(lambda: len(relayed(ben) + relayed(cas)) == 21, "all relays have arrived")
    assert relayed(ben) + relayed(cas) == numbers(ann.story)
    await until(ann.all_answered, "all are answered")
    assert accepted is not None
    assert late is not None
    assert (accepted.answer, late.answer) == (OK, OK)
    assert cas.rooms[room].owner == id_of(ann)
    assert all(member.here for member in (ann, ben, cas))
    assert await company.faults() == []


async def test_a_standby_takes_over(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=2)
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    async with Trickle(ann, ben, room) as trickle:
        for number in (signal.SIGTERM, signal.SIGKILL):
            fallen = speaker(company.system)
            fallen.signal(number)
            await trickle.served_since(time.monotonic(), within=10)
            await fallen.exit_code()
            fallen.start()
            await fallen.ready(within=30)
    assert sum(broker.text().count(TAKING_OVER.format("gone")) for broker in company.system.brokers) == 1
    await all_relays_arrive(company, trickle)


async def test_a_frozen_speaker_is_replaced_and_wakes_up_as_a_standby(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=2)
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    async with Trickle(ann, ben, room) as trickle:
        frozen = speaker(company.system)
        frozen.signal(signal.SIGSTOP)
        await trickle.served_since(time.monotonic(), within=10)
        assert sum(broker.text().count(TAKING_OVER.format("silent")) for broker in company.system.brokers) == 1
        frozen.signal(signal.SIGCONT)
        await until(lambda: "not speaking any more" in frozen.text(), "the frozen one has noticed")
        assert speaker(company.system) is not frozen
        await trickle.served_since(time.monotonic(), within=10)
    await all_relays_arrive(company, trickle)


async def test_a_peer_comes_back_while_the_broker_is_replaced(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=2)
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    before = id_of(ann)
    await speaker(company.system).kill()
    await ann.drop()
    ben.send("relay-session-description", room, before, session_description="offer")
    assert await company.come(ann, 1)
    assert id_of(ann) == before
    await until(lambda: relayed(ann) == numbers(ben.story), "what it missed")
    assert await relay(ann, ben, room) == OK
    assert await company.faults() == []
