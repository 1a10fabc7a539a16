"""An app's backend reads what happens in rooms, whoever is killed meanwhile."""

import signal
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.auth_api.test_openapi import conform
from tests.chaos.rig.faults import speaker
from tests.conftest import StartSystem
from tests.system.rig.rooms import admit, create
from tests.system.rig.world import World

ADMIN_TOKEN = "an-operator's-token-of-more-than-32-bytes"


class Backend:
    """Asks auth_api, and holds its answers against their description."""

    def __init__(self, http: aiohttp.ClientSession, described: dict[str, Any]) -> None:
        self._http = http
        self._described = described

    async def get(self, path: str, status: int = 200) -> Any:
        async with self._http.get(path) as answer:
            body = await answer.json()
            assert answer.status == status, body
            operation = self._described["paths"][path.partition("?")[0]]["get"]
            conform(self._described, operation, answer.status, body, answer.headers)
        return body["response"]

    async def read(self, after: str, *, until: str) -> list[tuple[str, Any]]:
        """Types and peers, up to the first notice of a type."""
        found: list[tuple[str, Any]] = []
        while not found or found[-1][0] != until:
            answer = await self.get(f"/admin/notices?limit=1&wait=10&after={after}")
            for notice in answer["notices"]:  # there may be none for so long
                after = notice["id"]
                found.append((notice["type"], notice.get("peer_id")))
        return found


@pytest.fixture
async def world(start_system: StartSystem) -> AsyncIterator[World]:
    world = World(await start_system(brokers=2, overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}}))
    await world.system.agreed()
    yield world
    await world.close()


async def backend(http: aiohttp.ClientSession) -> Backend:
    async with http.get("/openapi.json") as answer:
        return Backend(http, await answer.json())


async def test_a_call_from_its_first_to_its_last_moment(world: World) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(world.system.auth.url, headers=headers) as http:
        asks = await backend(http)
        after = (await asks.get("/admin/rooms"))["notices_after"]
        ann, bob = await world.peers(0, 1)
        await admit(ann, bob, await create(ann))
        speaker(world.system).signal(signal.SIGKILL)
        world.system.kill("gateway-1", signal.SIGKILL)
        assert await asks.read(after, until="peer-left") == [
            ("room-created", ann.peer_id),
            ("peer-joined", ann.peer_id),
            ("request-made", bob.peer_id),
            ("request-decided", bob.peer_id),
            ("peer-joined", bob.peer_id),
            ("peer-left", bob.peer_id),
        ]


async def test_notices_can_be_turned_off(start_system: StartSystem) -> None:
    system = await start_system(settings={"NOTICES": "0"}, overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}})
    await system.agreed()
    async with aiohttp.ClientSession(system.auth.url, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as http:
        asks = await backend(http)
        assert (await asks.get("/admin/rooms"))["notices_after"] is None
        await asks.get("/admin/notices", 404)
