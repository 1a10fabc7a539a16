"""The rooms as the documents describe them, written a second time and independently, to compare the core with.

It knows nothing of sockets and gateways. ``told`` is, for each peer and room, what others have caused it to be told, in
order: each as event, the peer named in it, and for a relay its number.
"""

from collections.abc import Callable

from broker.core.limits import Limits

Told = tuple[str, str, int]


class Refused(Exception):
    """Raised with the code, before anything has changed."""


class Room:
    """``pending`` counts, for each candidate, the acknowledgements that wait for the owner.

    ``reminded`` is when a candidate who asked again was last told of again, ``viewed`` when a member who asked again.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.members = [owner]
        self.pending: dict[str, int] = {}
        self.reminded: dict[str, float] = {}
        self.viewed: dict[str, float] = {}

    def end(self, candidate: str) -> None:
        """A request is decided, or taken back."""
        self.pending.pop(candidate, None)
        self.reminded.pop(candidate, None)


class Model:
    """Rooms by name. Peers are known by their ids alone. ``clock`` tells the time in seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self.rooms: dict[str, Room] = {}
        self.told: dict[str, dict[str, list[Told]]] = {}

    def say(self, event: str, peer: str, room: str, target: str, number: int, ack: bool) -> None:
        """A peer says something. Raises Refused."""
        if event == "room-create-request":
            self._create(peer, room)
        elif event == "room-leave-request":
            self._leave(peer, room)
        elif event == "room-join-request":
            self._ask(peer, room, ack)
        elif event == "room-join-accept":
            self._accept(peer, room, target)
        elif event == "room-join-reject":
            self._pending(peer, room, target).end(target)
        else:
            self._relay(event.removeprefix("relay-"), peer, room, target, number)

    def remove(self, peers: list[str]) -> None:
        """Peers are gone, all at once."""
        for room in self.rooms.values():
            for peer in peers:
                room.end(peer)
        for name in list(self.rooms):
            self._take_out(name, peers)

    def rooms_of(self, peer: str) -> set[str]:
        return {name for name, room in self.rooms.items() if peer in room.members}

    def asked_by(self, peer: str) -> set[str]:
        return {name for name, room in self.rooms.items() if peer in room.pending}

    def _create(self, peer: str, name: str) -> None:
        if name in self.rooms:
            if self.rooms[name].owner == peer:
                return
            raise Refused("taken")
        if len(self.rooms_of(peer)) >= self._limits.rooms_per_peer:
            raise Refused("full")
        self.rooms[name] = Room(peer)

    def _leave(self, peer: str, name: str) -> None:
        if name in self.asked_by(peer):
            self.rooms[name].end(peer)
            return
        if name not in self.rooms_of(peer):
            raise Refused("not-member")
        self._take_out(name, [peer])

    def _ask(self, peer: str, name: str, ack: bool) -> None:
        room = self.rooms.get(name)
        if room is None:
            raise Refused("not-found")
        if peer in room.members:
            if self._is_soon(room.viewed, peer):
                raise Refused("too-many-requests")
            self._tell(peer, name, "room-join-accept", peer)
            return
        self._check_room_for(peer, room)
        most = self._limits.pending_per_peer
        if room.pending.get(peer, 0) >= most or (peer not in room.pending and len(self.asked_by(peer)) >= most):
            raise Refused("too-many-requests")
        if peer not in room.pending or not self._is_soon(room.reminded, peer):
            self._tell(room.owner, name, "room-join-request", peer)
        room.pending[peer] = room.pending.get(peer, 0) + ack

    def _is_soon(self, last: dict[str, float], peer: str) -> bool:
        """Whether it is less than two seconds since this was last done for a peer; otherwise it is done now."""
        soon = self._clock() < last.get(peer, -2) + 2
        if not soon:
            last[peer] = self._clock()
        return soon

    def _accept(self, owner: str, name: str, candidate: str) -> None:
        room = self._pending(owner, name, candidate)
        self._check_room_for(candidate, room)
        room.end(candidate)
        self._tell(candidate, name, "room-join-accept", candidate)
        for member in room.members:
            self._tell(member, name, "room-user-join", candidate)
        room.members.append(candidate)

    def _relay(self, event: str, sender: str, name: str, to: str, number: int) -> None:
        if to == sender or not {sender, to} <= set(self.rooms[name].members if name in self.rooms else ()):
            raise Refused("not-member")
        self._tell(to, name, event, sender, number)

    def _pending(self, owner: str, name: str, candidate: str) -> Room:
        room = self.rooms.get(name)
        if room is None:
            raise Refused("not-found")
        if room.owner != owner:
            raise Refused("not-owner")
        if candidate not in room.pending:
            raise Refused("not-pending")
        return room

    def _check_room_for(self, peer: str, room: Room) -> None:
        if len(room.members) >= self._limits.peers_per_room:
            raise Refused("full")
        if len(self.rooms_of(peer)) >= self._limits.rooms_per_peer:
            raise Refused("full")

    def _take_out(self, name: str, peers: list[str]) -> None:
        room = self.rooms[name]
        gone = [peer for peer in peers if peer in room.members]
        room.members = [member for member in room.members if member not in gone]
        for peer in gone:
            room.viewed.pop(peer, None)
        for member in room.members:
            for peer in gone:
                self._tell(member, name, "room-user-leave", peer)
        if not room.members:
            del self.rooms[name]
        elif room.owner in gone:
            room.owner = room.members[0]
            for member in room.members:
                self._tell(member, name, "room-owner", room.owner)
            for candidate in room.pending:
                self._tell(room.owner, name, "room-join-request", candidate)

    def _tell(self, peer: str, room: str, event: str, about: str, number: int = 0) -> None:
        self.told.setdefault(peer, {}).setdefault(room, []).append((event, about, number))
