"""Leaving, and what becomes of the room."""

from tests.system.rig.peer import Peer
from tests.system.rig.rooms import admit, create, new_name, request, room_of

Trio = list[Peer]


async def test_leaving_is_accepted_and_told(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    await second.send("room-leave-request", {"room": room, "payload": "bye"})
    accepted = await second.expect("room-leave-accept")
    assert (accepted["room"], accepted["payload"]) == (room, "bye")
    for other in (owner, third):
        left = await other.expect("room-user-leave")
        assert (left["room"], left["peer_id"], left["peerinfo"]) == (room, second.peer_id, second.peerinfo)
        assert left["reason"] == "left"
        assert set(left) <= {"room", "peer_id", "peerinfo", "reason", "payload"}
    assert second.all("room-user-leave") == []


async def test_who_left_is_no_roommate(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    assert (await second.call("room-leave-request", {"room": room}))["ok"] is True
    answer = await owner.call("relay-ice-candidate", {"room": room, "to": second.peer_id, "ice_candidate": 1})
    assert (answer["ok"], answer["code"]) == (False, "not-member")
    answer = await second.call("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": 1})
    assert (answer["ok"], answer["code"]) == (False, "not-member")
    answer = await second.call("room-leave-request", {"room": room})
    assert (answer["ok"], answer["code"]) == (False, "not-member")


async def test_who_left_may_come_back(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    await second.call("room-leave-request", {"room": room})
    accepted = await admit(owner, second, room)
    assert set(accepted["peers"]) == {owner.peer_id, third.peer_id}


async def test_the_room_goes_to_the_longest_member(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second, third)
    await owner.send("room-leave-request", {"room": room})
    for other in (second, third):
        await other.expect("room-user-leave", room=room, peer_id=owner.peer_id, reason="left")
        assert await other.expect("room-owner") == {"room": room, "peer_id": second.peer_id}
    await admit(second, owner, room)


async def test_the_owner_that_disconnects_is_followed_as_well(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, third, second)
    await owner.close()
    for other in (second, third):
        await other.expect("room-user-leave", room=room, peer_id=owner.peer_id, reason="closed")
        assert await other.expect("room-owner") == {"room": room, "peer_id": third.peer_id}


async def test_the_new_owner_hears_of_pending_requests(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second)
    await third.send("room-join-request", {"room": room, "payload": "please"})
    await owner.expect("room-join-request", room=room)
    await owner.send("room-leave-request", {"room": room})
    asked = await second.expect("room-join-request", room=room)
    assert asked == {"room": room, "peer_id": third.peer_id, "peerinfo": third.peerinfo, "payload": "please"}
    await second.send("room-join-accept", {"room": room, "peer_id": third.peer_id})
    accepted = await third.expect("room-join-accept", room=room)
    assert (accepted["owner"], accepted["peers"]) == (second.peer_id, [second.peer_id])


async def test_the_former_owner_admits_nobody(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second)
    await request(owner, third, room)
    await owner.call("room-leave-request", {"room": room})
    answer = await owner.call("room-join-accept", {"room": room, "peer_id": third.peer_id})
    assert (answer["ok"], answer["code"]) == (False, "not-owner")
    await second.expect("room-join-request", room=room, peer_id=third.peer_id)


async def test_an_empty_room_is_gone(trio: Trio) -> None:
    owner, second, third = trio
    room = await create(owner)
    await request(owner, second, room)
    assert (await owner.call("room-leave-request", {"room": room}))["ok"] is True
    rejected = await second.expect("room-join-reject", room=room)
    assert rejected["message"]
    answer = await third.call("room-join-request", {"room": room})
    assert (answer["ok"], answer["code"]) == (False, "not-found")
    await create(third, room)


async def test_leaving_an_unknown_room_is_refused(trio: Trio) -> None:
    second, room = trio[1], new_name()
    answer = await second.call("room-leave-request", {"room": room, "payload": 9})
    refused = await second.expect("request-reject")
    assert answer["ok"] is False
    assert answer["code"] == refused["code"]
    assert refused["code"] in ("not-member", "not-found")
    assert (refused["event"], refused["room"], refused["payload"]) == ("room-leave-request", room, 9)
