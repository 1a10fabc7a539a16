"""What happens in rooms arrives at the app's backend, whatever is killed on the way."""

import asyncio
import json
import signal
from typing import Any

import aiohttp

from tests.auth_api.webhooks.conftest import SECRET, Backend, answers, backend, breaks_off, url
from tests.conftest import StartSystem
from tests.system.rig.harness import System
from tests.system.rig.process import Process
from tests.system.rig.rooms import admit, create
from tests.system.rig.waiting import until
from tests.system.rig.world import World

__all__ = ["backend", "url"]

ADMIN_TOKEN = "an operator's token for tests, long enough"


async def stored(system: System) -> list[dict[str, Any]]:
    """All notices, as an operator reads them."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    found: list[dict[str, Any]] = []
    async with aiohttp.ClientSession(headers=headers) as http:
        while True:
            after = found[-1]["id"] if found else ""
            async with http.get(f"{system.auth.url}/admin/notices", params={"after": after, "limit": "1000"}) as answer:
                body = await answer.json()
            assert answer.status == 200, body
            if not body["response"]["notices"]:
                return found
            found += body["response"]["notices"]


async def live(world: World, rooms: list[str]) -> None:
    """Two peers meet in a room and part."""
    host, guest = await world.peers(0, 1)
    rooms.append(await create(host))
    await admit(host, guest, rooms[-1])
    await guest.send("room-leave-request", {"room": rooms[-1]})
    await host.expect("room-user-leave", room=rooms[-1])
    await host.close()
    await guest.close()


async def kill(process: Process) -> None:
    await process.kill()
    await asyncio.sleep(0.5)
    process.start()


async def freeze(process: Process) -> None:
    """For longer than its turn to send lasts."""
    process.signal(signal.SIGSTOP)
    await asyncio.sleep(3)
    process.signal(signal.SIGCONT)


async def test_every_notice_arrives_in_order_while_processes_are_killed_and_frozen(
    start_system: StartSystem, backend: Backend, url: str
) -> None:
    settings = {"WEBHOOK_URL": url, "WEBHOOK_SECRET": SECRET, "ADMIN_TOKEN": ADMIN_TOKEN}
    system = await start_system(brokers=2, auths=2, overrides={"auth": settings, "auth-1": settings})
    await system.agreed()
    other = system.auths[1]
    world = World(system)
    await system.app_token()  # all are made with this one: auth_api is not always there
    backend.responses = [answers(500), breaks_off]
    rooms: list[str] = []
    faults = [kill(system.auth), freeze(other), kill(system.brokers[0]), kill(system.nats), kill(other)]
    faults += [freeze(system.auth), kill(system.brokers[1])]
    try:
        for fault in faults:
            harming = asyncio.create_task(fault)
            await live(world, rooms)
            await harming
            await system.ready()
        await until(lambda: len(_of(backend, "room-closed")) == len(faults), "the last room is closed", within=30)
        assert backend.ids == [notice["id"] for notice in await stored(system)]
        assert [notice["room"] for notice in _of(backend, "room-created")] == rooms
        assert sorted(notice["room"] for notice in _of(backend, "peer-joined")) == sorted(rooms * 2)
        assert sorted(notice["room"] for notice in _of(backend, "peer-left")) == sorted(rooms * 2)
        assert _of(backend, "notices-lost") == []
        bodies = {(post.webhook_id, post.body) for post in backend.posts}
        assert len(bodies) == len({webhook_id for webhook_id, _ in bodies}), "what has one id is always the same"
    finally:
        await world.close()


def _of(backend: Backend, kind: str) -> list[dict[str, Any]]:
    """The notices of a type, each once, in the order in which they came."""
    all_of_them = [notice for post in backend.posts for notice in json.loads(post.body)["data"]]
    return [notice for notice in {notice["id"]: notice for notice in all_of_them}.values() if notice["type"] == kind]
