"""A system on three NATS servers, all of which have the log."""

from pathlib import Path
from typing import Any

import nats as client_library

from dev import nats
from shared import subjects
from tests.system.harness import System
from tests.system.ports import free_port
from tests.system.process import Process

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
        client = await client_library.connect([f"nats://127.0.0.1:{port}" for port in self._ports])
        try:
            log = await client.jetstream().stream_info(subjects.EVENT_STREAM)
        finally:
            await client.close()
        assert log.cluster is not None
        return next(node for node in self.nodes if node.name == log.cluster.leader)

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
