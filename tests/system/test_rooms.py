"""Creating, asking, admitting and rejecting: every field of every answer, on one gateway and on two."""

import uuid
from typing import Any

import pytest

from tests.system.rig.peer import Peer
from tests.system.rig.rooms import admit, create, new_name, request, room_of
from tests.system.rig.world import World

Trio = list[Peer]


def shown(data: dict[str, Any]) -> dict[str, Any]:
    """The fields that are there: a field whose value is absent may be left out or null."""
    return {name: value for name, value in data.items() if value is not None}


async def test_create_is_accepted(trio: Trio) -> None:
    owner, room = trio[0], new_name()
    await owner.send("room-create-request", {"room": room, "payload": {"a": [1]}})
    assert shown(await owner.expect("room-create-accept")) == {"room": room, "payload": {"a": [1]}}


@pytest.mark.parametrize("fields", [{}, {"room": ""}, {"room": None}])
async def test_create_without_a_name_chooses_one(world: World, fields: dict[str, Any]) -> None:
    owner, candidate = await world.peers(0, 1)
    await owner.send("room-create-request", fields)
    room = (await owner.expect("room-create-accept"))["room"]
    assert str(uuid.UUID(room)) == room
    await request(owner, candidate, room)


async def test_create_of_a_taken_name_is_rejected(trio: Trio) -> None:
    owner, second, _ = trio
    room = await create(owner)
    await second.send("room-create-request", {"room": room, "payload": "mine"})
    rejected = shown(await second.expect("room-create-reject"))
    assert rejected.pop("message")
    assert rejected.pop("code") == "taken"
    assert rejected.pop("payload") == "mine"
    assert rejected.pop("room", room) == room
    assert not rejected


async def test_the_owner_is_told_again_that_the_room_is_its_own(world: World) -> None:
    owner = await world.peer()
    room = await create(owner)
    answer = await owner.call("room-create-request", {"room": room})
    assert (answer["ok"], answer["room"]) == (True, room)
    assert await owner.expect("room-create-accept") == {"room": room}


async def test_the_owner_is_asked(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, third)
    await second.send("room-join-request", {"room": room, "payload": {"login": "foo"}})
    assert await owner.expect("room-join-request") == {
        "room": room,
        "peer_id": second.peer_id,
        "peerinfo": second.peerinfo,
        "payload": {"login": "foo"},
    }
    await admit_pending(owner, second, room)
    assert third.all("room-join-request") == []


async def test_an_unknown_room_rejects(trio: Trio) -> None:
    second, room = trio[1], new_name()
    await second.send("room-join-request", {"room": room, "payload": 7})
    rejected = shown(await second.expect("room-join-reject"))
    assert rejected.pop("message")
    assert rejected == {"room": room, "payload": 7, "code": "not-found"}


@pytest.mark.parametrize("naming", ["to", "peer_id", "both"])
async def test_acceptance_is_told_to_all(trio: Trio, naming: str) -> None:
    owner, second, third = trio
    room = await room_of(owner, second)
    await request(owner, third, room)
    names = {"to": third.peer_id, "peer_id": third.peer_id}
    named = names if naming == "both" else {naming: third.peer_id}
    await owner.send("room-join-accept", {"room": room, "payload": {"hello": 1}, **named})
    accepted = shown(await third.expect("room-join-accept"))
    assert set(accepted.pop("peers")) == {owner.peer_id, second.peer_id}
    assert accepted == {
        "room": room,
        "peer_id": third.peer_id,
        "peersinfo": {owner.peer_id: owner.peerinfo, second.peer_id: second.peerinfo},
        "payload": {"hello": 1},
        "owner": owner.peer_id,
    }
    joined = {"room": room, "peer_id": third.peer_id, "peerinfo": third.peerinfo, "payload": {"hello": 1}}
    assert await owner.expect("room-user-join", peer_id=third.peer_id) == joined
    assert await second.expect("room-user-join", peer_id=third.peer_id) == joined
    assert third.all("room-user-join") == []


async def test_a_member_that_asks_again_is_told_again(trio: Trio) -> None:
    owner, second, third = trio
    room = await create(owner)
    first = await admit(owner, second, room)
    assert first["peers"] == [owner.peer_id]
    await admit(owner, third, room)
    await second.send("room-join-request", {"room": room, "payload": "again"})
    again = shown(await second.expect("room-join-accept"))
    assert set(again["peers"]) == {owner.peer_id, third.peer_id}
    assert again["peersinfo"] == {owner.peer_id: owner.peerinfo, third.peer_id: third.peerinfo}
    assert (again["room"], again["peer_id"], again["owner"]) == (room, second.peer_id, owner.peer_id)
    assert await nothing_more(owner, second, room, "room-join-request", asked_before=2)
    assert len(third.all("room-user-join")) == 0


async def test_the_owner_that_asks_is_told_its_room(world: World) -> None:
    owner = await world.peer()
    room = await create(owner)
    answer = await owner.call("room-join-request", {"room": room})
    accepted = await owner.expect("room-join-accept")
    assert (accepted["room"], accepted["peers"], accepted["owner"]) == (room, [], owner.peer_id)
    assert answer["ok"] is True
    assert owner.all("room-join-request") == []


async def test_rejection_is_told_to_the_candidate_only(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, third)
    await request(owner, second, room)
    await owner.send("room-join-reject", {"room": room, "peer_id": second.peer_id, "payload": {"why": "full"}})
    rejected = shown(await second.expect("room-join-reject"))
    assert rejected.pop("message")
    assert rejected.pop("code", "rejected") == "rejected"
    assert rejected == {"room": room, "peer_id": second.peer_id, "payload": {"why": "full"}}
    await request(owner, second, room)
    await admit_pending(owner, second, room)
    await third.expect("room-user-join", peer_id=second.peer_id)
    assert third.all("room-join-reject") == []


async def test_asking_twice_is_one_request(trio: Trio) -> None:
    owner, second, _ = trio
    room = await create(owner)
    await second.send("room-join-request", {"room": room, "payload": 1})
    await second.send("room-join-request", {"room": room, "payload": 2})
    await owner.expect("room-join-request", room=room)
    await admit_pending(owner, second, room)
    answer = await owner.call("room-join-accept", {"room": room, "peer_id": second.peer_id})
    assert (answer["ok"], answer["code"]) == (False, "not-pending")


async def test_a_name_of_any_letters(trio: Trio) -> None:
    owner, second, _ = trio
    for room in ["Зал №1", "a b/c?d&e.f*>", "😀" * 10, '"quoted"', "$SYS.>", "постоянный" * 12]:
        await create(owner, room)
        accepted = await admit(owner, second, room)
        assert accepted["room"] == room


async def test_names_differ_by_case_and_spaces(world: World) -> None:
    owner, other = await world.peers(0, 1)
    room = await create(owner)
    await create(other, room.upper())
    await create(other, room + " ")


async def admit_pending(owner: Peer, candidate: Peer, room: str) -> None:
    await owner.send("room-join-accept", {"room": room, "peer_id": candidate.peer_id})
    await candidate.expect("room-join-accept", room=room)


async def nothing_more(to: Peer, sender: Peer, room: str, event: str, asked_before: int) -> bool:
    """A marker takes the same way from ``sender``; so what was to come before it has come."""
    await sender.send("relay-ice-candidate", {"room": room, "to": to.peer_id, "ice_candidate": "marker"})
    await to.expect("ice-candidate", room=room, ice_candidate="marker")
    return len(to.all(event)) == asked_before
