"""Session descriptions and candidates between roommates."""

import asyncio
from typing import Any

import pytest

from tests.system.rig.peer import Peer
from tests.system.rig.rooms import room_of
from tests.system.rig.world import World

Trio = list[Peer]

OFFER = {"type": "offer", "sdp": "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\n"}
CANDIDATE = {"candidate": "candidate:4248172766 1 udp 2122260223 162.14.76.3 62375 typ host", "sdpMLineIndex": 0}
KINDS = {
    "description": ("relay-session-description", "session-description", "session_description", OFFER),
    "candidate": ("relay-ice-candidate", "ice-candidate", "ice_candidate", CANDIDATE),
}


@pytest.mark.parametrize("naming", ["to", "peer_id", "both"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_relay_reaches_the_roommate_alone(trio: Trio, kind: str, naming: str) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    send, arrive, field, body = KINDS[kind]
    names = {"to": third.peer_id, "peer_id": third.peer_id}
    named = names if naming == "both" else {naming: third.peer_id}
    await second.send(send, {"room": room, field: body, "payload": {"n": [1, None]}, **named})
    told = await third.expect(arrive)
    assert told == {
        "room": room,
        "peer_id": second.peer_id,
        field: body,
        "peerinfo": second.peerinfo,
        "payload": {"n": [1, None]},
    }
    await second.send(send, {"room": room, field: body, "to": owner.peer_id, "payload": "marker"})
    assert (await owner.expect(arrive))["payload"] == "marker"
    assert len(owner.all(arrive)) == 1
    assert second.all(arrive) == []


@pytest.mark.parametrize(
    "body", ["text", 0, 1.5, False, [], {}, [[[{"a": []}]]], "\u2028\u0000\x7f ж 😀", {"": ""}, 1e308, 2**53, "", None]
)
async def test_a_candidate_is_any_value(world: World, body: Any) -> None:
    owner, second = await world.peers(0, 1)
    room = await room_of(owner, second)
    await second.send("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": body})
    assert (await owner.expect("ice-candidate"))["ice_candidate"] == body


async def test_a_long_description_arrives_whole(world: World) -> None:
    owner, second = await world.peers(0, 1)
    room = await room_of(owner, second)
    body = {"type": "offer", "sdp": "a=ж\r\n" * 3500}
    await second.send("relay-session-description", {"room": room, "to": owner.peer_id, "session_description": body})
    assert (await owner.expect("session-description"))["session_description"] == body


async def test_order_is_kept(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    for sender in (second, third):
        for number in range(500):
            await sender.send("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": number})
    for sender in (second, third):
        await owner.expect("ice-candidate", within=20, peer_id=sender.peer_id, ice_candidate=499)
    for sender in (second, third):
        got = [told["ice_candidate"] for told in owner.all("ice-candidate") if told["peer_id"] == sender.peer_id]
        assert got == list(range(500))


async def test_order_is_kept_among_kinds(world: World) -> None:
    owner, second = await world.peers(0, 1)
    room = await room_of(owner, second)
    for number in range(50):
        for send, _, field, _ in KINDS.values():
            await second.send(send, {"room": room, "to": owner.peer_id, field: {"n": number}})
    await second.send("room-leave-request", {"room": room})
    await owner.expect("room-user-leave")
    events = [told.event for told in owner.log if told.event != "connect"][-101:]
    assert events == ["session-description", "ice-candidate"] * 50 + ["room-user-leave"]


async def test_the_sender_is_stamped(world: World) -> None:
    owner, second, victim = await world.peers(0, 1, 0)
    room = await room_of(owner, second, victim)
    lies = {"from": victim.peer_id, "sender": victim.peer_id, "sid": victim.peer_id, "peerinfo": victim.peerinfo}
    await second.send(
        "relay-session-description",
        {"room": room, "to": owner.peer_id, "session_description": OFFER, "payload": lies, **lies},
    )
    told = await owner.expect("session-description")
    assert told["peer_id"] == second.peer_id
    assert told["peerinfo"] == second.peerinfo
    assert told["payload"] == lies
    assert set(told) == {"room", "peer_id", "session_description", "peerinfo", "payload"}


async def test_a_relay_to_oneself_goes_nowhere_else(world: World) -> None:
    owner, second = await world.peers(0, 1)
    room = await room_of(owner, second)
    await second.call("relay-ice-candidate", {"room": room, "to": second.peer_id, "ice_candidate": "self"})
    await second.send("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": "marker"})
    await owner.expect("ice-candidate", ice_candidate="marker")
    assert len(owner.all("ice-candidate")) == 1


async def test_rooms_do_not_mix(world: World) -> None:
    first, second, third = await world.peers(0, 1, 0)
    one = await room_of(first, second)
    other = await room_of(second, third)
    answer = await first.call("relay-ice-candidate", {"room": one, "to": third.peer_id, "ice_candidate": 1})
    assert (answer["ok"], answer["code"]) == (False, "not-member")
    answer = await first.call("relay-ice-candidate", {"room": other, "to": second.peer_id, "ice_candidate": 1})
    assert (answer["ok"], answer["code"]) == (False, "not-member")
    await second.send("relay-ice-candidate", {"room": other, "to": third.peer_id, "ice_candidate": "marker"})
    await third.expect("ice-candidate", ice_candidate="marker")
    assert len(third.all("ice-candidate")) == 1
    assert second.all("ice-candidate") == []


async def test_everybody_to_everybody(world: World) -> None:
    peers = await world.peers(0, 1, 0, 1, 0, 1)
    room = await room_of(*peers)

    async def offer(sender: Peer, to: Peer) -> None:
        body = f"{sender.name} to {to.name}"
        await sender.send("relay-session-description", {"room": room, "to": to.peer_id, "session_description": body})

    pairs = [(sender, to) for sender in peers for to in peers if sender is not to]
    await asyncio.gather(*(offer(sender, to) for sender, to in pairs))
    for sender, to in pairs:
        told = await to.expect("session-description", peer_id=sender.peer_id)
        assert told["session_description"] == f"{sender.name} to {to.name}"
    assert all(len(peer.all("session-description")) == len(peers) - 1 for peer in peers)
