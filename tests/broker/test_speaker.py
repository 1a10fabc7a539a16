import asyncio

import pytest

from broker.core import Core
from broker.event_log import EventLog
from broker.lease import Lease
from broker.limits import Limits
from broker.settings import Settings
from broker.speaker import Speaker
from broker.watch import Watch
from shared.log import Speaking, unpack_batch
from shared.messaging import end
from shared.nats_overrides import Client
from tests.system.waiting import until


async def test_a_term_that_the_log_did_not_take_at_first_is_said_again(
    nc: Client, caplog: pytest.LogCaptureFixture
) -> None:
    event_log, core = EventLog(nc, Settings()), Core(Limits())
    lease = Lease(nc.jetstream(), "broker", 1, lambda: core.state.term)
    speaker = Speaker(nc, event_log, core, lease, Watch(1.0), "broker")
    campaigning = asyncio.create_task(lease.run(speaker.on_lease_change))
    await until(lambda: "the log does not take entries" in caplog.text, "there is no log to say it to")
    await event_log.open()
    speaking = asyncio.create_task(speaker.run())
    try:
        async with asyncio.timeout(5):
            while (stored := await event_log.message(1)) is None:
                await asyncio.sleep(0.02)
    finally:
        await end(campaigning, speaking)
    assert unpack_batch(stored.data).entries == [Speaking(lease.term)]
