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
        self.pending = {one["peer_id"]: one.get("peerinfo") for one in fields.get("pending", ())}
        self.shown = [one["body"] for one in fields.get("history", ())]
        self.data = dict(fields.get("data", {}))
        self.data_version = fields.get("data_version", 0)
        self.infos: dict[str, Any] = {**fields.get("peersinfo", {})}
        self.is_new = True  # what it is shown is as it is now

    @property
    def is_host(self) -> bool:
        return self.me in self.roles

    def take(self, event: str, fields: dict[str, Any]) -> None:
        """Something has happened in the room."""
        peer = fields.get("peer_id", "")
        if event == "room-user-join":
            assert peer not in self.members, "it is told of nobody twice"
            self.members.add(peer)
            self.infos[peer] = fields.get("peerinfo")
            if "identity" in fields:
                self.identities[peer] = fields["identity"]
        elif event == "room-user-leave":
            self.members.remove(peer)
            self.infos.pop(peer, None)
            self.data = {key: datum for key, datum in self.data.items() if not key.startswith(f"peer.{peer}.")}
            self.roles.pop(peer, None)
            self.identities.pop(peer, None)
        elif event == "room-role":
            self._take_role(peer, fields["role"])
        elif event == "room-policy":
            self.policy = fields["policy"]
        elif event == "room-data":
            self._take_data(fields)
        elif event == "room-user-update":
            (self.infos if peer in self.members else self.pending)[peer] = fields["peerinfo"]
        elif event == "room-join-request":
            self.pending[peer] = fields.get("peerinfo")
        elif event == "room-join-gone":
            self.pending.pop(peer, None)

    def _take_role(self, peer: str, role: str) -> None:
        self.roles.pop(peer, None)
        if role != "member":
            self.roles[peer] = role
        if role == "owner":
            self.owner = peer
        if not self.is_host:
            self.pending.clear()

    def _take_data(self, fields: dict[str, Any]) -> None:
        for key, value in fields["set"].items():
            before = self.data.pop(key, {"version": 0})
            assert before["version"] < fields["version"], "a change is told once, and in order"
            if value is not None:
                self.data[key] = {"value": value, "version": fields["version"], "by": fields["by"]}

    def changed(self, values: dict[str, Any], version: int) -> None:
        """What it has set itself is acknowledged."""
        self._take_data({"set": values, "version": version, "by": self.me})


class View:
    """The rooms of a client, by name. ``words`` are what was said to it, in order."""

    def __init__(self) -> None:
        self.me = ""
        self.rooms: dict[str, Known] = {}
        self.words: list[int] = []
        self.newest_message = 0

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
            elif event == "room-message":
                self._hear(fields)
            elif fields.get("room") in self.rooms:
                self.rooms[fields["room"]].take(event, fields)

    def _hear(self, fields: dict[str, Any]) -> None:
        """A message that is newer than all before, and not among those that were shown."""
        assert fields["id"] > self.newest_message, "messages come once, and in order"
        self.newest_message = fields["id"]
        self.words.append(fields["body"])

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
            self.rooms = {room["room"]: Known(fields["peer_id"], room) for room in fields.get("rooms", ())}
        self.me = fields["peer_id"]
