"""Identities, grants, roles and policies over real sockets, on two gateways, in both versions of the contract."""

import asyncio
import time
from typing import Any

import aiohttp
import jwt
import pytest
import socketio

from tests.conftest import StartSystem
from tests.system.rig.harness import APP_SECRET
from tests.system.rig.peer import Peer
from tests.system.rig.rooms import admit, create, new_name, request, room_of
from tests.system.rig.world import World

JOIN = "room-join-request"


async def two(world: World, **fields: Any) -> tuple[Peer, Peer]:
    """Anonymous peers of version 2, on both gateways."""
    return await world.peer(0, version=2, **fields), await world.peer(1, version=2, **fields)


async def test_version_2_is_answered_and_version_1_hears_nothing_of_it(world: World) -> None:
    await world.system.agreed()
    new, old = await world.connected(), await world.connected(1)
    assert (await new.authenticate(version=7))["version"] == 2
    assert "version" not in await old.authenticate()


@pytest.mark.parametrize(
    ("grant", "admission", "outcome"),
    [
        ("knock", "ask", "waits"),
        ("enter", "ask", "in"),
        ("create", "open", "in"),
        ("enter", "closed", "closed"),
        ("moderate", "closed", "in"),
        ("own", "closed", "in"),
    ],
)
async def test_grants_at_the_door(world: World, grant: str, admission: str, outcome: str) -> None:
    owner = await world.peer(version=2)
    room = new_name()
    await owner.send("room-create-request", {"room": room, "policy": {"admission": admission, "waiting_text": "soon"}})
    ann = await world.user("ann", grant, gateway=1)
    await ann.send(JOIN, {"room": room})
    identity = {"id": "ann", "name": "Ann"}
    if outcome == "waits":
        assert await ann.expect("room-join-wait") == {"room": room, "text": "soon"}
        assert (await owner.expect(JOIN))["identity"] == identity
    elif outcome == "in":
        assert (await ann.expect("room-join-accept"))["identities"] == {ann.peer_id: identity}
        assert (await owner.expect("room-user-join"))["identity"] == identity
    else:
        assert (await ann.expect("room-join-reject"))["code"] == outcome


async def test_the_acknowledgement_says_whether_the_room_was_made(world: World) -> None:
    owner, other = await two(world)
    room = new_name()
    made = await owner.call(JOIN, {"room": room, "create": True})
    assert (made["ok"], made["created"], made["owner"]) == (True, True, owner.peer_id)
    asking = asyncio.create_task(other.call(JOIN, {"room": room, "create": True}))
    await owner.expect(JOIN)
    await owner.send("room-join-accept", {"room": room, "peer_id": other.peer_id})
    answer = await asking
    assert answer["ok"]
    assert "created" not in answer


async def test_a_room_of_nobodys_is_forbidden(world: World) -> None:
    ann = await world.user("ann", rooms={"elsewhere": "own"})
    for event in (JOIN, "room-create-request"):
        assert (await ann.call(event, {"room": new_name()}))["code"] == "forbidden"


async def test_nobody_says_who_it_is_by_itself(world: World) -> None:
    owner, ann = await world.peer(version=2), await world.user("ann", gateway=1)
    room = await create(owner)
    lie = {"id": "root", "name": "Root"}
    await ann.send(JOIN, {"room": room, "identity": lie, "user": lie, "role": "owner", "peerinfo": lie})
    assert (await owner.expect(JOIN))["identity"] == {"id": "ann", "name": "Ann"}


async def test_roles_move_through_both_gateways_and_both_versions(world: World) -> None:
    owner, moderator = await two(world)
    old = await world.peer(1)
    room = await room_of(owner, moderator, old)
    assert (await owner.call("room-role-request", {"room": room, "to": moderator.peer_id, "role": "moderator"}))["ok"]
    role = {"room": room, "peer_id": moderator.peer_id, "role": "moderator", "by": owner.peer_id}
    assert await moderator.expect("room-role") == role
    guest = await world.peer(0)
    await guest.send(JOIN, {"room": room})
    await moderator.expect(JOIN)
    await moderator.send("room-join-accept", {"room": room, "peer_id": guest.peer_id})
    await guest.expect("room-join-accept")
    gone = {"room": room, "peer_id": guest.peer_id, "reason": "accepted", "by": moderator.peer_id}
    assert await owner.expect("room-join-gone", peer_id=guest.peer_id) == gone
    await owner.send("room-role-request", {"room": room, "to": moderator.peer_id, "role": "owner"})
    assert (await old.expect("room-owner"))["peer_id"] == moderator.peer_id
    await moderator.expect("room-role", role="owner")
    await owner.expect("room-role", peer_id=owner.peer_id, role="moderator")
    await moderator.close()
    await owner.expect("room-role", peer_id=owner.peer_id, role="owner", by=None)
    assert "room-role" not in [*old.untaken(), *guest.untaken()]


