"""NATS refuses its clients for a while, or is gone when processes are to end."""

import asyncio
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.conftest import StartSystem
from tests.system.rig.harness import System
from tests.system.rig.process import Process, probe
from tests.system.rig.rooms import room_of
from tests.system.rig.waiting import until
from tests.system.rig.world import World

ADMIN_TOKEN = "an-operator's-token-of-more-than-32-bytes"
ANOTHER_PASSWORD = '\nauthorization { user: "another", password: "another" }\n'


@pytest.fixture
async def operated(start_system: StartSystem) -> System:
    """A system of which every process is connected to NATS."""
    return await start_system(overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}})


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as http:
        yield http


def parley(system: System) -> list[Process]:
    return [process for process in system.processes if process is not system.nats]


def reload(system: System, config: str) -> None:
    (system.folder / "nats.conf").write_text(config)
    system.nats.signal(signal.SIGHUP)


async def test_all_goes_on_when_a_wrong_password_of_nats_has_been_mended(
    operated: System, http: aiohttp.ClientSession
) -> None:
    world = World(operated)
    ann, ben = await world.peers(0, 1)
    room = await room_of(ann, ben)
    right = (operated.folder / "nats.conf").read_text()
    reload(operated, right + ANOTHER_PASSWORD)
    for process in parley(operated):
        await until(lambda: "disconnected from NATS" in process.text(), f"{process.name} is put out")  # noqa: B023
    for process in (*operated.gateways, *operated.brokers):
        await process.answers(503)
        assert await probe(http, f"{process.url}/livez") == 200
    assert await probe(http, f"{operated.auth.url}/admin/rooms") == 503
    waiting = await ann.ask("relay-ice-candidate", {"room": room, "to": ben.peer_id, "ice_candidate": 1})
    reload(operated, right)
    await operated.ready()
    assert (await ben.expect("ice-candidate"))["ice_candidate"] == 1
    assert (await waiting.get())["ok"]
    async with asyncio.timeout(20):
        while await probe(http, f"{operated.auth.url}/admin/rooms") != 200:
            pass  # a call that comes while the lease is taken again is not answered
    assert ann.connected
    assert ben.connected
    await world.close()


@pytest.mark.parametrize("how", ["NATS first", "NATS long before", "both at once"])
async def test_processes_end_in_order_without_nats(operated: System, how: str) -> None:
    operated.nats.signal(signal.SIGTERM if how == "both at once" else signal.SIGKILL)
    if how == "NATS long before":
        for process in (*operated.gateways, *operated.brokers):
            await process.answers(503)
    for process in parley(operated):
        process.signal(signal.SIGTERM)
    assert [await process.exit_code(15) for process in parley(operated)] == [0] * 4
    assert operated.new_complaints() == []
