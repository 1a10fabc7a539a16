"""What is slow or stuck does not make memory grow without bound: in a gateway, in the log, in the broker."""

import signal

from tests.chaos.conftest import StartCompany
from tests.chaos.rig.company import id_of, relay, relayed
from tests.chaos.rig.store import Store
from tests.chaos.rig.story import OK
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.waiting import until

MIB = 1024 * 1024
LOG = 16 * MIB
HELD = 4 * MIB
DESCRIPTION = "x" * 40_000
GENEROUS = {"BYTES_PER_SECOND": "100000000", "BYTES_BURST": "100000000"}  # what a client may send plays no part here


def send(sender: Visitor, receiver: Visitor, room: str, size: int) -> None:
    """Relay so many bytes, without waiting for answers."""
    for _ in range(size // len(DESCRIPTION)):
        sender.send("relay-session-description", room, id_of(receiver), session_description=DESCRIPTION)


def answers(visitor: Visitor) -> set[str | None]:
    """All answers that this peer has had."""
    visitor.collect_answers()
    return {sent.answer for sent in visitor.story.sent()}


async def test_a_log_that_was_full_takes_events_again(start_company: StartCompany) -> None:
    settings = {"LOG_MAX_BYTES": str(LOG), "MAX_HELD": str(HELD), "SNAPSHOT_INTERVAL": "5", **GENEROUS}
    company = await start_company(gateways=2, settings=settings)
    ann, ben = await company.visitor(0), await company.visitor(1)
    room, gateway = await company.room(ann, ben), company.system.gateways[0]
    before = gateway.memory()
    async with Store(company.system) as store:
        while await store.size() < LOG - 2 * MIB:
            send(ann, ben, room, 2 * MIB)
            await until(ann.all_answered, "the log takes what there is room for")
        send(ann, ben, room, 8 * MIB)
        await until(lambda: "unavailable" in answers(ann), "what can neither be stored nor held is refused")
        await until(ann.all_answered, "there is room again", within=20)
        assert await relay(ann, ben, room) == OK
        assert await store.messages() < 10  # nothing is left of the snapshots that were deleted
    assert gateway.memory() - before < 20 * MIB
    done = [sent.number for sent in ann.story.sent() if sent.answer == OK]
    await until(lambda: relayed(ben)[-1:] == done[-1:], "the last relay has arrived")
    assert await company.faults() == []


async def test_a_stuck_gateway_costs_the_broker_little_and_those_who_send_there_wait(
    start_company: StartCompany,
) -> None:
    company = await start_company(gateways=2, settings={"GATEWAY_TIMEOUT": "60", **GENEROUS})
    ann, ben = await company.visitor(0), await company.visitor(1)
    room, stuck = await company.room(ann, ben), company.system.gateways[1]
    broker = company.system.brokers[0]
    assert await relay(ann, ben, room) == OK
    before = broker.memory()
    stuck.signal(signal.SIGSTOP)
    try:
        outcomes = [await relay(ann, ben, room, DESCRIPTION) for _ in range(1500)]
        taken = outcomes.index("unavailable")
        assert outcomes == [OK] * taken + ["unavailable"] * (1500 - taken)
        assert taken * len(DESCRIPTION) > 10 * MIB
        assert broker.memory() - before < 48 * MIB
    finally:
        stuck.signal(signal.SIGCONT)
