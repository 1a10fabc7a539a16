"""What nobody may do: the faults of the original, and their relatives."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import StartSystem
from tests.system.rig.peer import Peer
from tests.system.rig.rooms import create, new_name, request, room_of
from tests.system.rig.tokens import claims_of, expired, forged, signed, unsigned
from tests.system.rig.waiting import until
from tests.system.rig.world import World

Trio = list[Peer]

RELAYS = {"relay-session-description": "session_description", "relay-ice-candidate": "ice_candidate"}
EVENTS = [
    "room-create-request",
    "room-join-request",
    "room-join-accept",
    "room-join-reject",
    "room-leave-request",
    *RELAYS,
]


async def refused(peer: Peer, event: str, code: str, fields: dict[str, Any]) -> None:
    """The event is refused twice over: by an event that says all the sender knows, and by the acknowledgement."""
    answer = await peer.call(event, {**fields, "payload": {"mine": 1}})
    assert (answer["ok"], answer["code"]) == (False, code), answer
    told = await peer.expect("request-reject", event=event)
    assert told["code"] == code
    assert told["message"] == answer["message"]
    assert told["room"] == fields["room"]
    assert told["peer_id"] == fields["peer_id"]
    assert told["payload"] == {"mine": 1}


async def test_a_joiner_cannot_admit_itself(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, third)
    await refused(second, "room-join-accept", "not-owner", {"room": room, "peer_id": second.peer_id})
    await request(owner, second, room)
    await refused(second, "room-join-accept", "not-owner", {"room": room, "peer_id": second.peer_id})
    answer = await second.call("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": 1})
    assert answer["code"] == "not-member"
    assert second.all("room-join-accept") == []
    assert [told["peer_id"] for told in owner.all("room-user-join")] == [third.peer_id]


async def test_a_member_cannot_admit(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second)
    await request(owner, third, room)
    for event in ("room-join-accept", "room-join-reject"):
        await refused(second, event, "not-owner", {"room": room, "peer_id": third.peer_id})
    answer = await owner.call("room-join-accept", {"room": room, "peer_id": third.peer_id})
    assert answer["ok"] is True


async def test_who_did_not_ask_is_not_admitted(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, third)
    for event in ("room-join-accept", "room-join-reject"):
        for peer_id in (second.peer_id, "nobody", owner.peer_id, third.peer_id):
            await refused(owner, event, "not-pending", {"room": room, "peer_id": peer_id})
    await create(second)
    assert second.all("room-join-accept") == []
    assert second.all("room-join-reject") == []


@pytest.mark.parametrize("event", ["room-join-accept", "room-join-reject"])
async def test_an_unknown_room_admits_nobody(trio: Trio, event: str) -> None:
    owner, second, _ = trio
    answer = await owner.call(event, {"room": new_name(), "peer_id": second.peer_id})
    assert answer["ok"] is False
    assert answer["code"] in ("not-found", "not-owner")


@pytest.mark.parametrize("event", RELAYS)
async def test_a_relay_beyond_the_room_says_nothing_about_who_exists(trio: Trio, event: str) -> None:
    owner, second, stranger = trio
    room = await room_of(owner, second)
    for to in (stranger.peer_id, "nobody", owner.peer_id[::-1]):
        await refused(second, event, "not-member", {"room": room, "peer_id": to, RELAYS[event]: 1})
    for to in (owner.peer_id, "nobody", second.peer_id):
        await refused(stranger, event, "not-member", {"room": room, "peer_id": to, RELAYS[event]: 1})
        await refused(stranger, event, "not-member", {"room": new_name(), "peer_id": to, RELAYS[event]: 1})
    await create(stranger)
    assert stranger.all(event.removeprefix("relay-")) == []
    await second.send(event, {"room": room, "to": owner.peer_id, RELAYS[event]: "marker"})
    assert (await owner.expect(event.removeprefix("relay-")))[RELAYS[event]] == "marker"
    assert len(owner.all(event.removeprefix("relay-"))) == 1


async def test_a_candidate_is_no_roommate(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, third)
    await request(owner, second, room)
    fields = {"room": room, "ice_candidate": 1}
    await refused(second, "relay-ice-candidate", "not-member", {**fields, "peer_id": owner.peer_id})
    await refused(owner, "relay-ice-candidate", "not-member", {**fields, "peer_id": second.peer_id})


@pytest.mark.parametrize("suffix", ["-owners", "-owner", ":owners", "-pending"])
async def test_no_room_overhears_another(trio: Trio, suffix: str) -> None:
    owner, second, eavesdropper = trio
    room = await create(owner)
    await create(eavesdropper, room + suffix)
    await request(owner, second, room)
    await owner.send("room-join-accept", {"room": room, "peer_id": second.peer_id})
    await second.expect("room-join-accept", room=room)
    await create(eavesdropper)
    assert {told.event for told in eavesdropper.log} == {"connect", "auth-accept", "room-create-accept"}


async def test_a_room_named_as_a_peer_hears_nothing(trio: Trio) -> None:
    owner, second, eavesdropper = trio
    await create(eavesdropper, owner.peer_id)
    await create(eavesdropper, second.peer_id)
    room = await room_of(owner, second)
    await second.call("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": 1})
    await create(eavesdropper)
    assert {told.event for told in eavesdropper.log} == {"connect", "auth-accept", "room-create-accept"}


BAD_TOKENS: dict[str, Callable[[str], Any]] = {
    "missing": lambda token: None,
    "empty": lambda token: "",
    "a.b.c": lambda token: "a.b.c",
    "number": lambda token: 5,
    "list": lambda token: [token],
    "object": lambda token: {"token": token},
    "forged": forged,
    "unsigned": unsigned,
    "expired": expired,
    "of no claims": lambda token: signed({}),
    "long": lambda token: "x" * 20_000,
}


@pytest.mark.parametrize("event", EVENTS)
async def test_no_event_without_the_own_session_token(world: World, event: str) -> None:
    owner, victim = await world.peers(0, 0)
    room = await room_of(owner, victim)
    fields = {"room": room, "peer_id": victim.peer_id, "session_description": 1, "ice_candidate": 1}
    tokens = [make(owner.token) for make in BAD_TOKENS.values()]
    for number, token in enumerate([*tokens, victim.token, owner.app_token]):
        answer = await owner.call_bare(event, {**fields, "auth": token})
        assert (answer["ok"], answer["code"]) == (False, "unauthorized"), f"token {number}"
        assert (await owner.expect("unauthorized"))["message"]
    assert set(owner.untaken()) == {"connect"}
    await owner.send("relay-ice-candidate", {"room": room, "to": victim.peer_id, "ice_candidate": "marker"})
    await victim.expect("ice-candidate", ice_candidate="marker")
    assert set(victim.untaken()) <= {"connect"}


@pytest.mark.parametrize("event", EVENTS)
async def test_no_event_before_authentication(world: World, event: str) -> None:
    honest, early = await world.peer(), await world.connected()
    fields = {"room": new_name(), "peer_id": "x", "session_description": 1, "ice_candidate": 1}
    for token in (None, honest.token, early.app_token):
        answer = await early.call_bare(event, {**fields, "auth": token})
        assert (answer["ok"], answer["code"]) == (False, "unauthorized")
        await early.expect("unauthorized")


async def test_a_session_token_expires(start_system: StartSystem) -> None:
    system = await start_system(gateways=1, settings={"TOKEN_LIFETIME": "1"})
    world = World(system)
    peer = await world.connected()
    accepted = await peer.authenticate()
    assert accepted["expires_in"] == 1
    ends = claims_of(peer.token)["exp"]
    await until(lambda: time.time() > ends, "the token has expired")
    answer = await peer.call("room-create-request", {})
    assert (answer["ok"], answer["code"]) == (False, "unauthorized")
    await peer.expect("unauthorized")
    renewal = await peer.call_bare("auth-request", {"token": peer.token})
    assert (renewal["ok"], renewal["code"]) == (False, "unauthorized")
    renewal = await peer.call_bare("auth-request", {"token": peer.app_token})
    assert renewal["peer_id"] == peer.peer_id
    peer.token = renewal["token"]
    assert (await peer.call("room-create-request", {}))["ok"] is True
    await world.close()
