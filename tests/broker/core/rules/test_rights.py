"""Nobody may do what the declarations say is somebody else's. Nothing here names an event."""

from typing import Any

import pytest

from shared.contract.events import EVENTS, HOSTS, ClientEvent, Right
from tests.broker.world import Socket, World
from tests.events import whole

# From the least to the most: the owner may do all that a member may.
ROLES = (Right.PEER, Right.CANDIDATE, Right.MEMBER, Right.HOST, Right.OWNER)
REFUSALS = {"not-member", "not-owner", "not-pending", "forbidden"}
ROOM_EVENTS = [event for event in EVENTS.values() if event.WHO not in (Right.ANYONE, Right.PEER)]


def least(event: type[ClientEvent]) -> int:
    """Where those begin who may send an event."""
    who = {Right.DECIDER: Right.HOST, Right.WAITING: Right.CANDIDATE}.get(event.WHO, event.WHO)
    return ROLES.index(who)


def may(event: type[ClientEvent], role: Right) -> bool:
    return role is Right.CANDIDATE if event.WHO is Right.WAITING else ROLES.index(role) >= least(event)


BOTH = [(event, role) for event in ROOM_EVENTS for role in ROLES]


def company(world: World) -> dict[Right, Socket]:
    """One of each, and somebody whom each of them may want something from."""
    there = {role: world.peer(version=2) for role in ROLES}
    world.room(there[Right.OWNER], there[Right.MEMBER], there[Right.HOST])
    there[Right.OWNER].say("room-role-request", "room", there[Right.HOST].peer_id, role="moderator")
    there[Right.CANDIDATE].say("room-join-request", "room")
    for one in there.values():
        one.read()
    return there


def own(event: type[ClientEvent]) -> dict[str, Any]:
    return {name: value for name, value in whole(event.NAME).items() if name in event.OWN}


@pytest.mark.parametrize(("event", "role"), [(event, role) for event, role in BOTH if not may(event, role)])
def test_an_event_is_refused_to_those_who_have_not_the_right(event: type[ClientEvent], role: Right) -> None:
    world = World()
    there = company(world)
    for other in there.values():
        there[role].say(event.NAME, "room", other.peer_id, payload=1, **own(event))
        assert there[role].refused(event.REFUSED_AS) in REFUSALS
    assert [one.heard() for who, one in there.items() if who is not role] == [[]] * (len(ROLES) - 1)


@pytest.mark.parametrize(("event", "role"), [(event, role) for event, role in BOTH if may(event, role)])
def test_an_event_is_not_refused_for_want_of_a_right_to_those_who_have_it(
    event: type[ClientEvent], role: Right
) -> None:
    there = company(World())
    addressed = there[Right.CANDIDATE if event.WHO is Right.DECIDER else Right.MEMBER]
    if addressed is there[role]:
        addressed = there[Right.OWNER]
    to = HOSTS if role is Right.CANDIDATE else addressed.peer_id  # the only ones whom a candidate may address
    there[role].say(event.NAME, "room", to, payload=1, **own(event))
    codes = {told.fields.get("code") for told in there[role].read() if told.event == event.REFUSED_AS}
    assert not codes & (REFUSALS | {"unauthorized"})
