"""A system on three NATS servers, all of which have the log."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import nats as client_library
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ClusterInfo

from dev import nats
from shared.envelopes import subjects
from tests.system.rig.harness import System
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process

NODES = 3
CONFIG = """
server_name: {name}
host: 127.0.0.1
port: {port}
http: 127.0.0.1:{monitor}
max_payload: 8388608
jetstream {{ store_dir: "{store}" }}
cluster {{ name: parley, host: 127.0.0.1, port: {route}, routes: [{routes}] }}
"""


class Cluster(System):
    """Like any other system, with ``nodes`` in the place of its one NATS server."""

    def __init__(self, folder: Path, *, settings: dict[str, str] | None = None, **options: Any) -> None:
        self._ports = ports = [free_port() for _ in range(NODES)]
        urls = ",".join(f"nats://127.0.0.1:{port}" for port in ports)
        cluster = {"NATS_URL": urls, "LOG_REPLICAS": str(NODES)}
        super().__init__(folder, settings={**cluster, **(settings or {})}, **options)
        routes = [free_port() for _ in range(NODES)]
        self.nodes = [self._node(number, ports[number], routes) for number in range(NODES)]
        self.nats = self.nodes[0]

    @property
    def processes(self) -> list[Process]:
        others = [process for process in super().processes if process is not self.nats]
        return [*others, *self.nodes]

    async def leading_node(self) -> Process:
        """The server whose copy of the log is the one that counts."""
        async with self._jetstream() as js:
            log = await js.stream_info(subjects.EVENT_STREAM)
        return self._leader(log.cluster)

    async def reading_node(self) -> Process:
        """The server that has the consumer of the only broker."""
        async with self._jetstream() as js:
            readers = await js.consumers_info(subjects.EVENT_STREAM)
        newest = max(readers, key=lambda reader: str(reader.created))  # those of former runs stay for some seconds
        return self._leader(newest.cluster)

    async def deciding_node(self) -> Process:
        """The server that decides where streams and consumers are made."""
        url = f"{self.nodes[0].url}/jsz"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return self._named((await answer.json())["meta_cluster"]["leader"])

    async def move_log(self) -> None:
        """Let another server lead the log."""
        before = await self.leading_node()
        async with self._jetstream() as js:
            await js._nc.request(f"$JS.API.STREAM.LEADER.STEPDOWN.{subjects.EVENT_STREAM}")
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(NatsError, TimeoutError, KeyError):
                    if await self.leading_node() is not before:
                        return

    @asynccontextmanager
    async def _jetstream(self) -> AsyncIterator[JetStreamContext]:
        client = await client_library.connect([f"nats://127.0.0.1:{port}" for port in self._ports])
        try:
            yield client.jetstream(timeout=1.0)
        finally:
            await client.close()

    def _leader(self, group: ClusterInfo | None) -> Process:
        assert group is not None
        return self._named(group.leader)

    def _named(self, name: str | None) -> Process:
        return {node.name: node for node in self.nodes}[name or "nobody, for now"]

    def _node(self, number: int, port: int, routes: list[int]) -> Process:
        name, monitor = f"nats-{number}", free_port()
        config = self.folder / f"{name}.conf"
        config.write_text(
            CONFIG.format(
                name=name,
                port=port,
                monitor=monitor,
                store=self.folder / name,
                route=routes[number],
                routes=", ".join(f"nats://127.0.0.1:{route}" for route in routes),
            )
        )
        return Process(name, nats.running(config), {}, monitor, self.folder)
