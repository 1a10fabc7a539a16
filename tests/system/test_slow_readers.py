"""Clients that do not read what they are sent."""

import json

import aiohttp

from tests.system.harness import System
from tests.system.peer import Peer
from tests.system.rawsocket import Polling
from tests.system.rooms import admit, create
from tests.system.tcpsocket import TcpSocket
from tests.system.world import World

BODY = "x" * 45_000
COUNT = 400
MEGABYTE = 1024 * 1024


async def flood(sender: Peer, room: str, victim: str, witness: Peer) -> None:
    """Within every limit, and far more than the victim's buffers hold. The witness is served all along."""
    for number in range(COUNT):
        fields = {"room": room, "to": victim, "session_description": BODY}
        await sender.send("relay-session-description", fields)
        if number % 40 == 0:
            await sender.send("relay-ice-candidate", {"room": room, "to": witness.peer_id, "ice_candidate": number})
            await witness.expect("ice-candidate", within=3, ice_candidate=number)


async def test_a_websocket_that_is_not_read_is_closed(world: World, system: System) -> None:
    gateway = system.gateways[0]
    sender, witness = await world.peers(1, 0)
    room = await create(sender)
    await admit(sender, witness, room)
    async with TcpSocket(gateway.port) as slow:
        token, peer_id = await slow.authenticate(await system.app_token())
        await slow.send("42" + json.dumps(["room-join-request", {"auth": token, "room": room}]))
        await sender.expect("room-join-request", peer_id=peer_id)
        await sender.call("room-join-accept", {"room": room, "peer_id": peer_id})
        before = gateway.memory()
        await flood(sender, room, peer_id, witness)
        for roommate in (sender, witness):
            await roommate.expect("room-user-leave", peer_id=peer_id)
        assert gateway.memory() - before < 32 * MEGABYTE
        assert await slow.drain() < COUNT * len(BODY) // 2
    assert sender.connected
    assert witness.connected


async def test_a_polling_client_that_does_not_poll_is_closed(world: World, system: System) -> None:
    gateway, app_token = system.gateways[0], await system.app_token()
    sender, witness = await world.peers(1, 0)
    room = await create(sender)
    await admit(sender, witness, room)
    async with aiohttp.ClientSession() as http:
        slow = Polling(http, gateway.url)
        await slow.open(app_token)
        await slow.post("42" + json.dumps(["auth-request", {"token": app_token}]))
        accepted = json.loads((await slow.get())[1][2:])[1]
        await slow.post("42" + json.dumps(["room-join-request", {"auth": accepted["token"], "room": room}]))
        await sender.expect("room-join-request", peer_id=accepted["peer_id"])
        await sender.call("room-join-accept", {"room": room, "peer_id": accepted["peer_id"]})
        before = gateway.memory()
        await flood(sender, room, accepted["peer_id"], witness)
        await sender.expect("room-user-leave", peer_id=accepted["peer_id"])
        assert gateway.memory() - before < 32 * MEGABYTE
        status, _ = await slow.get()
        assert status == 400
    assert witness.connected
