"""What one peer did and was told, in order: the records that the checker judges.

Everything that a client sends carries a number in its payload, higher each time and never used by another one; what
the others are told because of it carries the same number.
"""

import dataclasses
from typing import Any

RELAYS = {"relay-session-description": "session-description", "relay-ice-candidate": "ice-candidate"}
OK = "ok"
# Events whose own fields tell what they ask for.
GOVERNING = (
    "room-create-request", "room-join-request", "room-kick-request", "room-role-request", "room-policy-request",
    "room-data-request",
)  # fmt: skip
OUT = ("room-leave-accept", "room-kicked", "room-closed")  # after which a peer is not in a room any more


@dataclasses.dataclass(frozen=True)
class View:
    """A room as one of its members sees it. What stands behind ``owner`` is None where it was not told.

    ``data`` are keys, each with its value and version; they were shown as they were at the version ``shown``.
    """

    members: frozenset[str]
    owner: str
    moderators: frozenset[str] | None = None
    admission: str | None = None
    data: frozenset[tuple[str, Any, int]] | None = None
    shown: int = 0

    @property
    def hosts(self) -> frozenset[str]:
        """All that are known to decide."""
        return (self.moderators or frozenset()) | {self.owner}

    def agrees(self, other: "View | None") -> bool:
        """Whether both can be true."""
        if other is None or (self.members, self.owner) != (other.members, other.owner):
            return False
        pairs = (
            (self.moderators, other.moderators),
            (self.admission, other.admission),
            (_there(self.data), _there(other.data)),
        )
        return all(one is None or another is None or one == another for one, another in pairs)


@dataclasses.dataclass
class Sent:
    """An event of this peer. ``answer`` is ``ok``, the code of a refusal, or None when none came.

    ``fields`` are its own.
    """

    number: int
    event: str
    room: str
    to: str = ""
    answer: str | None = None
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Got:
    """An event that this peer was told. ``number`` is that of its cause, if somebody's event caused it.

    ``peer`` is the peer it is about; ``view`` the room, where it shows the whole of it. ``detail`` is the reason of a
    leave, a role, or how a room admits people; ``data`` are keys of the room that have another value and version.
    """

    event: str
    room: str
    number: int | None = None
    peer: str = ""
    view: View | None = None
    detail: str = ""
    data: tuple[tuple[str, Any, int], ...] = ()


@dataclasses.dataclass(frozen=True)
class Back:
    """The peer came back on another socket, and was shown its rooms, and who waits for those that it is a host of."""

    rooms: dict[str, View]
    waiting: dict[str, frozenset[str]] = dataclasses.field(default_factory=dict)


Entry = Sent | Got | Back


@dataclasses.dataclass
class Story:
    """The life of one peer, from its first ``auth-accept`` on. ``grants`` are None for one who is anonymous.

    ``numbered`` says that it sends again what was not answered, so it is told everything about what it asked for.

    ``stayed`` says that it was there until the end. A peer that did not stay has said goodbye, or lost its connection
    without being resumable, or ``evicted`` says that it was not let back in. ``truth`` is what the broker said of its
    rooms when all was over.
    """

    peer_id: str
    resumable: bool
    entries: list[Entry] = dataclasses.field(default_factory=list)
    stayed: bool = False
    evicted: bool = False
    truth: dict[str, View] = dataclasses.field(default_factory=dict)
    version: int = 1
    identity: str = ""
    grants: dict[str, str] | None = None
    numbered: bool = False

    @property
    def key(self) -> str:
        """Whom a ban of this peer holds."""
        return self.identity or self.peer_id

    def may(self, room: str) -> str | None:
        """What its backend has granted to it."""
        return None if self.grants is None else self.grants.get(room, self.grants.get("*"))

    def sent(self) -> list[Sent]:
        """All events that it sent."""
        return [entry for entry in self.entries if isinstance(entry, Sent)]

    def got(self, *events: str) -> list[Got]:
        """All events that it was told, or those of certain names."""
        return [entry for entry in self.entries if isinstance(entry, Got) and (not events or entry.event in events)]


