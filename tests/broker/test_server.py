import asyncio

import pytest
from prometheus_client import REGISTRY

from broker.server import Broker
from broker.settings import Settings
from shared.process.stop import Stop
from shared.process.world import World
from tests.nats_server import NatsServer
from tests.system.rig.ports import free_port
from tests.system.rig.waiting import until


async def test_a_connection_that_ends_for_good_ends_the_process_with_a_sentence(
    nats_server: NatsServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(REGISTRY, "register", lambda _: None)
    broker = Broker(Settings(nats_url=nats_server.url, app_host="127.0.0.1", app_port=free_port()), World())
    stop = Stop()
    running = asyncio.create_task(broker.run(stop))
    await until(lambda: broker.replica and not broker.replica.missing, "it is ready")
    assert broker.replica
    await broker.replica._nc.close()
    await asyncio.wait_for(running, 10)
    assert stop.why == "the connection to NATS is closed for good"
    assert "giving up" in caplog.text
