"""auth-request: becoming a peer, and renewing the session token."""

from typing import Any

import pytest

from gateway.incoming.sessions import OTHER_APP
from tests.system.rig.harness import System
from tests.system.rig.rooms import create, new_name, room_of
from tests.system.rig.tokens import claims_of, expired, forged
from tests.system.rig.world import World


async def test_the_accepting_fields(world: World) -> None:
    peer = await world.connected()
    await peer.send_bare("auth-request", {"token": peer.app_token, "peerinfo": {"id": 1}, "payload": {"foo": "bar"}})
    accepted = await peer.expect("auth-accept")
    assert accepted["peer_id"] == peer.sid
    assert accepted["payload"] == {"foo": "bar"}
    assert accepted["expires_in"] == 86400
    assert accepted["resume_for"] == 0
    assert accepted["resumed"] is False
    assert "rooms" not in accepted
    assert set(claims_of(accepted["token"]))


async def test_absent_fields_are_absent_or_null(world: World) -> None:
    peer = await world.connected()
    await peer.send_bare("auth-request", {"token": peer.app_token})
    assert (await peer.expect("auth-accept")).get("payload") is None


async def test_the_token_alone_as_in_the_original_example(world: World) -> None:
    peer = await world.connected()
    await peer.send_bare("auth-request", peer.app_token)
    peer.token = (await peer.expect("auth-accept"))["token"]
    await peer.send("room-create-request", {"room": new_name()})
    await peer.expect("room-create-accept")


@pytest.mark.parametrize("token", [None, "", "a.b.c", 5, [], {}, "x" * 10_000, "forged", "absent"])
async def test_a_bad_token_is_rejected_with_the_payload(world: World, token: Any) -> None:
    peer = await world.connected()
    request = {"token": token, "payload": [1, "two"]}
    if token == "forged":
        request["token"] = forged(peer.app_token)
    elif token == "absent":
        del request["token"]
    answer = await peer.call_bare("auth-request", request)
    rejected = await peer.expect("auth-reject")
    assert rejected["message"]
    assert rejected["code"] == answer["code"] == "unauthorized"
    assert rejected["payload"] == [1, "two"]
    assert answer["ok"] is False
    assert answer["message"] == rejected["message"]


async def test_the_rejected_may_try_again(world: World) -> None:
    peer = await world.connected()
    await peer.send_bare("auth-request", {"token": "a.b.c"})
    await peer.expect("auth-reject")
    await peer.authenticate()


@pytest.mark.parametrize("kind", ["app", "session"])
async def test_renewal_keeps_the_peer(world: World, kind: str) -> None:
    owner, member = await world.peers(0, 1)
    room = await room_of(owner, member)
    token = member.token if kind == "session" else member.app_token
    await member.send_bare("auth-request", {"token": token, "peerinfo": {"name": "new"}, "payload": 3})
    accepted = await member.expect("auth-accept")
    assert accepted["peer_id"] == member.peer_id
    assert accepted["payload"] == 3
    member.token = accepted["token"]
    await member.send("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": 1})
    relayed = await owner.expect("ice-candidate", room=room)
    assert relayed["peer_id"] == member.peer_id
    assert relayed["peerinfo"] == {"name": "new"}


async def test_the_former_session_token_holds_after_a_renewal(world: World) -> None:
    peer = await world.peer()
    await peer.send_bare("auth-request", {"token": peer.token})
    await peer.expect("auth-accept")
    await create(peer)


@pytest.mark.parametrize("make", [forged, expired])
async def test_a_bad_session_token_does_not_renew(world: World, make: Any) -> None:
    peer = await world.peer()
    answer = await peer.call_bare("auth-request", {"token": make(peer.token)})
    assert (answer["ok"], answer["code"]) == (False, "unauthorized")
    await peer.expect("auth-reject")
    await create(peer)


async def test_the_token_of_another_does_not_renew(world: World) -> None:
    victim, thief = await world.peers(0, 0)
    answer = await thief.call_bare("auth-request", {"token": victim.token})
    assert (answer["ok"], answer["code"]) == (False, "unauthorized")


async def test_the_token_of_another_app_does_not_authenticate(world: World, system: System) -> None:
    peer = await world.connected(app="one")
    for token in (await system.app_token("other"), (await world.peer(app="other")).token):
        answer = await peer.call_bare("auth-request", {"token": token, "payload": 4})
        assert (answer["ok"], answer["code"]) == (False, "unauthorized")
        assert (await peer.expect("auth-reject"))["payload"] == 4
    await peer.authenticate()
    answer = await peer.call_bare("auth-request", {"token": await system.app_token("other")})
    assert answer["message"] == OTHER_APP
    await create(peer)


@pytest.mark.parametrize("peerinfo", ["a name", 5, None, [1], {"deep": {"er": [1, {}]}}, "", 0, False, "\u2028 ж 😀"])
async def test_peerinfo_is_any_value(world: World, peerinfo: Any) -> None:
    owner, other = await world.peer(), await world.connected(1)
    await other.send_bare("auth-request", {"token": other.app_token, "peerinfo": peerinfo})
    accepted = await other.expect("auth-accept")
    other.token, other.peer_id = accepted["token"], accepted["peer_id"]
    room = await create(owner)
    await other.send("room-join-request", {"room": room})
    asked = await owner.expect("room-join-request", room=room)
    assert asked.get("peerinfo") == peerinfo


async def test_the_acknowledgement_has_the_fields_of_the_accept(world: World) -> None:
    peer = await world.connected()
    answer = await peer.call_bare("auth-request", {"token": peer.app_token, "payload": "p"})
    accepted = await peer.expect("auth-accept")
    assert answer.pop("ok") is True
    assert answer == accepted
