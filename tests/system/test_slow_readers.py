"""Clients that do not read what they are sent: others are served all along, and told to wait."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.conftest import StartSystem
from tests.system.rig.harness import System
from tests.system.rig.peer import Peer
from tests.system.rig.rawsocket import Polling
from tests.system.rig.rooms import admit, create
from tests.system.rig.tcpsocket import TcpSocket
from tests.system.rig.waiting import until
from tests.system.rig.world import World

BODY = "x" * 45_000
COUNT = 150
MEGABYTE = 1024 * 1024


@pytest.fixture
async def brisk(start_system: StartSystem) -> System:
    """A system that soon notices whose client is gone."""
    return await start_system(settings={"PING_INTERVAL": "1", "PING_TIMEOUT": "2"})


@pytest.fixture
async def brisk_world(brisk: System) -> AsyncIterator[World]:
    world = World(brisk)
    yield world
    await world.close()


async def flood(sender: Peer, room: str, victim: str, witness: Peer) -> None:
    """Within the sender's budget, and more than may wait for the victim. The witness is served all along."""
    for number in range(COUNT):
        fields = {"room": room, "to": victim, "session_description": BODY}
        await sender.send("relay-session-description", fields)
        if number % 10 == 0:
            await sender.send("relay-ice-candidate", {"room": room, "to": witness.peer_id, "ice_candidate": number})
            await witness.expect("ice-candidate", within=3, ice_candidate=number)


def refused(sender: Peer) -> bool:
    return any(told.event == "request-reject" and told.data["code"] == "too-many-requests" for told in sender.log)


async def test_a_websocket_that_is_not_read_makes_its_senders_wait(brisk_world: World, brisk: System) -> None:
    gateway = brisk.gateways[0]
    sender, witness = await brisk_world.peers(1, 0)
    room = await create(sender)
    await admit(sender, witness, room)
    async with TcpSocket(gateway.port) as slow:
        token, peer_id = await slow.authenticate(await brisk.app_token())
        await slow.send("42" + json.dumps(["room-join-request", {"auth": token, "room": room}]))
        await sender.expect("room-join-request", peer_id=peer_id)
        await sender.call("room-join-accept", {"room": room, "peer_id": peer_id})
        before = gateway.memory()
        await flood(sender, room, peer_id, witness)
        await until(lambda: refused(sender), "the sender is told to wait")
        await witness.expect("room-user-leave", peer_id=peer_id, within=10)
        assert gateway.memory() - before < 16 * MEGABYTE
    assert sender.connected
    assert witness.connected


async def test_one_that_reads_slowly_gets_everything_that_was_not_refused_in_order(
    brisk_world: World, brisk: System
) -> None:
    sender = await brisk_world.peer(1)
    room = await create(sender)
    async with TcpSocket(brisk.gateways[0].port) as slow:
        token, peer_id = await slow.authenticate(await brisk.app_token())
        await slow.send("42" + json.dumps(["room-join-request", {"auth": token, "room": room}]))
        await sender.expect("room-join-request", peer_id=peer_id)
        await sender.call("room-join-accept", {"room": room, "peer_id": peer_id})
        answers = [
            await sender.ask(
                "relay-session-description",
                {"room": room, "to": peer_id, "session_description": BODY, "payload": number},
            )
            for number in range(COUNT)
        ]
        outcomes = [(await asyncio.wait_for(answer.get(), 10))["ok"] for answer in answers]
        taken = [number for number, ok in enumerate(outcomes) if ok]
        assert 0 < len(taken) < COUNT
        got: list[int] = []
        while len(got) < len(taken):
            _, payload = await slow.receive(10)
            text = payload.decode()
            if text == "2":
                await slow.send("3")
            elif text.startswith('42["session-description"'):
                got.append(json.loads(text[2:])[1]["payload"])
        assert got == taken
        answer = await sender.call(
            "relay-session-description", {"room": room, "to": peer_id, "session_description": "and on"}
        )
        assert answer["ok"] is True


async def test_what_one_that_reads_slowly_has_set_itself_is_not_undone_by_what_waits_for_it(
    brisk_world: World, brisk: System
) -> None:
    sender = await brisk_world.peer(1, version=2)
    room = await create(sender)
    async with TcpSocket(brisk.gateways[0].port) as slow:
        token, peer_id = await slow.authenticate(await brisk.app_token(), version=2)
        await slow.send("42" + json.dumps(["room-join-request", {"auth": token, "room": room}]))
        await sender.expect("room-join-request", peer_id=peer_id)
        await sender.call("room-join-accept", {"room": room, "peer_id": peer_id})
        while not refused(sender):
            fields = {"room": room, "to": peer_id, "session_description": BODY}
            await sender.call("relay-session-description", fields)
        await sender.call("room-data-request", {"room": room, "set": {"a": "theirs", "b": "theirs"}})
        mine = {"auth": token, "room": room, "set": {"a": None, "b": "mine"}}
        await slow.send("427" + json.dumps(["room-data-request", mine]))
        await sender.expect("room-data", by=peer_id)
        await sender.call("room-data-request", {"room": room, "set": {"c": "theirs"}})
        texts: list[str] = []
        while not texts or '"c"' not in texts[-1]:
            _, content = await slow.receive(10)
            texts.append(content.decode())
            if texts[-1] == "2":
                await slow.send("3")
        [answered] = [number for number, text in enumerate(texts) if text.startswith("437[")]
        told = [json.loads(text[2:])[1]["set"] for text in texts[answered:] if text.startswith('42["room-data"')]
        assert told == [{"c": "theirs"}]


async def test_a_polling_client_that_does_not_poll_makes_its_senders_wait(brisk_world: World, brisk: System) -> None:
    gateway, app_token = brisk.gateways[0], await brisk.app_token()
    sender, witness = await brisk_world.peers(1, 0)
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
        await until(lambda: refused(sender), "the sender is told to wait")
        await witness.expect("room-user-leave", peer_id=accepted["peer_id"], within=10)
        assert gateway.memory() - before < 16 * MEGABYTE
        status, _ = await slow.get()
        assert status == 400
    assert witness.connected
