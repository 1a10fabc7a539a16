"""Connections that end, and what the roommates hear."""

import asyncio

from tests.conftest import StartSystem
from tests.system.rig.harness import System
from tests.system.rig.peer import Peer
from tests.system.rig.rawsocket import RawSocket
from tests.system.rig.rooms import admit, create, request, room_of
from tests.system.rig.world import World

Trio = list[Peer]


async def test_a_disconnect_is_told_at_once(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    await second.close()
    for other in (owner, third):
        left = await other.expect("room-user-leave", within=2, room=room)
        assert (left["peer_id"], left["peerinfo"]) == (second.peer_id, second.peerinfo)
        assert left["reason"] == "closed"


async def test_a_cut_connection_is_told_at_once(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    await second.vanish()
    for other in (owner, third):
        left = await other.expect("room-user-leave", within=2, room=room)
        assert (left["peer_id"], left["peerinfo"]) == (second.peer_id, second.peerinfo)
        assert left["reason"] in ("closed", "lost")


async def test_every_room_of_the_peer_is_told(trio: Trio) -> None:
    owner, second, third = trio
    rooms = [await room_of(owner, third), await room_of(second, third)]
    await third.close()
    await owner.expect("room-user-leave", room=rooms[0], peer_id=third.peer_id)
    await second.expect("room-user-leave", room=rooms[1], peer_id=third.peer_id)


async def test_a_leave_is_told_once(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    await second.call("room-leave-request", {"room": room})
    await second.close()
    await owner.expect("room-user-leave", room=room)
    await third.close()
    await owner.expect("room-user-leave", room=room, peer_id=third.peer_id)
    assert [left["peer_id"] for left in owner.all("room-user-leave")] == [second.peer_id, third.peer_id]


async def test_the_request_of_a_gone_candidate_is_gone(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, third)
    await request(owner, second, room)
    elsewhere = await create(second)
    await admit(second, third, elsewhere)
    await second.close()
    await third.expect("room-user-leave", room=elsewhere)
    answer = await owner.call("room-join-accept", {"room": room, "peer_id": second.peer_id})
    assert (answer["ok"], answer["code"]) == (False, "not-pending")


async def test_a_socket_io_disconnect_packet_is_enough(system: System, world: World) -> None:
    owner = await world.peer()
    async with RawSocket(system.gateways[1].url) as raw:
        token = await raw.authenticate(await system.app_token())
        room = await create(owner)
        await raw.event("room-join-request", {"auth": token, "room": room})
        asked = await owner.expect("room-join-request", room=room)
        await owner.call("room-join-accept", {"room": room, "peer_id": asked["peer_id"]})
        await raw.send("41")
        await owner.expect("room-user-leave", room=room, peer_id=asked["peer_id"], reason="closed")


async def test_a_silent_connection_is_lost(start_system: StartSystem) -> None:
    impatient = {"PING_INTERVAL": "0.5", "PING_TIMEOUT": "0.5"}
    system = await start_system(overrides={"gateway-1": impatient})
    world, token = World(system), await system.app_token()
    owner, witness = await world.peers(0, 0)
    room = await room_of(owner, witness)
    async with RawSocket(system.gateways[1].url) as raw:
        session = await raw.authenticate(token)
        answering = asyncio.create_task(raw.closed(within=60))
        await raw.event("room-join-request", {"auth": session, "room": room})
        asked = await owner.expect("room-join-request", room=room)
        await owner.call("room-join-accept", {"room": room, "peer_id": asked["peer_id"]})
        answering.cancel()  # from here on nobody answers the pings of this socket
        await asyncio.wait({answering})
        left = await owner.expect("room-user-leave", within=5, room=room)
        assert (left["peer_id"], left["reason"]) == (asked["peer_id"], "lost")
        await raw.closed()
    assert owner.connected
    await world.close()


async def test_many_disconnects_at_once(world: World) -> None:
    owner, *others = await world.peers(0, *[0, 1] * 10)
    room = await room_of(owner, *others)
    await asyncio.gather(*(other.close() for other in others))
    for other in others:
        await owner.expect("room-user-leave", room=room, peer_id=other.peer_id)
    assert len(owner.all("room-user-leave")) == len(others)
