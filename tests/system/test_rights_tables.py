"""Every row of the tables of grants, roles and policy, over real sockets on two gateways.

Written from the contract alone: what these tests expect is what PROTOCOL.md says.
"""

import asyncio
import time
from typing import Any

import pytest

from tests.system.rig.peer import Peer
from tests.system.rig.rooms import admit, create, new_name, request, room_of
from tests.system.rig.waiting import until
from tests.system.rig.world import World

CREATE, JOIN, LEAVE = "room-create-request", "room-join-request", "room-leave-request"
ACCEPT, REJECT, CANCEL = "room-join-accept", "room-join-reject", "room-join-cancel"
ROLE, KICK, UNBAN = "room-role-request", "room-kick-request", "room-unban-request"
POLICY, CLOSE, SAY = "room-policy-request", "room-close-request", "room-message-request"
GRANTS = ("knock", "create", "enter", "moderate", "own")


async def view(member: Peer, room: str) -> Any:
    """The room as a member is shown it now."""
    answer = await member.call(JOIN, {"room": room})
    assert answer["ok"], answer
    return answer


def role_in(shown: Any, peer: Peer) -> str:
    assert peer.peer_id in [*shown["peers"], shown["peer_id"]]
    return str(shown["roles"].get(peer.peer_id, "member"))


async def outcome_of_asking(owner: Peer, visitor: Peer, room: str, **fields: Any) -> str:
    """What becomes of one that asks: a role, `waits`, or the code of a refusal."""
    answer = await visitor.ask(JOIN, {"room": room, **fields})
    await until(lambda: not answer.empty() or bool(visitor.all("room-join-wait")), "an answer, or having to wait")
    if answer.empty():
        assert (await owner.expect(JOIN, room=room))["peer_id"] == visitor.peer_id
        return "waits"
    found = answer.get_nowait()
    return role_in(found, visitor) if found["ok"] else str(found["code"])


# -- grants


@pytest.mark.parametrize(
    ("grant", "asked", "opened", "closed", "made"),
    [
        ("knock", "waits", "member", "closed", "forbidden"),
        ("create", "waits", "member", "closed", "owner"),
        ("enter", "member", "member", "closed", "forbidden"),
        ("moderate", "moderator", "moderator", "moderator", "forbidden"),
        ("own", "owner", "owner", "owner", "owner"),
    ],
)
async def test_what_a_grant_allows(world: World, grant: str, asked: str, opened: str, closed: str, made: str) -> None:
    owner = await world.peer(0, version=2)
    for admission, expected in (("ask", asked), ("open", opened), ("closed", closed)):
        room = new_name()
        await owner.call(CREATE, {"room": room, "policy": {"admission": admission}})
        visitor = await world.user(f"{grant}-{room}", grant, gateway=1)
        assert await outcome_of_asking(owner, visitor, room) == expected
        if expected == "owner":
            assert role_in(await view(owner, room), owner) == "moderator"
    maker, free = await world.user(f"maker-{grant}-{new_name()}", grant, gateway=1), new_name()
    answer = await maker.call(CREATE, {"room": free})
    assert answer.get("code", "owner") == made
    taken = await maker.call(CREATE, {"room": room})
    assert taken["code"] == ("forbidden" if made == "forbidden" else "taken")
    also = await maker.call(JOIN, {"room": new_name(), "create": True})
    assert also.get("code", "owner") == ("not-found" if made == "forbidden" else "owner")
    assert also.get("created", False) is (made == "owner")


@pytest.mark.parametrize("grant", GRANTS)
async def test_a_grant_ends_at_a_full_room(world: World, grant: str) -> None:
    owner, member = await world.peer(0, version=2), await world.peer(1)
    room = await room_of(owner, member)
    await owner.call(POLICY, {"room": room, "policy": {"max_peers": 2}})
    visitor = await world.user(f"{grant}-{room}", grant, gateway=1)
    assert (await visitor.call(JOIN, {"room": room}))["code"] == "full"


@pytest.mark.parametrize("banned_by", ["owner", "moderator"])
@pytest.mark.parametrize("grant", GRANTS)
async def test_a_host_by_grant_is_kept_out_by_the_owner_alone(world: World, grant: str, banned_by: str) -> None:
    owner, moderator = await world.peer(0, version=2), await world.peer(1, version=2)
    room = await room_of(owner, moderator)
    await owner.call(ROLE, {"room": room, "to": moderator.peer_id, "role": "moderator"})
    who = f"{grant}-{room}"
    before = await world.user(who, "knock", gateway=1)
    await request(owner, before, room)
    by = owner if banned_by == "owner" else moderator
    assert (await by.call(KICK, {"room": room, "peer_id": before.peer_id, "ban": True}))["ok"]
    visitor = await world.user(who, grant, gateway=0)
    answer = await visitor.call(JOIN, {"room": room})
    comes_in = grant in ("moderate", "own") and banned_by == "moderator"
    assert answer.get("code", "in") == ("in" if comes_in else "banned")


