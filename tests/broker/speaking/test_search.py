"""Operators find people by who they are."""

import asyncio
from typing import Any

import pytest

from broker.core.state import Member, Peer, Room, State
from broker.speaking import search
from shared.envelopes.admin import UserLine, WhereLine
from shared.envelopes.users import User


def peer(peer_id: str, user: User | None = None, **fields: Any) -> Peer:
    return Peer(peer_id, "shop", "conn", "g", b"null", True, user=user, **fields)


def state_of(*peers: Peer) -> State:
    state = State()
    for one in peers:
        state.peers[one.peer_id] = one
    return state


ADA = peer("p-1", User("user-17", "Ada Lovelace", 0, 100, {}), rooms={"tea": None})
NOBODY = peer("abcdef-2")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("user-1", ["p-1"]),
        ("LOVE", ["p-1"]),
        ("abcd", ["abcdef-2"]),
        ("def", []),
        ("p-1", ["p-1"]),
        ("tea", []),
    ],
)
async def test_the_identity_and_the_beginning_of_a_peer_id_are_looked_at(text: str, found: list[str]) -> None:
    state = state_of(ADA, NOBODY)
    state.rooms["tea"] = Room("tea", "tea", "p-1", 0.0, {"p-1": Member(0.0)})
    page = await search.peers(state, text, 10)
    assert ([line.peer_id for line in page.peers], page.more) == (found, False)


async def test_a_line_tells_who_it_is_and_where() -> None:
    state = state_of(peer("p-1", ADA.user, rooms={"shop\ntea": None}))
    state.rooms["shop\ntea"] = Room("tea", "shop\ntea", "p-1", 0.0, {"p-1": Member(0.0)})
    (line,) = (await search.peers(state, "ada", 10)).peers
    assert (line.identity, line.rooms) == (UserLine("user-17", "Ada Lovelace"), [WhereLine("shop\ntea", "tea")])


async def test_no_more_are_told_than_were_asked_for() -> None:
    state = state_of(*(peer(f"p-{number}") for number in range(5)))
    page = await search.peers(state, "p-", 3)
    assert (len(page.peers), page.more) == (3, True)
    assert not (await search.peers(state, "p-", 5)).more


async def test_others_get_their_turn_and_may_go_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SLICE", 10)
    state = state_of(*(peer(f"p-{number}") for number in range(100)))
    looking = asyncio.create_task(search.peers(state, "p-", 100))
    await asyncio.sleep(0)
    assert not looking.done()
    del state.peers["p-99"]
    assert len((await looking).peers) == 99
