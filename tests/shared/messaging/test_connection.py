"""The connection to NATS."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dev import nats
from shared.envelopes.subjects import LEAST_PAYLOAD, gateway_events
from shared.messaging.connection import connect
from shared.process.stop import Stop
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process
from tests.system.rig.waiting import until


class Server:
    """A server that takes as many bytes as the test says."""

    def __init__(self, folder: Path) -> None:
        self._port, self._config = free_port(), folder / "nats.conf"
        self.url = f"nats://127.0.0.1:{self._port}"
        self.process = Process("nats", nats.running(self._config), {}, self._port, folder)

    async def start(self, max_payload: int = LEAST_PAYLOAD, more: str = "") -> None:
        self._config.write_text(f"host: 127.0.0.1\nport: {self._port}\nmax_payload: {max_payload}\n{more}")
        starts = self.process.text().count("Server is ready")
        self.process.start()
        await until(lambda: self.process.text().count("Server is ready") > starts, "the server is ready")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path)
    yield server
    await server.process.kill()


async def test_a_server_that_takes_too_little_is_refused_and_the_setting_named(server: Server) -> None:
    await server.start(LEAST_PAYLOAD - 1)
    stop = Stop()
    client = await connect(server.url, "test", stop)
    assert f"max_payload to {LEAST_PAYLOAD} or more" in stop.why
    await client.close()


async def test_so_is_one_that_takes_less_than_before_when_it_comes_back(server: Server) -> None:
    await server.start()
    stop = Stop()
    client = await connect(server.url, "test", stop)
    assert not stop.is_set()
    await server.process.kill()
    await server.start(LEAST_PAYLOAD - 1)
    await until(stop.is_set, "the process gives up")
    assert f"max_payload to {LEAST_PAYLOAD} or more" in stop.why
    await client.close()


async def test_what_nats_forbids_is_told_once_and_gives_no_id_away(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    deny = '{ user: u, password: p, permissions: { publish: { deny: "parley.events.>" } } }'
    await server.start(more=f"authorization {{ users: [ {deny} ] }}\nno_auth_user: u\n")
    client = await connect(server.url, "test", Stop())
    for _ in range(2):
        client.publish_now(gateway_events("gsecret"), b"")
        client.publish_now("parley.events.broker", b"")
    await until(lambda: "parley.events.broker" in caplog.text, "it is told")
    await client.close()
    told = [record.getMessage() for record in caplog.records if "forbids" in record.getMessage()]
    assert ["parley.events.gateway.…" in told[0], "parley.events.broker" in told[1], len(told)] == [True, True, 2]
    assert "gsecret" not in caplog.text
    assert "cannot be reached" not in caplog.text
