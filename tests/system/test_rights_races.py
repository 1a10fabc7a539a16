"""Two want what cannot both be, at once, on two gateways: whatever comes first in the log, the room is as promised."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.conftest import StartSystem
from tests.system.rig.peer import Peer
from tests.system.rig.rooms import create, new_name, request, room_of
from tests.system.rig.world import World

ROUNDS = 12
JOIN, ACCEPT, REJECT, LEAVE = "room-join-request", "room-join-accept", "room-join-reject", "room-leave-request"
ROLE, KICK, CLOSE, CREATE = "room-role-request", "room-kick-request", "room-close-request", "room-create-request"
ADMIN_TOKEN = "t" * 40


async def members(member: Peer, room: str) -> set[str]:
    """Who is in a room, as one of them is shown it."""
    answer = await member.call(JOIN, {"room": room})
    assert answer["ok"], answer
    assert answer["owner"] in [*answer["peers"], answer["peer_id"]], "the owner is a member"
    assert list(answer["roles"].values()).count("owner") == 1
    assert set(answer["roles"]) <= {*answer["peers"], answer["peer_id"]}, "hosts are members"
    return {*answer["peers"], answer["peer_id"]}


async def hosts(world: World) -> tuple[Peer, Peer, str]:
    """An owner and a moderator, each on a gateway of its own, in their room."""
    owner, moderator = await world.peer(0, version=2), await world.peer(1, version=2)
    room = await room_of(owner, moderator)
    assert (await owner.call(ROLE, {"room": room, "to": moderator.peer_id, "role": "moderator"}))["ok"]
    return owner, moderator, room


@pytest.mark.parametrize("version", [1, 2])
async def test_a_ban_against_an_acceptance(world: World, version: int) -> None:
    owner, moderator, room = await hosts(world)
    outcomes = set()
    for number in range(ROUNDS):
        candidate = await world.peer(number % 2, version=version)
        await request(owner, candidate, room)
        named = {"room": room, "peer_id": candidate.peer_id}
        banned, accepted = await asyncio.gather(owner.call(KICK, {**named, "ban": True}), moderator.call(ACCEPT, named))
        assert banned["ok"], "it waited, or was in"
        outcomes.add(accepted.get("code", "in"))
        assert (await candidate.call(JOIN, {"room": room}))["code"] == "banned"
        relayed = await candidate.call("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": 1})
        assert relayed["code"] == "not-member"
        await candidate.close()
    assert outcomes <= {"in", "not-pending"}
    assert await members(owner, room) == {owner.peer_id, moderator.peer_id}
    assert owner.all("ice-candidate") == []


async def test_two_hosts_decide_one_request(world: World) -> None:
    owner, moderator, room = await hosts(world)
    for number in range(ROUNDS):
        candidate = await world.peer(number % 2, version=1 + number % 2)
        await request(owner, candidate, room)
        named = {"room": room, "peer_id": candidate.peer_id}
        accepted, rejected = await asyncio.gather(owner.call(ACCEPT, named), moderator.call(REJECT, named))
        assert sorted([accepted.get("code", "ok"), rejected.get("code", "ok")]) == ["not-pending", "ok"]
        decided = "accepted" if accepted["ok"] else "rejected"
        for host in (owner, moderator):
            gone = await host.expect("room-join-gone", peer_id=candidate.peer_id)
            assert (gone["reason"], gone["by"]) == (decided, (owner if accepted["ok"] else moderator).peer_id)
        await candidate.expect("room-join-accept" if accepted["ok"] else "room-join-reject", room=room)
        await candidate.close()
    for host in (owner, moderator):
        assert len(host.all("room-join-gone")) <= ROUNDS + 1, "each is told once; the moderator's own came before"


@pytest.mark.parametrize("leaver", ["the heir", "the owner", "both"])
async def test_a_transfer_against_a_leave(world: World, leaver: str) -> None:
    for number in range(ROUNDS // 2):
        owner, heir, witness = [await world.peer((number + each) % 2, version=2) for each in range(3)]
        room = await room_of(owner, heir, witness)
        leaving = {"the heir": [heir], "the owner": [owner], "both": [owner, heir]}[leaver]
        await asyncio.gather(
            owner.call(ROLE, {"room": room, "to": heir.peer_id, "role": "owner"}),
            *(peer.call(LEAVE, {"room": room}) for peer in leaving),
        )
        gone = {peer.peer_id for peer in leaving}
        assert await members(witness, room) == {owner.peer_id, heir.peer_id, witness.peer_id} - gone
        for peer in (owner, heir, witness):
            await peer.close()


async def test_a_ban_against_a_return_on_another_gateway(world: World) -> None:
    owner = await world.peer(0, version=2)
    room = await create(owner)
    for number in range(ROUNDS):
        version = 1 + number % 2
        guest = await world.peer(0, version=version, resumable=True)
        await request(owner, guest, room)
        await owner.call(ACCEPT, {"room": room, "peer_id": guest.peer_id})
        token = guest.token
        await guest.vanish()
        again = await world.connected(1)
        banned, back = await asyncio.gather(
            owner.call(KICK, {"room": room, "peer_id": guest.peer_id, "ban": True}),
            again.authenticate(version=version, resumable=True, resume=token),
        )
        assert banned["ok"]
        assert back["resumed"]
        if back["rooms"]:  # it was back before: then it is told
            await again.expect("room-kicked" if version == 2 else "room-closed", room=room)
        assert (await again.call(JOIN, {"room": room}))["code"] == "banned"
        await again.close()
    assert await members(owner, room) == {owner.peer_id}


async def test_an_acceptance_meant_for_a_room_never_lets_anybody_into_the_next_of_that_name(world: World) -> None:
    for number in range(ROUNDS):
        owner, moderator, room = await hosts(world)
        other, candidate = await world.peer(number % 2, version=2), await world.peer(1 - number % 2, version=2)
        await request(owner, candidate, room)
        _, accepted, made = await asyncio.gather(
            owner.call(CLOSE, {"room": room}),
            moderator.call(ACCEPT, {"room": room, "peer_id": candidate.peer_id}),
            other.call(CREATE, {"room": room}),
        )
        if not made["ok"]:
            made = await other.call(CREATE, {"room": room})
        assert made["ok"]
        late = [await host.call(ACCEPT, {"room": room, "peer_id": candidate.peer_id}) for host in (owner, moderator)]
        assert {answer["code"] for answer in late} == {"not-owner"}
        asking = await candidate.ask(JOIN, {"room": room})
        await other.expect(JOIN, peer_id=candidate.peer_id)
        late = [await host.call(ACCEPT, {"room": room, "peer_id": candidate.peer_id}) for host in (owner, moderator)]
        assert {answer["code"] for answer in late} == {"not-owner"}
        assert asking.empty()
        assert await members(other, room) == {other.peer_id}
        assert accepted.get("code", "ok") in ("ok", "not-found", "not-owner")
        for peer in (owner, moderator, other, candidate):
            await peer.close()


@pytest.fixture
async def operated(start_system: StartSystem) -> AsyncIterator[World]:
    """A system with an operator."""
    world = World(await start_system(gateways=2, overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}}))
    yield world
    await world.close()


async def test_a_revocation_against_a_return_on_another_gateway(operated: World) -> None:
    world, host = operated, await operated.peer(0, version=2)
    room = await create(host)

    async def revoke(http: aiohttp.ClientSession, who: str) -> None:
        async with http.delete(f"/admin/apps/tests/users/{who}") as answer:
            assert answer.status == 200

    async def come_back(token: str, session: str) -> Any:
        again = await world.stranger(1)
        again.app_token = token
        await again.connect()
        return again, await again.call_bare("auth-request", {"token": token, "resume": session, "resumable": True})

    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(world.system.auth.url, headers=headers) as http:
        for _ in range(ROUNDS):
            who = new_name()
            ann = await world.user(who, "enter", resumable=True)
            assert (await ann.call(JOIN, {"room": room}))["ok"]
            token, session = ann.app_token, ann.token
            await ann.vanish()
            _, (again, answer) = await asyncio.gather(revoke(http, who), come_back(token, session))
            if answer["ok"]:
                assert (await again.expect("session-ended", within=1))["code"] == "revoked"
            else:
                assert answer["code"] == "unauthorized"
            _, answer = await come_back(token, session)
            assert answer["code"] == "unauthorized"
            await host.expect("room-user-leave", peer_id=ann.peer_id)
    assert await members(host, room) == {host.peer_id}
