"""The connection to NATS."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dev import nats
from shared.envelopes.subjects import LEAST_PAYLOAD
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

    async def start(self, max_payload: int) -> None:
        self._config.write_text(f"host: 127.0.0.1\nport: {self._port}\nmax_payload: {max_payload}\n")
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
    await server.start(LEAST_PAYLOAD)
    stop = Stop()
    client = await connect(server.url, "test", stop)
    assert not stop.is_set()
    await server.process.kill()
    await server.start(LEAST_PAYLOAD - 1)
    await until(stop.is_set, "the process gives up")
    assert f"max_payload to {LEAST_PAYLOAD} or more" in stop.why
    await client.close()