def views(story: Story) -> dict[str, View]:
    """The rooms as this peer must see them after all that it was told."""
    rooms: dict[str, View] = {}
    for entry in story.entries:
        if isinstance(entry, Back):
            rooms = dict(entry.rooms)
        elif isinstance(entry, Got):
            see(rooms, story.peer_id, entry)
    return rooms


def see(rooms: dict[str, View], me: str, got: Got) -> None:
    """Bring what a peer knows of its rooms up to date with one event."""
    if got.event == "room-create-accept":
        rooms[got.room] = View(frozenset({me}), me)
    elif got.event == "room-join-accept" and got.view is not None:
        rooms[got.room] = got.view
    elif got.event in OUT:
        rooms.pop(got.room, None)
    elif got.room in rooms:
        rooms[got.room] = _changed(rooms[got.room], got)


def take_out_questions(story: Story, start: int) -> dict[str, View]:
    """The rooms by what this peer was told since that entry, from which on it has asked to be shown them once more.

    What it believes is what it was told before, so questions and answers are taken out of its story. Everything else
    that came in since stays there: it was on its way.
    """
    since = story.entries[start:]
    told: dict[str, View] = {}
    for entry in since:
        if isinstance(entry, Got):
            see(told, story.peer_id, entry)
    asked = {entry.number for entry in since if isinstance(entry, Sent) and entry.event == "room-join-request"}
    story.entries[start:] = [entry for entry in since if isinstance(entry, Back) or entry.number not in asked]
    return told


def waiting(story: Story) -> dict[str, set[str]]:
    """Who waits to be let in, by all that a host of version 2 was told, in each of its rooms."""
    known: dict[str, set[str]] = {}
    rooms: dict[str, View] = {}
    for entry in story.entries:
        if isinstance(entry, Back):
            rooms = dict(entry.rooms)
            known = {room: set(peers) for room, peers in entry.waiting.items()}
        elif isinstance(entry, Got):
            see(rooms, story.peer_id, entry)
            if entry.event == "room-join-request":
                known.setdefault(entry.room, set()).add(entry.peer)
            elif entry.event == "room-join-gone":
                known.get(entry.room, set()).discard(entry.peer)
        known = {room: peers for room, peers in known.items() if room in rooms and story.peer_id in rooms[room].hosts}
    return known


def _changed(room: View, got: Got) -> View:
    moderators = (room.moderators or frozenset()) - {got.peer}
    if got.event == "room-user-join":
        return dataclasses.replace(room, members=room.members | {got.peer})
    if got.event == "room-user-leave":
        left = None if room.moderators is None else moderators
        kept = _without_data_of(room, got.peer)
        return dataclasses.replace(room, members=room.members - {got.peer}, moderators=left, data=kept)
    if got.event == "room-owner":
        return dataclasses.replace(room, owner=got.peer)
    if got.event == "room-role":
        owner = got.peer if got.detail == "owner" else room.owner
        moderators |= {got.peer} if got.detail == "moderator" else set()
        return dataclasses.replace(room, owner=owner, moderators=moderators)
    if got.event == "room-policy":
        return dataclasses.replace(room, admission=got.detail)
    if got.event == "room-data":
        return dataclasses.replace(room, data=_with_data(room, got))
    return room


def _without_data_of(room: View, peer: str) -> frozenset[tuple[str, Any, int]] | None:
    """A peer's own keys go with it."""
    return None if room.data is None else frozenset(one for one in room.data if not one[0].startswith(f"peer.{peer}."))


def _with_data(room: View, got: Got) -> frozenset[tuple[str, Any, int]]:
    """A newer value of a key takes an older one's place; None, which is remembered, means that there is no such key."""
    newest = {key: (value, version) for key, value, version in room.data or ()}
    for key, value, version in got.data:
        if version > newest.get(key, (None, 0))[1]:
            newest[key] = value, version
    return frozenset((key, value, version) for key, (value, version) in newest.items())


def _there(data: frozenset[tuple[str, Any, int]] | None) -> frozenset[tuple[str, Any, int]] | None:
    return None if data is None else frozenset(one for one in data if one[1] is not None)
