"""A peer whose connection is gone comes back on another socket, or does not."""

import asyncio
import time

import pytest

from tests.chaos.conftest import StartCompany
from tests.chaos.rig.company import Company, heard, id_of, numbers, relay, relayed, told
from tests.chaos.rig.story import OK, Back
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.tokens import expired, forged
from tests.system.rig.waiting import until


def resumed(visitor: Visitor) -> bool:
    """Whether it came back as the peer that it was, at its last arrival."""
    return any(isinstance(entry, Back) for entry in visitor.story.entries)


async def relays(sender: Visitor, receiver: Visitor, room: str, count: int) -> None:
    for _ in range(count):
        assert await relay(sender, receiver, room) == OK


@pytest.mark.parametrize("gateway", [0, 1], ids=["same gateway", "other gateway"])
async def test_a_peer_comes_back_to_what_it_missed(company: Company, gateway: int) -> None:
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    await relays(ben, ann, room, 2)
    before = id_of(ann)
    await ann.drop()
    await relays(ben, ann, room, 3)
    assert await company.come(ann, gateway)
    assert (resumed(ann), id_of(ann)) == (True, before)
    assert ann.rooms[room].owner == before
    await until(lambda: relayed(ann) == numbers(ben.story), "all relays, in order")
    assert not heard(ben, "room-user-leave")
    assert await company.faults() == []


async def test_an_owner_finds_who_asked_meanwhile(company: Company) -> None:
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann)
    await ann.drop()
    ben.send("room-join-request", room)
    assert await company.come(ann, 1)
    await told(ann, "room-join-request", peer=id_of(ben))
    assert await ann.call("room-join-accept", room, id_of(ben)) == OK
    await told(ben, "room-join-accept", room=room)


async def test_the_old_socket_is_closed_and_its_end_comes_too_late(company: Company) -> None:
    ann, ben, another = await company.visitor(0), await company.visitor(1), company.stranger()
    room = await company.room(ann, ben)
    assert await company.come(another, 1, resume=ann.token)
    assert id_of(another) == id_of(ann)
    assert ann.line is not None
    await asyncio.wait_for(ann.line.down.wait(), 3)
    assert ann.line.dismissed
    assert await relay(ben, another, room) == OK
    await told(another, "session-description", room=room)
    assert not heard(ben, "room-user-leave")


async def test_a_token_brings_back_once(company: Company) -> None:
    ann, thief = await company.visitor(0), company.stranger()
    room = await company.room(ann)
    token = ann.token
    await ann.drop()
    assert await company.come(ann, 1)
    await ann.call("room-join-request", room)  # the new token is in use now
    assert await company.come(thief, 0, resume=token)
    assert id_of(thief) != id_of(ann)
    assert ann.here


async def test_an_answer_that_was_lost_does_not_cost_the_place(company: Company) -> None:
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    token = ann.token
    await ann.drop()
    assert await company.come(ann, 1)
    await relays(ben, ann, room, 2)
    await ann.drop()
    assert await company.come(ann, 0, resume=token)
    assert ann.stories == [ann.story]
    assert await relay(ben, ann, room) == OK


@pytest.mark.parametrize("damage", [forged, expired])
async def test_a_bad_token_brings_back_nobody(company: Company, damage: object) -> None:
    ann = await company.visitor(0)
    await ann.drop()
    assert callable(damage)
    assert await company.come(ann, 1, resume=damage(ann.token))
    assert len(ann.stories) == 2


@pytest.mark.parametrize("resumable", [True, False], ids=["goodbye", "not resumable"])
async def test_who_says_goodbye_or_never_opted_in_is_gone_at_once(company: Company, resumable: bool) -> None:
    ann, ben = await company.visitor(0, resumable=resumable), await company.visitor(1)
    await company.room(ann, ben)
    began, gone = time.monotonic(), id_of(ann)
    await (ann.leave() if resumable else ann.drop())
    await told(ben, "room-user-leave", peer=gone)
    await told(ben, "room-owner", peer=id_of(ben))
    assert time.monotonic() - began < 2
    assert await company.come(ann, 1, resume=ann.token)
    assert id_of(ann) != gone


async def test_a_client_that_counts_gets_just_what_it_missed(company: Company) -> None:
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ann, ben)
    await relays(ben, ann, room, 5)
    await until(lambda: len(relayed(ann)) == 5, "all relays have come")
    await ann.drop()
    assert await company.come(ann, 1, received=ann.received - 2)
    await until(lambda: len(relayed(ann)) == 7, "the last two have come again")
    assert relayed(ann) == [*numbers(ben.story), *numbers(ben.story)[-2:]]


async def test_a_place_is_kept_for_a_time(start_company: StartCompany) -> None:
    company = await start_company(gateways=1, settings={"RESUME_FOR": "1"})
    ann, ben = await company.visitor(0), await company.visitor(0)
    await company.room(ann, ben)
    gone, began = id_of(ann), time.monotonic()
    await ann.drop()
    await told(ben, "room-user-leave", peer=gone)
    assert 0.9 < time.monotonic() - began < 3
    assert await company.come(ann, 0)
    assert id_of(ann) != gone


@pytest.mark.parametrize(("count", "size", "kept"), [(256, 10, 256), (257, 10, 256), (6, 40_000, 6), (7, 40_000, 6)])
async def test_what_is_kept_is_bounded_and_costs_nobody_its_place(
    company: Company, count: int, size: int, kept: int
) -> None:
    ann, ben = await company.visitor(0), await company.visitor(1)
    room = await company.room(ben, ann)
    gone = id_of(ann)
    async with company.closing(gone):  # what is in the log before that goes to the socket, and does not wait
        await ann.drop()
    for _ in range(count):
        ben.send("relay-session-description", room, gone, session_description="x" * size)
    await until(ben.all_answered, "all are answered")
    answers = [sent.answer for sent in ben.story.sent()][-count:]
    assert answers == [OK] * kept + ["too-many-requests"] * (count - kept)
    assert await company.come(ann, 0)
    assert id_of(ann) == gone
    await until(lambda: len(relayed(ann)) == kept, "all relays that were not refused")
    assert await company.faults() == []
