"""What one peer did and was told, in order: the records that the checker judges.

Everything that a client sends carries a number in its payload, higher each time and never used by another one; what
the others are told because of it carries the same number.
"""

import dataclasses

RELAYS = {"relay-session-description": "session-description", "relay-ice-candidate": "ice-candidate"}
OK = "ok"


@dataclasses.dataclass(frozen=True)
class View:
    """A room as one of its members sees it."""

    members: frozenset[str]
    owner: str


@dataclasses.dataclass
class Sent:
    """An event of this peer. ``answer`` is ``ok``, the code of a refusal, or None when none came."""

    number: int
    event: str
    room: str
    to: str = ""
    answer: str | None = None


@dataclasses.dataclass(frozen=True)
class Got:
    """An event that this peer was told. ``number`` is that of its cause, if somebody's event caused it.

    ``peer`` is the peer it is about; ``view`` the room, where it shows the whole of it.
    """

    event: str
    room: str
    number: int | None = None
    peer: str = ""
    view: View | None = None


@dataclasses.dataclass(frozen=True)
class Back:
    """The peer came back on another socket, and was shown its rooms."""

    rooms: dict[str, View]


Entry = Sent | Got | Back


@dataclasses.dataclass
class Story:
    """The life of one peer, from its first ``auth-accept`` on.

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
    elif got.event == "room-leave-accept":
        rooms.pop(got.room, None)
    elif got.room in rooms:
        rooms[got.room] = _changed(rooms[got.room], got)


def _changed(room: View, got: Got) -> View:
    if got.event == "room-user-join":
        return View(room.members | {got.peer}, room.owner)
    if got.event == "room-user-leave":
        return View(room.members - {got.peer}, room.owner)
    if got.event == "room-owner":
        return View(room.members, got.peer)
    return room
