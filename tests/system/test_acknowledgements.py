"""Acknowledgements: exactly one for who asks, with the final outcome; none for who does not."""

import asyncio
from typing import Any

import pytest

from tests.system.rig.harness import System
from tests.system.rig.peer import Peer
from tests.system.rig.rawsocket import RawSocket
from tests.system.rig.rooms import create, new_name, request, room_of

Trio = list[Peer]


async def answer_of(answers: "asyncio.Queue[Any]") -> Any:
    return await asyncio.wait_for(answers.get(), 5)


async def test_create(trio: Trio) -> None:
    owner, second, _ = trio
    room = new_name()
    assert await owner.call("room-create-request", {"room": room, "payload": 1}) == {
        "ok": True,
        "room": room,
        "payload": 1,
    }
    answer = await second.call("room-create-request", {"room": room})
    assert (answer["ok"], answer["code"]) == (False, "taken")
    assert answer["message"]


async def test_join_is_answered_by_the_acceptance(trio: Trio) -> None:
    owner, second, third = trio
    room = await room_of(owner, second)
    answers = await third.ask("room-join-request", {"room": room})
    await owner.expect("room-join-request", room=room)
    # whatever is to come of the request before the owner's decision has come when this one is answered
    await third.call("room-create-request", {"room": new_name()})
    assert answers.empty()
    accepting = await owner.call("room-join-accept", {"room": room, "peer_id": third.peer_id, "payload": "in"})
    assert accepting["ok"] is True
    told = await third.expect("room-join-accept")
    assert await answer_of(answers) == {"ok": True, **told}
    assert answers.empty()


async def test_join_is_answered_by_the_rejection(trio: Trio) -> None:
    owner, second, _ = trio
    room = await create(owner)
    answers = await second.ask("room-join-request", {"room": room})
    await owner.expect("room-join-request", room=room)
    rejecting = await owner.call("room-join-reject", {"room": room, "peer_id": second.peer_id})
    assert rejecting["ok"] is True
    answer = await answer_of(answers)
    assert (answer["ok"], answer["code"]) == (False, "rejected")
    assert answer["message"]


async def test_join_of_an_unknown_room(trio: Trio) -> None:
    answer = await trio[1].call("room-join-request", {"room": new_name()})
    assert (answer["ok"], answer["code"]) == (False, "not-found")


async def test_join_of_a_room_that_goes_away(trio: Trio) -> None:
    owner, second, _ = trio
    room = await create(owner)
    answers = await second.ask("room-join-request", {"room": room})
    await owner.expect("room-join-request", room=room)
    await owner.close()
    answer = await answer_of(answers)
    assert (answer["ok"], answer["code"]) == (False, "not-found")


async def test_join_asked_twice_answers_both(trio: Trio) -> None:
    owner, second, _ = trio
    room = await create(owner)
    first = await second.ask("room-join-request", {"room": room})
    await owner.expect("room-join-request", room=room)
    again = await second.ask("room-join-request", {"room": room})
    await second.call("room-create-request", {"room": new_name()})
    await owner.send("room-join-accept", {"room": room, "peer_id": second.peer_id})
    assert (await answer_of(first))["ok"] is True
    assert (await answer_of(again))["ok"] is True
    assert first.empty()
    assert again.empty()


@pytest.mark.parametrize("event", ["relay-session-description", "relay-ice-candidate"])
async def test_relays(trio: Trio, event: str) -> None:
    owner, second, third = trio
    room = await room_of(owner, second)
    field = event.removeprefix("relay-").replace("-", "_")
    assert (await second.call(event, {"room": room, "to": owner.peer_id, field: 1}))["ok"] is True
    answer = await second.call(event, {"room": room, "to": third.peer_id, field: 1})
    assert (answer["ok"], answer["code"]) == (False, "not-member")


async def test_leave(trio: Trio) -> None:
    owner, second, _ = trio
    room = await room_of(owner, second)
    answer = await second.call("room-leave-request", {"room": room, "payload": [0]})
    assert answer == {"ok": True, **(await second.expect("room-leave-accept"))}
    assert answer["payload"] == [0]


@pytest.mark.parametrize("fields", [{"auth": None}, {"auth": "a.b.c"}, {"room": 5}, {"room": "\x00"}])
async def test_refusals_are_answered(trio: Trio, fields: dict[str, Any]) -> None:
    answer = await trio[1].call("room-join-request", {"room": new_name(), **fields})
    assert answer["ok"] is False
    assert answer["code"] == ("unauthorized" if "auth" in fields else "bad-request")
    assert answer["message"]


async def test_what_was_not_asked_is_not_answered(system: System) -> None:
    async with RawSocket(system.gateways[0].url) as raw:
        token = await raw.authenticate(await system.app_token())
        room = new_name()
        await raw.event("room-create-request", {"auth": token, "room": room})
        await raw.event("room-create-request", {"auth": token, "room": room})
        await raw.event("room-create-request", {"auth": "forged", "room": room})
        await raw.event("room-leave-request", {"auth": token, "room": room}, ack="77")
        frames = []
        while not (frame := await raw.receive()).startswith("4377"):
            frames.append(frame)
        assert [frame for frame in frames if frame.startswith("43")] == []


async def test_each_is_answered_once_with_its_own_id(system: System) -> None:
    async with RawSocket(system.gateways[0].url) as raw:
        token = await raw.authenticate(await system.app_token())
        for number in range(60):
            event = ("room-join-request", "room-leave-request", "relay-ice-candidate")[number % 3]
            await raw.event(event, {"auth": token, "room": "nowhere", "to": "x", "ice_candidate": 1}, ack=str(number))
        await raw.event("room-create-request", {"auth": token}, ack="999")
        got = []
        while not (frame := await raw.expect("43")).startswith("43999"):
            got.append(int(frame[2 : frame.index("[")]))
        assert sorted(got) == list(range(60))


async def test_the_owner_sees_no_answer_meant_for_another(trio: Trio) -> None:
    owner, second, _ = trio
    room = await create(owner)
    await request(owner, second, room)
    assert owner.all("room-join-accept") == []
    answer = await owner.call("room-join-accept", {"room": room, "peer_id": second.peer_id})
    assert answer["ok"] is True
    await owner.expect("room-user-join")
    assert owner.all("room-join-accept") == []
