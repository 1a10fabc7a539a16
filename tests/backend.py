"""An app's backend: its own table of rooms, from the notices alone. It takes nothing that cannot be true."""

import dataclasses
from typing import Any

Fields = dict[str, Any]


@dataclasses.dataclass
class Room:
    """``members`` are by their roles, in the order in which they came in; ``joined`` in ms since the epoch."""

    name: str
    owner: str
    policy: Fields
    created: int
    members: dict[str, str] = dataclasses.field(default_factory=dict)
    joined: dict[str, int] = dataclasses.field(default_factory=dict)
    pending: list[str] = dataclasses.field(default_factory=list)
    kicked: set[str] = dataclasses.field(default_factory=set)  # those whose leave must come next


class Backend:
    """Rooms by key. ``inside`` are the seconds that each peer has spent in rooms, as they were told."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.inside: dict[str, float] = {}
        self.revoked: list[tuple[str, str]] = []
        self.time = 0

    def take(self, notice: Fields) -> None:
        """The next notice. Raises AssertionError if it does not fit what came before."""
        assert notice["time"] >= self.time, "time runs backwards"
        self.time = notice["time"]
        getattr(self, notice["type"].replace("-", "_"))(notice)

    def room_created(self, notice: Fields) -> None:
        assert notice["key"] not in self.rooms
        self.rooms[notice["key"]] = Room(notice["room"], notice["peer_id"], notice["policy"], notice["time"])

    def room_closed(self, notice: Fields) -> None:
        room = self.rooms.pop(notice["key"])
        assert not room.members
        assert not room.pending
        assert _took(notice, room.created)
        assert (notice["reason"] == "owner") == (notice["by"] is not None)

    def room_owner(self, notice: Fields) -> None:
        room = self.rooms[notice["key"]]
        assert (room.owner, notice["peer_id"] in room.members) == (notice["before"], True)
        assert notice["peer_id"] != notice["before"]
        room.owner = notice["peer_id"]

    def room_policy(self, notice: Fields) -> None:
        self.rooms[notice["key"]].policy = notice["policy"]

    def peer_joined(self, notice: Fields) -> None:
        room, peer = self.rooms[notice["key"]], notice["peer_id"]
        assert peer not in room.members
        assert peer not in room.pending
        room.members[peer] = notice["role"]
        room.joined[peer] = notice["time"]

    def peer_left(self, notice: Fields) -> None:
        room, peer = self.rooms[notice["key"]], notice["peer_id"]
        del room.members[peer]
        assert _took(notice, room.joined.pop(peer))
        assert (notice["reason"] == "kicked") == (peer in room.kicked)
        room.kicked.discard(peer)
        self.inside[peer] = self.inside.get(peer, 0.0) + notice["seconds"]

    def peer_kicked(self, notice: Fields) -> None:
        room, peer = self.rooms[notice["key"]], notice["peer_id"]
        assert peer in room.members or peer in room.pending
        if peer in room.members:
            room.kicked.add(peer)

    def peer_role(self, notice: Fields) -> None:
        room, peer = self.rooms[notice["key"]], notice["peer_id"]
        assert room.members[peer] != notice["role"]
        assert (notice["role"] == "owner") == (room.owner == peer)
        room.members[peer] = notice["role"]

    def request_made(self, notice: Fields) -> None:
        room, peer = self.rooms[notice["key"]], notice["peer_id"]
        assert peer not in room.members
        assert peer not in room.pending
        room.pending.append(peer)

    def request_decided(self, notice: Fields) -> None:
        self.rooms[notice["key"]].pending.remove(notice["peer_id"])

    def identity_revoked(self, notice: Fields) -> None:
        self.revoked.append((notice["app"], notice["identity"]))


def _took(notice: Fields, since: int) -> bool:
    """Whether it says how much time has passed since then. Rounded twice, that may be off in the last place."""
    return bool(abs(notice["seconds"] * 1000 - (notice["time"] - since)) < 2.5)