async def test_one_of_two_who_own_by_grant_is_the_owner(world: World) -> None:
    one, other = await world.user(f"a-{new_name()}", "own"), await world.user(f"b-{new_name()}", "own", gateway=1)
    room = await create(one)
    assert role_in(await view(other, room), other) == "moderator"
    assert role_in(await view(one, room), one) == "owner"


async def test_the_name_of_a_room_counts_before_all_others(world: World) -> None:
    owner, room = await world.peer(0, version=2), new_name()
    await owner.call(CREATE, {"room": room})
    visitor = await world.user(f"v-{room}", gateway=1, rooms={"*": "own", room: "knock"})
    assert await outcome_of_asking(owner, visitor, room) == "waits"
    alone = await world.user(f"w-{room}", gateway=1, rooms={room: "enter"})
    assert (await alone.call(JOIN, {"room": room}))["ok"]
    assert (await alone.call(JOIN, {"room": new_name()}))["code"] == "forbidden"


async def test_an_identity_stands_in_all_that_others_are_told(world: World) -> None:
    owner, name = await world.peer(0, version=2), new_name()
    room = await create(owner)
    ann, identity = await world.user(name, gateway=1, resumable=True), {"id": name, "name": name.title()}
    lie = {"identity": {"id": "root", "name": "Root"}, "by": "root", "role": "owner"}
    await ann.send(JOIN, {"room": room, **lie})
    assert (await owner.expect(JOIN))["identity"] == identity
    await owner.send(ACCEPT, {"room": room, "peer_id": ann.peer_id, **lie})
    assert (await owner.expect("room-user-join"))["identity"] == identity
    assert (await ann.expect("room-join-accept"))["identities"] == {ann.peer_id: identity}
    await ann.send(SAY, {"room": room, "body": 1, **lie})
    assert (await owner.expect("room-message"))["identity"] == identity
    token = ann.token
    await ann.vanish()
    again = await world.stranger(0)
    again.app_token = ann.app_token
    await again.connect()
    found = await again.authenticate(version=2, resumable=True, resume=token)
    assert found["rooms"][0]["identities"] == {ann.peer_id: identity}
    await again.send(LEAVE, {"room": room, **lie})
    assert (await owner.expect("room-user-leave"))["identity"] == identity


async def test_a_newer_token_brings_new_grants_and_none_of_another_user_does(world: World) -> None:
    owner, name = await world.peer(0, version=2), new_name()
    room = await create(owner)
    ann = await world.user(name, "knock", gateway=1)
    await request(owner, ann, room)
    for token in (await world.system.user_token(f"not-{name}"), await world.system.app_token()):
        assert (await ann.call_bare("auth-request", {"token": token}))["code"] == "unauthorized"
    assert (await ann.call(CREATE, {"room": new_name()}))["code"] == "forbidden"
    newer = await world.system.user_token(name, rooms={"*": "own"})
    renewed = await ann.call_bare("auth-request", {"token": newer})
    ann.token = renewed["token"]
    assert (await ann.call(CREATE, {"room": new_name()}))["ok"]
    assert room not in [accepted["room"] for accepted in ann.all("room-join-accept")], "it is asked for anew"
    assert (await ann.call(JOIN, {"room": room}))["ok"]


# -- roles


async def hall(world: World) -> tuple[dict[str, Peer], str]:
    """One of each role, on both gateways, and another moderator and member to act on."""
    names = ("owner", "moderator", "member", "another moderator", "another member", "candidate", "stranger")
    there = {name: await world.peer(number % 2, version=2) for number, name in enumerate(names)}
    room = await room_of(*(there[name] for name in names[:5]))
    for name in ("moderator", "another moderator"):
        named = {"room": room, "peer_id": there[name].peer_id, "role": "moderator"}
        assert (await there["owner"].call(ROLE, named))["ok"]
    await request(there["owner"], there["candidate"], room)
    return there, room


