"""The official socket.io-client for JavaScript, with each of its transports."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import StartSystem
from tests.system.rig.cripple import Cripple
from tests.system.rig.harness import System
from tests.system.rig.node import Node, NodeClient
from tests.system.rig.rooms import admit, create, new_name, request, room_of
from tests.system.rig.tokens import forged
from tests.system.rig.world import World

WEBSOCKET: dict[str, Any] = {"transports": ["websocket"]}
POLLING: dict[str, Any] = {"transports": ["polling"]}
DEFAULT: dict[str, Any] = {}
OFFER = {"type": "offer", "sdp": "v=0\r\n" * 1000}


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with Node() as node:
        yield node


async def opened(
    node: Node, system: System, name: str, gateway: int = 0, options: dict[str, Any] = WEBSOCKET
) -> NodeClient:
    client = node.client(name, system.gateways[gateway].url, await system.app_token())
    await client.open(**options)
    await client.expect("connect")
    return client


@pytest.mark.parametrize("gateways", [(0, 0, 0), (0, 1, 0)], ids=["one gateway", "two gateways"])
@pytest.mark.parametrize("options", [WEBSOCKET, DEFAULT, POLLING], ids=["websocket", "default", "polling"])
async def test_a_whole_story(node: Node, system: System, options: dict[str, Any], gateways: tuple[int, ...]) -> None:
    names = ("owner", "second", "third")
    clients = [
        await opened(node, system, name, gateway, options) for name, gateway in zip(names, gateways, strict=True)
    ]
    for client in clients:
        await client.authenticate()
    owner, second, third = clients
    room = new_name()
    created = await owner.call("room-create-request", {"room": room})
    assert (created["ok"], created["room"]) == (True, room)
    assert (await second.call("room-create-request", {"room": room}))["code"] == "taken"
    await admit(owner, second, room)
    await admit(owner, third, room)
    await second.expect("room-user-join", peer_id=third.peer_id)
    fields = {"room": room, "to": third.peer_id, "peer_id": third.peer_id}
    assert (await second.call("relay-session-description", {**fields, "session_description": OFFER}))["ok"] is True
    for number in range(20):
        await second.send("relay-ice-candidate", {**fields, "ice_candidate": {"candidate": number}})
    told = await third.expect("session-description")
    assert (told["peer_id"], told["session_description"]) == (second.peer_id, OFFER)
    for number in range(20):
        assert (await third.expect("ice-candidate"))["ice_candidate"] == {"candidate": number}
    assert (await second.call("room-leave-request", {"room": room}))["ok"] is True
    await third.expect("room-user-leave", peer_id=second.peer_id, reason="left")
    await owner.close()
    await third.expect("room-user-leave", peer_id=owner.peer_id, reason="closed")
    await third.expect("room-owner", peer_id=third.peer_id)


async def test_the_default_upgrades(node: Node, system: System) -> None:
    client = await opened(node, system, "client", options=DEFAULT)
    await client.expect("upgrade", transport="websocket")
    await client.authenticate()
    await create(client)
    assert await client.transport() == "websocket"


async def test_polling_stays_polling(node: Node, system: System) -> None:
    client = await opened(node, system, "client", options=POLLING)
    await client.authenticate()
    assert await client.transport() == "polling"


async def test_behind_a_proxy_that_passes_no_upgrade_on_the_default_goes_on_polling(
    node: Node, system: System, world: World
) -> None:
    owner = await world.peer()
    async with Cripple(system.gateways[0].url) as url:
        client = node.client("client", url, await system.app_token())
        await client.open()
        await client.expect("connect")
        await client.authenticate()
        await room_of(owner, client)
        assert await client.transport() == "polling"
        await client.close()


async def test_many_offers_at_once(node: Node, system: System, world: World) -> None:
    owner = await world.peer()
    client = await opened(node, system, "client", options=POLLING)
    await client.authenticate()
    room = await room_of(owner, client)
    offers = [{"type": "offer", "sdp": f"{number} " + "x" * 5000} for number in range(20)]
    for offer in offers:
        fields = {"room": room, "to": owner.peer_id, "session_description": offer}
        await client.send("relay-session-description", fields)
    for offer in offers:
        assert (await owner.expect("session-description"))["session_description"] == offer


async def test_a_namespace_that_does_not_exist(node: Node, system: System) -> None:
    client = node.client("client", system.gateways[0].url + "/other", await system.app_token())
    await client.open(**WEBSOCKET)
    assert (await client.expect("connect_error"))["message"] == "Invalid namespace"


@pytest.mark.parametrize("options", [WEBSOCKET, DEFAULT, POLLING], ids=["websocket", "default", "polling"])
async def test_a_refused_token(node: Node, system: System, options: dict[str, Any]) -> None:
    client = node.client("client", system.gateways[0].url, await system.app_token())
    await client.open(auth={"token": forged(client.app_token)}, **options)
    refusal = await client.expect("connect_error")
    assert refusal["data"]["code"] == "unauthorized"
    assert refusal["message"]


async def test_the_originals_example(node: Node, system: System) -> None:
    """The original's document sends the app token alone."""
    client = await opened(node, system, "client")
    await client.send_bare("auth-request", client.app_token)
    client.token = (await client.expect("auth-accept"))["token"]
    await create(client)


async def test_clients_of_all_kinds_meet(node: Node, system: System, world: World) -> None:
    browser = await opened(node, system, "browser", 0, DEFAULT)
    old = await opened(node, system, "old", 1, POLLING)
    await browser.authenticate()
    await old.authenticate()
    python = await world.peer(1)
    room = await room_of(python, browser, old)
    for sender, to in ((browser, old), (old, python), (python, browser)):
        body = {"from": sender.name, "text": "ж 😀 \u2028"}
        await sender.send("relay-session-description", {"room": room, "to": to.peer_id, "session_description": body})
        told = await to.expect("session-description", peer_id=sender.peer_id)
        assert (told["session_description"], told["peerinfo"]) == (body, sender.peerinfo)


@pytest.mark.parametrize("end", ["stopped", "killed"])
async def test_clients_come_back_by_themselves(node: Node, start_system: StartSystem, end: str) -> None:
    """When their gateway ends, politely or not, and is there again. They are new peers then."""
    system = await start_system(gateways=2)
    world = World(system)
    roommate = await world.peer(1)
    clients = [
        await opened(node, system, name, options=options)
        for name, options in {"websocket": WEBSOCKET, "default": DEFAULT, "polling": POLLING}.items()
    ]
    for client in clients:
        await client.authenticate()
    room = await room_of(roommate, *clients)
    former = {client.peer_id for client in clients}
    if end == "killed":
        await system.gateways[0].kill()
        system.gateways[0].start()
        await system.ready()
    else:
        await system.restart("gateway-0")
    for peer_id in former:
        await roommate.expect("room-user-leave", within=10, room=room, peer_id=peer_id)
    for client in clients:
        await client.expect("disconnect")
        await client.expect("connect", within=10)
        await client.authenticate()
        assert client.peer_id not in former
        await request(roommate, client, room)
    assert roommate.connected
    await world.close()
