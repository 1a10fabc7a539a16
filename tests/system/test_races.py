"""One authority: of two who want the same at once, one gets it, always."""

import asyncio
from typing import Any

from tests.system.rig.peer import Peer
from tests.system.rig.rooms import create, new_name, request
from tests.system.rig.world import World

ROUNDS = 50


async def test_two_creators_on_two_gateways(world: World) -> None:
    first, second = await world.peers(0, 1)
    winners: list[Peer] = []
    for _ in range(ROUNDS):
        room = new_name()
        answers = await asyncio.gather(
            *(peer.call("room-create-request", {"room": room}) for peer in (first, second)),
        )
        assert sorted(answer["ok"] for answer in answers) == [False, True]
        winner, loser = (first, second) if answers[0]["ok"] else (second, first)
        await winner.expect("room-create-accept", room=room)
        assert (await loser.expect("room-create-reject"))["code"] == "taken"
        await request(winner, loser, room)
        await winner.call("room-leave-request", {"room": room})
        winners.append(winner)
    assert len(first.all("room-create-accept")) + len(second.all("room-create-accept")) == ROUNDS


async def test_many_creators(world: World) -> None:
    peers = await world.peers(*[0, 1] * 8)
    for _ in range(5):
        room = new_name()
        answers = await asyncio.gather(*(peer.call("room-create-request", {"room": room}) for peer in peers))
        assert sum(answer["ok"] for answer in answers) == 1


async def test_accept_and_reject_at_once(world: World) -> None:
    owner, candidate = await world.peers(0, 1)
    for _ in range(10):
        room = await create(owner)
        await request(owner, candidate, room)
        named = {"room": room, "peer_id": candidate.peer_id}
        accepted, rejected = await asyncio.gather(
            owner.call("room-join-accept", named), owner.call("room-join-reject", named)
        )
        assert sorted([accepted["ok"], rejected["ok"]]) == [False, True]
        await candidate.expect("room-join-accept" if accepted["ok"] else "room-join-reject", room=room)
        await owner.call("room-leave-request", {"room": room})
        if accepted["ok"]:
            await candidate.call("room-leave-request", {"room": room})


async def test_join_while_the_owner_leaves(world: World) -> None:
    """The candidate is asked for and then told that the room is gone, or told so at once; never left waiting."""
    owner, candidate = await world.peers(0, 1)
    for _ in range(20):
        room = await create(owner)
        left, joined = await asyncio.gather(
            owner.call("room-leave-request", {"room": room}),
            candidate.call("room-join-request", {"room": room}),
        )
        assert left["ok"] is True
        assert (joined["ok"], joined["code"]) == (False, "not-found")


async def test_crowded_admission(world: World) -> None:
    """Twenty ask at once; each who is in knows all who are in."""
    owner, *others = await world.peers(0, *[1, 0] * 10)
    room = await create(owner)

    async def admit_all() -> None:
        for _ in others:
            asked = await owner.expect("room-join-request", room=room)
            await owner.send("room-join-accept", {"room": room, "peer_id": asked["peer_id"]})

    answers: list[dict[str, Any]]
    _, *answers = await asyncio.gather(
        admit_all(), *(other.call("room-join-request", {"room": room}) for other in others)
    )
    assert all(answer["ok"] for answer in answers)
    everybody = {owner.peer_id, *(other.peer_id for other in others)}
    last = max(answers, key=lambda answer: len(answer["peers"]))
    assert {*last["peers"], last["peer_id"]} == everybody
    for other, answer in zip(others, answers, strict=True):
        for later in everybody - {other.peer_id} - set(answer["peers"]):
            await other.expect("room-user-join", room=room, peer_id=later)
        assert len(other.all("room-user-join")) + len(answer["peers"]) == len(others)