async def test_who_may_do_what_to_whom(world: World) -> None:
    there, room = await hall(world)

    async def code(who: str, event: str, whom: str = "", **fields: Any) -> str:
        named = {"peer_id": there[whom].peer_id} if whom else {}
        answer = await there[who].call(event, {"room": room, **named, **fields})
        return str(answer.get("code", "ok"))

    for who, refused in (("member", "forbidden"), ("candidate", "not-member"), ("stranger", "not-member")):
        assert await code(who, KICK, "another member") == refused
        assert await code(who, UNBAN, "stranger") == refused
        assert await code(who, POLICY, policy={"admission": "open"}) == refused
        assert await code(who, ACCEPT, "candidate") == "not-owner"
        assert await code(who, REJECT, "candidate") == "not-owner"
    for who, refused in (("moderator", "not-owner"), ("member", "not-owner"), ("candidate", "not-member")):
        assert await code(who, ROLE, "another member", role="moderator") == refused
        assert await code(who, CLOSE) == refused
    for whom in ("owner", "another moderator", "moderator"):
        assert await code("moderator", KICK, whom) == "forbidden"
    assert await code("owner", KICK, "owner") == "forbidden"
    assert await code("owner", KICK, "stranger") == "not-member"
    assert await code("owner", ROLE, "candidate", role="moderator") == "not-member"
    assert await code("owner", ROLE, "member", role="king") == "bad-request"
    assert await code("stranger", CANCEL) == "not-pending"
    assert await code("member", CANCEL) == "not-pending"
    assert sorted((await view(there["owner"], room))["peers"]) == sorted(
        there[name].peer_id for name in ("moderator", "member", "another moderator", "another member")
    )
    assert await code("moderator", KICK, "another member") == "ok"
    assert await code("owner", KICK, "another moderator") == "ok"
    assert await code("moderator", REJECT, "candidate") == "ok"


async def test_all_hosts_hear_how_each_request_ends(world: World) -> None:
    owner, moderator, old = await world.peer(0, version=2), await world.peer(1, version=2), await world.peer(1)
    room = await room_of(owner, moderator, old)
    await owner.call(ROLE, {"room": room, "to": moderator.peer_id, "role": "moderator"})

    async def ended(peer: Peer, reason: str, by: str | None) -> None:
        for host in (owner, moderator):
            gone = await host.expect("room-join-gone", room=room, peer_id=peer.peer_id)
            assert (gone["reason"], gone.get("by")) == (reason, by)

    async def asks(**fields: Any) -> Peer:
        candidate = await world.peer(0, **{"version": 2, **fields})
        await request(owner, candidate, room)
        await moderator.expect(JOIN, peer_id=candidate.peer_id)
        return candidate

    await moderator.call(ACCEPT, {"room": room, "peer_id": (one := await asks()).peer_id})
    await ended(one, "accepted", moderator.peer_id)
    await moderator.call(REJECT, {"room": room, "peer_id": (two := await asks(version=1)).peer_id})
    await ended(two, "rejected", moderator.peer_id)
    await (three := await asks()).call(CANCEL, {"room": room})
    await ended(three, "cancelled", None)
    assert "room-join-gone" not in old.untaken()


async def test_a_new_host_is_told_who_waits(world: World) -> None:
    owner, member, candidate = [await world.peer(number % 2, version=2) for number in range(3)]
    room = await room_of(owner, member)
    await request(owner, candidate, room)
    await owner.call(ROLE, {"room": room, "to": member.peer_id, "role": "moderator"})
    await member.expect(JOIN, room=room, peer_id=candidate.peer_id)
    await member.call(ACCEPT, {"room": room, "peer_id": candidate.peer_id})
    await candidate.expect("room-join-accept")


@pytest.mark.parametrize("version", [1, 2])
async def test_a_ban_for_a_time_is_over_then(world: World, version: int) -> None:
    owner, guest = await world.peer(0, version=2), await world.peer(1, version=version)
    room = await room_of(owner, guest)
    answer = await owner.call(KICK, {"room": room, "peer_id": guest.peer_id, "ban": 1})
    assert answer["banned_until"] > 1_000_000_000
    await guest.expect("room-kicked" if version == 2 else "room-closed")
    refused = 0
    asked = await guest.ask(JOIN, {"room": room})
    while not owner.all(JOIN)[1:]:
        if not asked.empty() and asked.get_nowait()["code"] == "banned":
            refused += 1
            await asyncio.sleep(0.1)
            asked = await guest.ask(JOIN, {"room": room})
        await asyncio.sleep(0.01)
    assert refused or time.time() > answer["banned_until"], "it was let in before"


async def test_a_moderator_lifts_its_own_bans_and_none_of_the_owners(world: World) -> None:
    there, room = await hall(world)
    for by, whom in (("owner", "member"), ("moderator", "another member")):
        await there[by].call(KICK, {"room": room, "peer_id": there[whom].peer_id, "ban": True})
    lift = {name: {"room": room, "peer_id": there[name].peer_id} for name in ("member", "another member")}
    assert (await there["moderator"].call(UNBAN, lift["member"]))["code"] == "forbidden"
    assert (await there["moderator"].call(UNBAN, lift["another member"]))["ok"]
    assert (await there["member"].call(JOIN, {"room": room}))["code"] == "banned"
    assert (await there["owner"].call(UNBAN, lift["member"]))["ok"]
    for name in ("member", "another member"):
        await request(there["owner"], there[name], room)


