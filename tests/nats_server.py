"""A real nats-server for a test, empty at first, which the test may kill and start again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.errors import Error as NatsError

from dev.nats import command
from shared.messaging.nats import Client
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process


class NatsServer:
    """The server in a folder, on a port that it keeps."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process = Process("nats", command(folder, self.port), {}, self.port, folder)

    async def start(self) -> None:
        self.process.start()
        while not await self._answers():
            assert self.process.running, self.process.text()
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        await self.process.kill()

    async def client(self) -> Client:
        client = Client()
        await client.connect(self.url, max_reconnect_attempts=-1, reconnect_time_wait=0.05)  # type: ignore[arg-type]
        return client

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        client = await self.client()
        try:
            await client.jetstream(timeout=0.5).account_info()
        except (NatsError, TimeoutError):
            return False
        finally:
            await client.close()
        return True


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server of the test's own."""
    server = NatsServer(tmp_path)
    await server.start()
    yield server
    if server.process.running:
        await server.kill()


@pytest.fixture
async def nc(nats_server: NatsServer) -> AsyncIterator[Client]:
    """A connection to the test's own server."""
    client = await nats_server.client()
    yield client
    await client.close()
