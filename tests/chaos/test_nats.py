"""The NATS server is killed and comes back; or one of three; or it comes back empty."""

import shutil
import signal
import time
from pathlib import Path

from tests.chaos.conftest import StartCompany
from tests.chaos.rig.cluster import Cluster
from tests.chaos.rig.company import id_of, numbers, relay, relayed, seconds_until_served
from tests.chaos.rig.faults import all_ready
from tests.chaos.rig.story import OK
from tests.chaos.rig.trickle import Trickle, longest_pause
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.waiting import until

AWAY = 5.0  # seconds
# Seconds. Three NATS servers take 4 to 9 to see that a leader was killed and to elect another one; there is no setting.
ELECTION = 12.0


def answers(visitor: Visitor) -> list[str]:
    """The answers that have come to what this peer relayed."""
    visitor.collect_answers()
    return [sent.answer for sent in visitor.story.sent() if sent.event == "relay-session-description" and sent.answer]


async def test_nats_is_killed_and_comes_back(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=2, settings={"MAX_HELD": "65536"})
    ann, ben = await company.visitor(0), await company.visitor(1)
    room, nats = await company.room(ann, ben), company.system.nats
    assert await relay(ann, ben, room) == OK
    await nats.kill()
    killed = time.monotonic()
    for _ in range(6):
        ann.send("relay-session-description", room, id_of(ben), session_description="x" * 20_000)
    await until(lambda: len(answers(ann)) == 4, "what exceeds the bound is refused")
    assert answers(ann) == [OK, *["unavailable"] * 3]
    await until(lambda: time.monotonic() - killed > AWAY, "NATS was away long enough")
    nats.start()
    started = time.monotonic()
    await until(ann.all_answered, "what was held is answered")
    assert time.monotonic() - started < 5
    assert answers(ann).count(OK) == 4
    await until(lambda: len(relayed(ben)) == 4, "what was held has arrived")
    assert relayed(ben) == numbers(ann.story)[:4]
    assert await relay(ann, ben, room) == OK
    assert ann.here
    assert ben.here
    assert await company.faults() == []


async def test_nats_is_held_up_for_longer_than_a_gateway_may_be_silent(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=1)
    ann, ben = await company.visitor(0, resumable=False), await company.visitor(1, resumable=False)
    room, nats = await company.room(ann, ben), company.system.nats
    nats.signal(signal.SIGSTOP)  # as when its disk or its machine stands still
    stopped = time.monotonic()
    await until(lambda: time.monotonic() - stopped > AWAY, "NATS stood still for long enough")
    nats.signal(signal.SIGCONT)
    assert await seconds_until_served(ann, ben, room) < 5
    assert not any("gateway lost" in broker.text() for broker in company.system.brokers)
    assert ann.here
    assert ben.here
    assert await company.faults() == []


async def test_nats_comes_back_empty(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=2)
    ann, ben = await company.visitor(0), await company.visitor(1)
    await company.room(ann, ben)
    nats, lines = company.system.nats, [ann.line, ben.line]
    await nats.kill()
    shutil.rmtree(company.system.folder / "nats-store")
    nats.start()
    await until(lambda: all(line and line.down.is_set() for line in lines), "clients are told to start afresh", 15)
    await all_ready(company.system)
    assert any("starting afresh" in broker.text() for broker in company.system.brokers)
    for number, visitor in enumerate((ann, ben)):
        assert await company.come(visitor, number)
        assert len(visitor.stories) == 2
    room = await company.room(ann, ben)
    assert await relay(ann, ben, room) == OK


async def test_one_of_three_is_killed_at_a_time(start_company: StartCompany, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, gateways=2, brokers=2)
    company = await start_company(cluster)
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    async with Trickle(ann, ben, room) as trickle:
        for node in cluster.nodes:
            await node.kill()
            await trickle.served_since(time.monotonic(), within=ELECTION)
            node.start()
            await all_ready(cluster)
            await trickle.served_since(time.monotonic(), within=ELECTION)
    assert longest_pause(trickle.served) < ELECTION
    await until(ann.all_answered, "all are answered")
    await until(lambda: relayed(ben) == numbers(ann.story), "all relays, in order, and once")
    assert ann.here
    assert ben.here
    assert await company.faults() == []


async def test_the_server_that_the_broker_reads_from_is_killed_and_none_can_be_named_to_take_its_place(
    start_company: StartCompany, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, gateways=2, brokers=1)
    company = await start_company(cluster)
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    if await cluster.leading_node() is await cluster.deciding_node():
        await cluster.move_log()
    broker = cluster.brokers[0]
    while (reading := await cluster.reading_node()) is not await cluster.deciding_node():  # NATS chooses at random
        await broker.stop()
        broker.start()
        await all_ready(cluster)
    async with Trickle(ann, ben, room) as trickle:
        await trickle.served_since(time.monotonic(), within=ELECTION)
        killed = time.monotonic()
        await reading.kill()
        await until(lambda: trickle.served[-1] - killed > ELECTION, "service goes on", within=2 * ELECTION)
    assert longest_pause(trickle.served, since=killed) < 5
    await until(ann.all_answered, "all are answered")
    await until(lambda: relayed(ben) == numbers(ann.story), "all relays, in order, and once")
    assert await company.faults() == []