async def test_a_version_1_owner_with_a_version_2_moderator_by_grant(world: World) -> None:
    owner = await world.peer(0)
    room = await create(owner)
    moderator = await world.user("mod", "moderate", gateway=1)
    assert (await moderator.call(JOIN, {"room": room}))["roles"][moderator.peer_id] == "moderator"
    await owner.expect("room-user-join")
    guest = await world.peer(1)
    await guest.send(JOIN, {"room": room})
    await owner.expect(JOIN)
    await moderator.expect(JOIN, peer_id=guest.peer_id)
    await owner.send("room-join-reject", {"room": room, "peer_id": guest.peer_id})
    await moderator.expect("room-join-gone", reason="rejected", by=owner.peer_id)
    assert not {"room-role", "room-join-gone"} & set(owner.untaken())


async def test_kick_and_ban(world: World) -> None:
    owner = await world.peer(0, version=2)
    room = await create(owner)
    eve = [await world.user("eve", gateway=gateway) for gateway in (0, 1)]
    for device in eve:
        await admit(owner, device, room)
    old = await world.peer(1)
    await admit(owner, old, room)
    answer = await owner.call("room-kick-request", {"room": room, "peer_id": eve[0].peer_id, "ban": True, "text": "no"})
    assert (answer["ok"], answer["banned_until"]) == (True, True)
    for device in eve:
        kicked = {"room": room, "by": owner.peer_id, "text": "no", "banned_until": True}
        assert await device.expect("room-kicked") == kicked
        assert (await device.call(JOIN, {"room": room}))["code"] == "banned"
        await old.expect("room-user-leave", peer_id=device.peer_id, reason="kicked")
    again = await world.user("eve", "enter", gateway=1)
    assert (await again.call(JOIN, {"room": room}))["code"] == "banned"
    await owner.send("room-kick-request", {"room": room, "peer_id": old.peer_id})
    await old.expect("room-user-leave", peer_id=owner.peer_id, reason="closed")
    assert (await old.expect("room-closed"))["room"] == room
    assert (await owner.call("room-unban-request", {"room": room, "id": "eve"}))["ok"]
    assert (await again.call(JOIN, {"room": room}))["ok"]


async def test_a_policy_opens_the_door_and_the_owner_closes_the_room(world: World) -> None:
    owner, candidate = await two(world)
    room = await create(owner)
    await request(owner, candidate, room)
    answer = await owner.call("room-policy-request", {"room": room, "policy": {"admission": "open"}})
    assert answer["policy"]["admission"] == "open"
    assert (await candidate.expect("room-join-accept"))["policy"]["admission"] == "open"
    old = await world.peer(1)
    assert (await old.call(JOIN, {"room": room}))["ok"]
    refused = await owner.call("room-policy-request", {"room": room, "policy": {"colour": "red"}})
    assert refused["code"] == "bad-request"
    assert (await owner.call("room-close-request", {"room": room, "text": "bye"}))["ok"]
    closed = {"room": room, "by": owner.peer_id, "text": "bye"}
    assert await candidate.expect("room-closed") == closed
    assert await old.expect("room-closed") == closed


async def test_a_request_is_taken_back(world: World) -> None:
    owner, candidate = await two(world)
    room = await create(owner)
    await request(owner, candidate, room)
    assert (await candidate.call("room-join-cancel", {"room": room}))["ok"]
    await owner.expect("room-join-gone", reason="cancelled", peer_id=candidate.peer_id)
    assert (await owner.call("room-join-accept", {"room": room, "peer_id": candidate.peer_id}))["code"] == "not-pending"


async def test_one_who_comes_back_finds_the_room_as_it_is(world: World) -> None:
    owner, guest = await two(world, resumable=True)
    room = await room_of(owner, guest)
    token = guest.token
    await guest.vanish()
    bob = await world.user("bob", "moderate")
    await bob.send(JOIN, {"room": room})
    await bob.expect("room-join-accept")
    await owner.send("room-policy-request", {"room": room, "policy": {"waiting_text": "x"}})
    again = await world.connected(0)
    accepted = await again.authenticate(version=2, resumable=True, resume=token)
    [found] = accepted["rooms"]
    assert found["roles"] == {owner.peer_id: "owner", bob.peer_id: "moderator"}
    assert found["identities"] == {bob.peer_id: {"id": "bob", "name": "Bob"}}
    assert found["policy"]["waiting_text"] == "x"
    await owner.send("room-role-request", {"room": room, "to": bob.peer_id, "role": "member"})
    await again.expect("room-role", peer_id=bob.peer_id)
    assert again.untaken() == ["connect"], "what led to that state is not told again"


