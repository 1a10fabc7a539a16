"""How a gateway stops: load balancers see it, newcomers are turned away, its clients are sent elsewhere."""

import asyncio
import signal
import time

import aiohttp

from tests.conftest import StartSystem
from tests.system.rig.harness import System
from tests.system.rig.peer import Peer
from tests.system.rig.process import Process, probe
from tests.system.rig.rooms import room_of
from tests.system.rig.world import World

NOTICE, DRAIN = 1.0, 1.5  # seconds
HANDSHAKE = "/socket.io/?EIO=4&transport=polling"


async def start(start_system: StartSystem, notice: float = NOTICE) -> tuple[System, World]:
    slowly = {"DRAIN_NOTICE": str(notice), "DRAIN_SECONDS": str(DRAIN)}
    system = await start_system(gateways=2, overrides={"gateway-0": slowly})
    return system, World(system)


async def wait_for(process: Process, path: str, status: int) -> None:
    async with aiohttp.ClientSession() as http, asyncio.timeout(20):
        while await probe(http, process.url + path) != status:
            await asyncio.sleep(0.02)


async def test_newcomers_are_let_in_while_load_balancers_take_notice(start_system: StartSystem) -> None:
    system, _ = await start(start_system, notice=100)  # so it is still the time of the notice when all is asked
    leaving = system.gateways[0]
    leaving.signal(signal.SIGTERM)
    await wait_for(leaving, "/readyz", 503)
    async with aiohttp.ClientSession() as http:
        asked = {"/readyz?unready=404": 404, "/livez": 200, HANDSHAKE: 200}
        assert {path: await probe(http, leaving.url + path) for path in asked} == asked
    await leaving.kill()


async def test_clients_go_one_by_one_and_newcomers_are_turned_away(start_system: StartSystem) -> None:
    system, world = await start(start_system)
    leaving = system.gateways[0]
    others = [await world.connected(0, transports=["polling"]), *(await world.peers(0, 0, 0))]
    leaving.signal(signal.SIGTERM)
    await wait_for(leaving, HANDSHAKE, 503)
    ends = sorted(await asyncio.gather(*(end_of(other) for other in others)))
    assert ends[-1] - ends[0] > DRAIN / 2
    assert await leaving.exit_code() == 0
    await world.close()


async def test_a_resumable_peer_is_not_seen_to_leave(start_system: StartSystem) -> None:
    system, world = await start(start_system)
    mover, owner = await world.peer(0, resumable=True), await world.peer(1)
    room = await room_of(owner, mover)
    system.gateways[0].signal(signal.SIGTERM)
    await mover.expect("disconnect")
    again = await world.connected(1)
    accepted = await again.authenticate(resume=mover.token)
    assert accepted["resumed"]
    assert [place["room"] for place in accepted["rooms"]] == [room]
    await again.send("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": "here again"})
    await owner.expect("ice-candidate", peer_id=mover.peer_id)
    assert owner.all("room-user-leave") == []
    assert await system.gateways[0].exit_code() == 0
    await world.close()


async def end_of(peer: Peer) -> float:
    await peer.expect("disconnect", within=NOTICE + DRAIN + 5)
    return time.monotonic()
