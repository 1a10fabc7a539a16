"""Nobody may do what the declarations say is somebody else's. Nothing here names an event."""

import pytest

from shared.contract.events import EVENTS, ClientEvent, Right
from tests.broker.world import Socket, World

# From the least to the most: the owner may do all that a member may.
ROLES = (Right.PEER, Right.CANDIDATE, Right.MEMBER, Right.OWNER)
ROOM_EVENTS = [event for event in EVENTS.values() if event.WHO in ROLES]
LESS = [(event, role) for event in ROOM_EVENTS for role in ROLES[: ROLES.index(event.WHO)]]


def company(world: World) -> dict[Right, Socket]:
    """One of each, and somebody whom each of them may want something from."""
    there = {role: world.peer() for role in ROLES}
    world.room(there[Right.OWNER], there[Right.MEMBER])
    there[Right.CANDIDATE].say("room-join-request", "room")
    for one in there.values():
        one.read()
    return there


@pytest.mark.parametrize(("event", "role"), LESS)
def test_an_event_is_refused_to_those_who_have_not_the_right(event: type[ClientEvent], role: Right) -> None:
    world = World()
    there = company(world)
    for other in there.values():
        there[role].say(event.NAME, "room", other.peer_id, payload=1)
        assert there[role].refused(event.REFUSED_AS) in ("not-member", "not-owner")
    assert [one.heard() for who, one in there.items() if who is not role] == [[]] * (len(ROLES) - 1)


@pytest.mark.parametrize("event", ROOM_EVENTS)
def test_an_event_is_not_refused_for_want_of_a_right_to_those_who_have_it(event: type[ClientEvent]) -> None:
    for role in ROLES[ROLES.index(event.WHO) :]:
        there = company(World())
        addressed = there[Right.CANDIDATE if event.WHO is Right.OWNER else Right.OWNER]
        if addressed is there[role]:
            addressed = there[Right.MEMBER]
        there[role].say(event.NAME, "room", addressed.peer_id, payload=1)
        codes = {told.fields.get("code") for told in there[role].read() if told.event == event.REFUSED_AS}
        assert not codes & {"not-member", "not-owner", "unauthorized"}
