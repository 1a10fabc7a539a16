"""A broker that cannot read the log: NATS is not there yet, or nothing of the log arrives any more."""

import aiohttp
import nats

from shared.envelopes import subjects
from tests.chaos.conftest import StartCompany
from tests.chaos.rig.company import id_of, numbers, relay, relayed
from tests.chaos.rig.faults import all_ready
from tests.chaos.rig.story import OK
from tests.system.rig.harness import System
from tests.system.rig.process import probe
from tests.system.rig.waiting import until


async def pause_reading(system: System) -> None:
    """Let those who read the log hear that it is there, and nothing of it, as an operator can."""
    nc = await nats.connect(f"nats://127.0.0.1:{system.nats_port}")
    js = nc.jetstream()
    readers = await js.consumers_info(subjects.EVENT_STREAM)
    assert len(readers) == len(system.brokers)
    for reader in readers:
        await js.pause_consumer(subjects.EVENT_STREAM, reader.name, "2100-01-01T00:00:00Z")
    await nc.close()


async def test_a_broker_that_starts_while_nats_is_away_waits_and_then_serves(start_company: StartCompany) -> None:
    company = await start_company(gateways=1)
    ann, ben = await company.visitor(0), await company.visitor(0)
    room = await company.room(ann, ben)
    broker, server = company.system.brokers[0], company.system.nats
    await broker.kill()
    await server.kill()
    waiting = broker.text().count("cannot be reached, trying on")
    broker.start()
    await until(lambda: broker.text().count("cannot be reached, trying on") > waiting, "it looks for NATS")
    async with aiohttp.ClientSession() as http:
        assert await probe(http, f"{broker.url}/readyz") == 503
    ann.send("relay-session-description", room, id_of(ben), session_description="offer")
    server.start()
    await all_ready(company.system)
    await until(ann.all_answered, "what was said meanwhile is answered")
    assert await relay(ann, ben, room) == OK
    await until(lambda: relayed(ben) == numbers(ann.story), "all relays have arrived")
    assert await company.faults() == []


async def test_a_broker_whose_consumer_delivers_nothing_reads_without_it_until_it_has_another(
    start_company: StartCompany,
) -> None:
    company = await start_company(gateways=1)
    ann, ben = await company.visitor(0), await company.visitor(0)
    room = await company.room(ann, ben)
    broker = company.system.brokers[0]
    await pause_reading(company.system)
    for _ in range(3):
        assert await relay(ann, ben, room) == OK
    await until(lambda: relayed(ben) == numbers(ann.story), "relays arrive all the same")
    assert "ReadingStopped" not in broker.text()
    await until(lambda: "trying again: ReadingStopped" in broker.text(), "it has another consumer", within=30)
    await all_ready(company.system)
    assert await relay(ann, ben, room) == OK
    await until(lambda: relayed(ben) == numbers(ann.story), "all relays have arrived")
    assert ann.here
    assert ben.here
    assert await company.faults() == []