async def test_a_room_passes_to_the_eldest_moderator_else_to_the_eldest_member(world: World) -> None:
    owner, first, second, third = [await world.peer(number % 2, version=2) for number in range(4)]
    room = await room_of(owner, first, second, third)
    await owner.call(ROLE, {"room": room, "to": second.peer_id, "role": "moderator"})
    for leaver, heir, witness in ((owner, second, third), (second, first, third)):
        await leaver.call(LEAVE, {"room": room})
        role = await witness.expect("room-role", peer_id=heir.peer_id, role="owner")
        assert role["by"] is None
        assert (await view(witness, room))["owner"] == heir.peer_id
        await asyncio.sleep(2)  # until it may ask again


# -- policy


async def test_each_key_of_a_policy_has_its_bounds(world: World) -> None:
    owner = await world.peer(0, version=2)
    room = await create(owner)
    wrong: list[dict[str, Any]] = [
        {"admission": "maybe"},
        {"admission": None},
        {"max_peers": 1},
        {"max_peers": 2.5},
        {"max_peers": "many"},
        {"owner_leaves": "stay"},
        {"waiting_text": "x" * 257},
        {"waiting_text": 1},
        {"history": -1},
        {"history": 51},
        {"colour": "red"},
        {"admission": "open", "colour": "red"},
    ]
    for policy in wrong:
        for event in (POLICY, CREATE):
            where = {"room": room if event == POLICY else new_name(), "policy": policy}
            assert (await owner.call(event, where))["code"] == "bad-request", policy
    shown = (await view(owner, room))["policy"]
    assert shown["admission"] == "ask"
    assert (shown["owner_leaves"], shown["waiting_text"], shown["history"]) == ("pass", "", 0)
    most = {"admission": "closed", "max_peers": 2, "owner_leaves": "close", "waiting_text": "x" * 256, "history": 50}
    assert (await owner.call(POLICY, {"room": room, "policy": most}))["policy"] == most
    assert await owner.expect("room-policy") == {"room": room, "policy": most, "by": owner.peer_id}
    assert (await owner.call(POLICY, {"room": room, "policy": {"history": 0}}))["policy"] == {**most, "history": 0}


async def test_fewer_peers_than_there_are_remove_nobody(world: World) -> None:
    owner, one, two, late = [await world.peer(number % 2, version=2) for number in range(4)]
    room = await room_of(owner, one, two)
    assert (await owner.call(POLICY, {"room": room, "policy": {"max_peers": 2, "admission": "open"}}))["ok"]
    assert len((await view(owner, room))["peers"]) == 2
    assert (await late.call(JOIN, {"room": room}))["code"] == "full"
    await one.call(LEAVE, {"room": room})
    assert (await late.call(JOIN, {"room": room}))["code"] == "full"
    await two.call(LEAVE, {"room": room})
    assert (await late.call(JOIN, {"room": room}))["ok"]


async def test_those_who_wait_come_in_in_order_when_a_room_is_opened(world: World) -> None:
    owner, *waiting = [await world.peer(number % 2, version=1 + number % 2) for number in range(1, 6)]
    room = await create(owner)
    for candidate in waiting:
        await request(owner, candidate, room)
    assert (await owner.call(POLICY, {"room": room, "policy": {"admission": "open", "max_peers": 4}}))["ok"]
    for candidate in waiting[:3]:
        await candidate.expect("room-join-accept")
    joined = [told["peer_id"] for told in owner.all("room-user-join")]
    assert joined == [candidate.peer_id for candidate in waiting[:3]]
    assert waiting[3].all("room-join-accept") == waiting[3].all("room-join-reject") == []


async def test_those_who_wait_stay_when_a_room_is_closed_to_others(world: World) -> None:
    owner, waiting, late = [await world.peer(number % 2, version=2) for number in range(3)]
    room = await create(owner)
    await request(owner, waiting, room)
    await owner.call(POLICY, {"room": room, "policy": {"admission": "closed"}})
    assert (await late.call(JOIN, {"room": room}))["code"] == "closed"
    await owner.call(ACCEPT, {"room": room, "peer_id": waiting.peer_id})
    await waiting.expect("room-join-accept")


@pytest.mark.parametrize("version", [1, 2])
async def test_a_room_may_end_with_its_owners_leave(world: World, version: int) -> None:
    owner, guest, candidate = await world.peer(0, version=2), await world.peer(1, version=version), await world.peer(1)
    room = new_name()
    await owner.call(CREATE, {"room": room, "policy": {"owner_leaves": "close"}})
    await admit(owner, guest, room)
    await request(owner, candidate, room)
    await owner.close()
    assert (await guest.expect("room-closed"))["room"] == room
    assert (await candidate.expect("room-join-reject"))["code"] == "not-found"
    assert (await guest.call(JOIN, {"room": room}))["code"] == "not-found"
