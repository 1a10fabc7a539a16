"""What a client of version 2 knows of its rooms, from what it has read and nothing else."""

from typing import Any

from tests.broker.world import Told


class Known:
    """A room as a client knows it. Who waits is known to hosts alone."""

    def __init__(self, me: str, fields: dict[str, Any]) -> None:
        self.me = me
        self.members = {me, *fields.get("peers", ())}
        self.owner = fields.get("owner", me)
        self.roles = dict(fields.get("roles", {me: "owner"}))
        self.policy = fields.get("policy")
        self.identities = dict(fields.get("identities", {}))
        self.pending = {one["peer_id"] for one in fields.get("pending", ())}

    @property
    def is_host(self) -> bool:
        return self.me in self.roles

    def take(self, event: str, fields: dict[str, Any]) -> None:
        """Something has happened in the room."""
        peer = fields.get("peer_id", "")
        if event == "room-user-join":
            assert peer not in self.members, "it is told of nobody twice"
            self.members.add(peer)
            if "identity" in fields:
                self.identities[peer] = fields["identity"]
        elif event == "room-user-leave":
            self.members.remove(peer)
            self.roles.pop(peer, None)
            self.identities.pop(peer, None)
        elif event == "room-role":
            self._take_role(peer, fields["role"])
        elif event == "room-policy":
            self.policy = fields["policy"]
        elif event == "room-join-request":
            self.pending.add(peer)
        elif event == "room-join-gone":
            self.pending.discard(peer)

    def _take_role(self, peer: str, role: str) -> None:
        self.roles.pop(peer, None)
        if role != "member":
            self.roles[peer] = role
        if role == "owner":
            self.owner = peer
        if not self.is_host:
            self.pending.clear()


class View:
    """The rooms of a client, by name. ``words`` are what was said to it, in order."""

    def __init__(self) -> None:
        self.me = ""
        self.rooms: dict[str, Known] = {}
        self.words: list[int] = []

    def take(self, told: list[Told]) -> None:
        """Take in what was read."""
        for event, fields in told:
            if event == "auth-accept":
                self._begin(fields)
            elif event == "room-create-accept":
                self.rooms.setdefault(fields["room"], Known(self.me, {}))
            elif event == "room-join-accept":
                self._enter(fields)
            elif event in ("room-kicked", "room-closed", "room-leave-accept"):
                self.rooms.pop(fields["room"], None)
            elif event == "ice-candidate":
                self.words.append(fields["ice_candidate"])
            elif fields.get("room") in self.rooms:
                self.rooms[fields["room"]].take(event, fields)

    def _enter(self, fields: dict[str, Any]) -> None:
        """It is in, or was in and has asked who else is: who waits is told apart."""
        before = self.rooms.get(fields["room"])
        known = self.rooms[fields["room"]] = Known(self.me, fields)
        if before is not None:
            known.pending = before.pending

    def _begin(self, fields: dict[str, Any]) -> None:
        if fields["peer_id"] != self.me:
            self.words = []
        if fields["peer_id"] != self.me or fields["resumed"]:
            self.rooms = {room["room"]: Known(fields["peer_id"], room) for room in fields["rooms"]}
        self.me = fields["peer_id"]
