"""The lease's bucket is lost, while the log lives."""

import time

import nats

from shared.envelopes import subjects
from tests.chaos.conftest import StartCompany
from tests.chaos.rig.company import id_of, told
from tests.chaos.rig.faults import all_ready, speaker
from tests.system.rig.harness import System
from tests.system.rig.waiting import until

SPEAKING = "speaking now"


async def delete_bucket(system: System) -> None:
    nc = await nats.connect(f"nats://127.0.0.1:{system.nats_port}")
    await nc.jetstream().delete_key_value(subjects.LEASE_BUCKET)
    await nc.close()


def times_spoken(system: System) -> int:
    return sum(broker.text().count(SPEAKING) for broker in system.brokers)


async def test_the_death_of_a_gateway_is_noticed_after_the_bucket_was_lost(start_company: StartCompany) -> None:
    company = await start_company(gateways=2, brokers=2)
    system = company.system
    ann, guest = await company.visitor(0), await company.visitor(1, resumable=False)
    await company.room(ann, guest)
    fallen = speaker(system)
    await fallen.kill()  # the next one speaks in a term that a new bucket does not come to for a long time
    await until(lambda: times_spoken(system) == 2, "the standby speaks")
    fallen.start()
    await all_ready(system)
    await delete_bucket(system)
    await until(lambda: times_spoken(system) > 2, "somebody speaks after the loss")
    await system.gateways[1].kill()
    killed = time.monotonic()
    await told(ann, "room-user-leave", within=10, peer=id_of(guest))
    assert time.monotonic() - killed < 5
    assert await company.faults() == []