async def test_the_newest_device_replaces_the_others_and_the_oldest_keeps_them_out(world: World) -> None:
    first = await world.user("ann", gateway=0)
    second = await world.user("ann", gateway=1, single="newest")
    assert (await first.expect("session-ended"))["code"] == "replaced"
    await first.expect("disconnect")
    third = await world.stranger(0)
    third.app_token = await world.system.user_token("ann", single="oldest")
    await third.connect()
    await third.send_bare("auth-request", {"token": third.app_token})
    assert (await third.expect("auth-reject"))["code"] == "already-here"
    assert (await second.call("room-create-request", {"room": new_name()}))["code"] == "forbidden"


def hand_made(**claims: Any) -> str:
    now = int(time.time())
    said = {"typ": "user", "iss": "tests", "aud": "parley", "sub": "ann", "iat": now, "exp": now + 60, **claims}
    return jwt.encode({name: value for name, value in said.items() if value is not None}, APP_SECRET, "HS256")


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"exp": 1_000_000_060, "iat": 1_000_000_000}, "Token has expired"),
        ({"iat": 4_000_000_000, "exp": 4_000_000_060}, "Token is not valid yet"),
        ({"aud": None}, "missing or wrong"),
        ({"aud": "else"}, "not meant for this server"),
        ({"sub": ""}, "missing or wrong"),
        ({"exp": 3_900_000_000}, "lives too long"),
        ({"typ": "session"}, "Token is not valid"),
    ],
)
async def test_a_bad_user_token_is_refused_with_its_sentence(
    world: World, claims: dict[str, Any], sentence: str
) -> None:
    peer = await world.connected(1)
    await peer.send_bare("auth-request", {"token": hand_made(**claims)})
    refused = await peer.expect("auth-reject")
    assert refused["code"] == "unauthorized"
    assert sentence in refused["message"]


async def test_a_session_ends_with_its_token(start_system: StartSystem) -> None:
    """Two seconds of life: notice after one, and the end 25 s after."""
    world = World(await start_system(gateways=1))
    ann = await world.user("ann", "create", expires_in=2)
    told = await ann.expect("auth-expiring")
    assert 0 <= told["expires_in"] <= 1.1
    renewed = await ann.call_bare("auth-request", {"token": await world.system.user_token("ann", expires_in=3600)})
    assert renewed["ok"]
    bob = await world.user("bob", "create", expires_in=1)
    assert (await bob.expect("session-ended", within=40))["code"] == "expired"
    await bob.expect("disconnect")
    assert ann.all("session-ended") == []
    await world.close()


async def test_where_nobody_is_anonymous_only_users_get_in(start_system: StartSystem) -> None:
    world = World(await start_system(gateways=1, settings={"ANONYMOUS": "off"}))
    stranger = await world.stranger()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await stranger.connect()
    refused = await stranger.expect("connect_error")
    assert refused["data"]["code"] == "forbidden"
    ann = await world.user("ann", "create")
    assert (await ann.call("room-create-request", {"room": "tea"}))["ok"]
    await world.close()


async def test_a_revoked_user_is_gone_within_a_second_and_stays_out(start_system: StartSystem) -> None:
    admin = "t" * 40
    system = await start_system(gateways=2, brokers=2, overrides={"auth": {"ADMIN_TOKEN": admin}})
    world = World(system)
    devices = [await world.user("ann", "create", gateway=gateway, resumable=True) for gateway in (0, 1)]
    token, session = devices[0].app_token, devices[1].token
    call = f"{system.auth.url}/admin/apps/tests/users/ann"
    headers = {"Authorization": f"Bearer {admin}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.delete(call) as answer:
        assert answer.status == 200
    for device in devices:
        assert (await device.expect("session-ended", within=1))["code"] == "revoked"
    again = await world.stranger(1)
    again.app_token = token
    await again.connect()
    for fields in ({"token": token}, {"token": token, "resume": session}):
        await again.send_bare("auth-request", fields)
        assert (await again.expect("auth-reject"))["message"] == "Token is revoked"
    await system.process("broker-0").kill()
    system.process("broker-0").start()
    await system.process("broker-0").ready()
    await again.send_bare("auth-request", {"token": token})
    assert (await again.expect("auth-reject", within=15))["message"] == "Token is revoked"
    await world.close()
