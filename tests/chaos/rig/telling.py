"""Whether what one client is told of its rooms makes sense to it, from one event to the next. Pure.

One that has come back is told what it missed, in version 1 also of what it then finds in its rooms anyway: so there,
only what was told before it first came back is looked at.
"""

from collections.abc import Callable, Iterator

from tests.chaos.rig.case import Case
from tests.chaos.rig.story import OUT, Back, Got, Sent, Story, View, see

OF_ROOM = ("room-user-join", "room-user-leave", "room-owner", "room-role", "room-policy", "room-data")
IN = ("room-join-accept", "room-create-accept")


def told_outside(case: Case) -> Iterator[str]:
    """One who had been told that it is out of a room was told what goes on there."""
    for story in case.stories.values():
        out: set[str] = set()
        for entry in _sensible(story):
            if isinstance(entry, Back):
                out -= entry.rooms.keys()
            elif entry.event in OUT and not _is_concluded(entry):
                out.add(entry.room)
            elif entry.event in IN:
                out.discard(entry.room)
            elif entry.event in OF_ROOM and entry.room in out:
                yield f"{story.peer_id} was told {entry.event} of {entry.peer} in {entry.room}, and is out of it"


def contradictory(case: Case) -> Iterator[str]:
    """A member was told that somebody came in who was there, that somebody went who was not, or an older value."""
    for story in case.stories.values():
        rooms: dict[str, View] = {}
        for entry in _sensible(story):
            if isinstance(entry, Back):
                rooms = dict(entry.rooms)
                continue
            if entry.room in rooms:
                there = entry.peer in rooms[entry.room].members
                if (entry.event, there) in (("room-user-join", True), ("room-user-leave", False)):
                    yield f"{story.peer_id} was told {entry.event} of {entry.peer} in {entry.room}: it knew that"
                known = {key: version for key, _, version in rooms[entry.room].data or ()}
                if older := [key for key, _, version in entry.data if version <= known.get(key, 0)]:
                    yield f"{story.peer_id} was told older values of {older} in {entry.room}"
            see(rooms, story.peer_id, entry)


CHECKS: tuple[Callable[[Case], Iterator[str]], ...] = (told_outside, contradictory)


def _is_concluded(got: Got) -> bool:
    """Whether it was not told, and follows from the answer that it is not a member: what was said before may come."""
    return got.event == "room-leave-accept" and got.number is None


def _sensible(story: Story) -> Iterator[Got | Back]:
    """What must make sense, one after the other."""
    for entry in story.entries:
        if isinstance(entry, Back) and story.version == 1:
            return
        if not isinstance(entry, Sent):
            yield entry
