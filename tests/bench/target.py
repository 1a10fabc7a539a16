"""A running system to measure: ours, started here or elsewhere, or another one that speaks the same events."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from dev.nats import SELDOM
from tests.system.rig.harness import APP_PASS, System


class Target(msgspec.Struct, frozen=True):
    """Where a system is. ``app`` is the base URL of ``POST /app``, ``urls`` are its gateways; ``pids`` has all its
    processes by name, numbered ones as ``gateway-0``. Without pids, CPU and memory are not measured.
    """

    name: str
    app: str
    urls: list[str]
    password: str
    pids: dict[str, int] = {}

    async def app_token(self) -> str:
        body = {"app": "bench", "password": self.password}
        async with aiohttp.ClientSession() as http, http.post(f"{self.app}/app", json=body) as answer:
            answer.raise_for_status()
            token: str = (await answer.json())["response"]["token"]
            return token


@asynccontextmanager
async def started(gateways: int, name: str = "parley", sync: str = SELDOM) -> AsyncIterator[Target]:
    """Our own system, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        async with serving(System(Path(folder), gateways=gateways, sync=sync), name) as target:
            yield target


@asynccontextmanager
async def serving(system: System, name: str = "parley") -> AsyncIterator[Target]:
    """A system of ours, for as long as the context lasts."""
    await system.start()
    try:
        yield Target(
            name=name,
            app=system.auth.url,
            urls=[gateway.url for gateway in system.gateways],
            password=APP_PASS,
            pids={process.name: process.pid for process in system.processes},
        )
    finally:
        await system.abandon()


def from_file(path: Path) -> Target:
    """A target described in JSON, with the fields of Target."""
    return msgspec.json.decode(path.read_bytes(), type=Target)
