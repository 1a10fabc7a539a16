"""What notices say of rooms is held against what is the case: too little, too much, and what contradicts itself."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from broker.core.state import Member, Pending, Room
from shared.envelopes.notices import (
    Notice,
    NoticesLost,
    PeerJoined,
    PeerLeft,
    PeerRole,
    RequestDecided,
    RequestMade,
    RoomClosed,
    RoomCreated,
    RoomOwner,
)
from shared.envelopes.policy import DEFAULT
from tests.sim.register import Register

NAMED: dict[str, Any] = {"time": 1, "app": "app", "room": "hall", "key": "hall"}


def of(kind: Callable[..., Notice], peer_id: str, **fields: Any) -> Notice:
    return kind(peer_id=peer_id, identity=None, **NAMED, **fields)


CREATED = [of(RoomCreated, "ann", policy=DEFAULT), of(PeerJoined, "ann", role="owner")]
JOINED, LEFT = of(PeerJoined, "ben", role="member"), of(PeerLeft, "ben", reason="left", seconds=1.0)
ASKED, DECIDED = of(RequestMade, "cas"), of(RequestDecided, "cas", decision="rejected", by=None)
OWNED = of(RoomOwner, "ben", before="ann", by=None)
CLOSED = RoomClosed(**NAMED, reason="owner", by="ann", seconds=1.0)
LOST = NoticesLost(time=1, app="", room=None, key=None)


def room(*members: str, owner: str = "ann", waiting: Sequence[str] = ()) -> dict[str, Room]:
    there = Room("hall", "hall", owner, 0.0, {name: Member(0.0) for name in members})
    there.pending = {name: Pending(b"", []) for name in waiting}
    return {"hall": there}


@pytest.mark.parametrize(
    ("notices", "rooms"),
    [
        ([*CREATED, JOINED], room("ann", "ben")),
        ([*CREATED, JOINED, LEFT], room("ann")),
        ([*CREATED, ASKED], room("ann", waiting=["cas"])),
        ([*CREATED, ASKED, DECIDED], room("ann")),
        ([*CREATED, JOINED, OWNED, of(PeerRole, "ann", role="member", by=None)], room("ann", "ben", owner="ben")),
        ([*CREATED, of(PeerLeft, "ann", reason="left", seconds=1.0), CLOSED], {}),
        ([LOST, LEFT, ASKED], room("ann")),
        ([LOST, CLOSED, *CREATED], room("ann")),
    ],
)
def test_notices_that_say_what_is_the_case_are_right(notices: list[Notice], rooms: dict[str, Room]) -> None:
    register = Register()
    assert list(register.read(notices, rooms)) == []
    if LOST not in notices:
        assert list(register.compare_all(rooms)) == []


@pytest.mark.parametrize(
    ("notices", "rooms"),
    [
        (CREATED, room("ann", "ben")),
        ([*CREATED, JOINED], room("ann")),
        ([*CREATED, JOINED, JOINED], room("ann", "ben")),
        ([*CREATED, LEFT], room("ann")),
        ([*CREATED, ASKED], room("ann")),
        ([*CREATED, DECIDED], room("ann")),
        ([*CREATED, ASKED, ASKED], room("ann", waiting=["cas"])),
        ([*CREATED, JOINED], room("ann", "ben", owner="ben")),
        ([*CREATED, *CREATED], room("ann")),
        ([*CREATED, CLOSED], {}),
        ([*CREATED, of(PeerRole, "ben", role="member", by=None)], room("ann")),
        ([JOINED], room("ann", "ben")),
    ],
)
def test_notices_that_say_something_else_are_wrong(notices: list[Notice], rooms: dict[str, Room]) -> None:
    assert list(Register().read(notices, rooms))


def test_a_room_that_no_notice_tells_of_is_missed_in_the_end() -> None:
    assert list(Register().compare_all(room("ann")))
    assert list(Register().compare_all({})) == []
