"""A room with one peer of each role in it, one who waits, and one who has nothing to do with it."""

from typing import Any

from shared.envelopes.users import User
from tests.broker.world import Socket, Told, World

ROOM = "hall"
NEVER = 10**10  # seconds since the epoch


def user(user_id: str, grant: str = "create", room: str = "*", expires: int = NEVER, **fields: Any) -> User:
    """Somebody with one grant."""
    return User(user_id, user_id.title(), fields.pop("issued", 0), expires, {room: grant}, **fields)  # type: ignore[dict-item]


class Hall:
    """``owner`` and ``moderator`` are its hosts. All are anonymous, of version 2 unless it is said otherwise."""

    def __init__(self, world: World | None = None, **versions: int) -> None:
        self.world = world or World()
        self.owner = self.peer(version=versions.get("owner", 2))
        self.moderator = self.peer(gateway="g2", version=versions.get("moderator", 2))
        self.member = self.peer(version=versions.get("member", 2))
        self.candidate = self.peer(gateway="g2", version=versions.get("candidate", 2))
        self.stranger = self.peer(version=versions.get("stranger", 2))
        self.world.room(self.owner, self.moderator, self.member, name=ROOM)
        if versions.get("owner", 2) > 1:
            self.owner.say("room-role-request", ROOM, self.moderator.peer_id, role="moderator")
        self.candidate.say("room-join-request", ROOM, ack=99)
        self.read()

    @property
    def everybody(self) -> list[Socket]:
        return [self.owner, self.moderator, self.member, self.candidate, self.stranger]

    @property
    def room(self) -> Any:
        return self.world.core.state.rooms[ROOM]

    def peer(self, gateway: str = "g1", version: int = 2, **fields: Any) -> Socket:
        """Somebody else, with nothing unread."""
        return self.world.peer(gateway, version=version, **fields)

    def read(self) -> list[list[Told]]:
        """What everybody has got since the last call."""
        return [socket.read() for socket in self.everybody]


def told(event: str, **fields: Any) -> Told:
    """An event about the room, as a client reads it."""
    return Told(event, {"room": ROOM, **fields})
