"""Rooms with hosts, as protocol version 2 describes them: written a second time and independently, to compare with.

It knows nothing of sockets: who comes and goes is told to it.
"""

import json
from collections.abc import Callable
from typing import Any

RANK = {"member": 0, "moderator": 1, "owner": 2}
DEFAULT = {"admission": "ask", "max_peers": None, "owner_leaves": "pass", "waiting_text": "", "history": 0}


class Refused(Exception):
    """Raised with the code, before anything has changed."""


class Somebody:
    """A peer: its identity, if it has one, and what that may do."""

    def __init__(self, name: str, identity: str = "", grants: dict[str, str] | None = None) -> None:
        self.name = name
        self.key = identity or f"peer {name}"
        self.anonymous = not identity
        self.grants = grants or {}

    def may(self, room: str) -> str | None:
        return "create" if self.anonymous else self.grants.get(room, self.grants.get("*"))


class Room:
    """``roles`` of the members, in the order in which they came in; ``bans`` with their end and whether the owner's."""

    def __init__(self, owner: str, policy: dict[str, Any]) -> None:
        self.roles = {owner: "owner"}
        self.pending: list[str] = []
        self.policy = {**DEFAULT, **policy}
        self.bans: dict[str, tuple[float | None, bool]] = {}
        self.data: dict[str, dict[str, Any]] = {}
        self.history: list[tuple[int, Any]] = []  # messages to all, with their numbers
        self.since: dict[str, int] = {}  # the newest message when a member came in

    @property
    def owner(self) -> str:
        [owner] = [name for name, role in self.roles.items() if role == "owner"]
        return owner

    @property
    def hosts(self) -> list[str]:
        return [name for name, role in self.roles.items() if role != "member"]

    def size_of_data(self, values: dict[str, Any] | None = None) -> int:
        values = {key: datum["value"] for key, datum in self.data.items()} if values is None else values
        return sum(len(key) + len(json.dumps(value)) for key, value in values.items())

    def shown_to(self, name: str) -> list[Any]:
        return [body for number, body in self.history if number <= self.since.get(name, 0)]

    def cut_history(self) -> None:
        most = self.policy["history"]
        self.history = self.history[-most:] if most else []


class House:
    """Rooms by name. ``clock`` tells the time in seconds.

    ``versions`` are those of the contract that peers asked for; ``heard`` is what was said in rooms, and to whom;
    ``infos`` is what peers show of themselves. A room has ``keys`` keys and ``size`` bytes of data at most.
    """

    def __init__(self, clock: Callable[[], float], most: int, keys: int = 64, size: int = 16384) -> None:
        self.infos: dict[str, Any] = {}
        self._keys = keys
        self._size = size
        self._newest = 0
        self.rooms: dict[str, Room] = {}
        self.people: dict[str, Somebody] = {}
        self.versions: dict[str, int] = {}
        self.heard: list[tuple[str, Any]] = []
        self.messages = 0
        self._clock = clock
        self._most = most

    def say(self, event: str, who: str, room: str, whom: str, fields: dict[str, Any]) -> None:
        """A peer asks for something. Raises Refused."""
        getattr(self, event.replace("-", "_"))(who, room, whom, fields)

    def gone(self, names: list[str]) -> None:
        """Peers are gone for good."""
        for name in names:
            del self.people[name]
        for room in self.rooms.values():
            room.pending = [name for name in room.pending if name not in names]
        for name in list(self.rooms):
            self._out(name, names)

    def room_create_request(self, who: str, room: str, _whom: str, fields: dict[str, Any]) -> None:
        if self.people[who].may(room) not in ("create", "own"):
            raise Refused("forbidden")
        if room in self.rooms:
            if self.rooms[room].owner == who:
                return
            raise Refused("taken")
        self.rooms[room] = Room(who, fields.get("policy", {}))

    def room_join_request(self, who: str, room: str, _whom: str, fields: dict[str, Any]) -> None:
        grant = self.people[who].may(room)
        if grant is None:
            raise Refused("forbidden")
        if room not in self.rooms:
            if not fields.get("create") or grant not in ("create", "own"):
                raise Refused("not-found")
            self.rooms[room] = Room(who, {})
            return
        here = self.rooms[room]
        if who in here.roles:
            return
        if self._banned(here, room, who):
            raise Refused("banned")
        admission = here.policy["admission"]
        always = grant in ("moderate", "own")
        comes_in = always or admission == "open" or (admission == "ask" and grant == "enter")
        if not comes_in and admission == "closed":
            raise Refused("closed")
        self._check_space(here)
        if comes_in:
            self._in(here, room, who)
        elif who not in here.pending:
            here.pending.append(who)

    def room_join_cancel(self, who: str, room: str, _whom: str, _fields: dict[str, Any]) -> None:
        if room not in self.rooms or who not in self.rooms[room].pending:
            raise Refused("not-pending")
        self.rooms[room].pending.remove(who)

    def room_leave_request(self, who: str, room: str, _whom: str, _fields: dict[str, Any]) -> None:
        here = self.rooms.get(room)
        if here is None or who not in (*here.roles, *here.pending):
            raise Refused("not-member")
        if who in here.pending:
            here.pending.remove(who)
        else:
            self._out(room, [who])

    def room_join_accept(self, who: str, room: str, whom: str, _fields: dict[str, Any]) -> None:
        here = self._decided(who, room, whom)
        self._check_space(here)
        self._in(here, room, whom)

    def room_join_reject(self, who: str, room: str, whom: str, _fields: dict[str, Any]) -> None:
        self._decided(who, room, whom).pending.remove(whom)

    def room_role_request(self, who: str, room: str, whom: str, fields: dict[str, Any]) -> None:
        here = self._as_owner(who, room)
        role = fields["role"]
        if whom not in here.roles:
            raise Refused("not-member")
        if whom == who and role != "owner":
            raise Refused("forbidden")
        self._give(here, whom, role)

    def room_kick_request(self, who: str, room: str, whom: str, fields: dict[str, Any]) -> None:
        here = self._as_host(who, room)
        ban = fields.get("ban", False)
        if whom not in here.roles and not (ban and whom in here.pending):
            raise Refused("not-member")
        key = self.people[whom].key
        hit = [name for name in (*here.roles, *here.pending) if self.people[name].key == key] if ban else [whom]
        if any(RANK[here.roles[who]] <= RANK[here.roles.get(name, "member")] for name in hit):
            raise Refused("forbidden")
        if ban:
            here.bans = {one: end for one, end in here.bans.items() if end[0] is None or end[0] > self._clock()}
            until, by_owner = here.bans.get(key, (0.0, False))
            if by_owner and here.roles[who] != "owner" and (until is None or until > self._clock()):
                raise Refused("forbidden")
            here.bans[key] = (None if ban is True else self._clock() + ban, here.roles[who] == "owner")
        for name in hit:
            if name == whom or self._banned(here, room, name):
                here.pending = [one for one in here.pending if one != name]
                self._out(room, [name])

    def room_unban_request(self, who: str, room: str, _whom: str, fields: dict[str, Any]) -> None:
        here = self._as_host(who, room)
        key = fields["id"]
        if key in here.bans and here.bans[key][1] and here.roles[who] != "owner":
            raise Refused("forbidden")
        here.bans.pop(key, None)

    def room_policy_request(self, who: str, room: str, _whom: str, fields: dict[str, Any]) -> None:
        here = self._as_host(who, room)
        was_open = here.policy["admission"] == "open"
        here.policy.update(fields["policy"])
        here.cut_history()
        if here.policy["admission"] == "open" and not was_open:
            for name in list(here.pending):
                if len(here.roles) < self._limit(here):
                    self._in(here, room, name)

    def room_close_request(self, who: str, room: str, _whom: str, _fields: dict[str, Any]) -> None:
        self._as_owner(who, room)
        del self.rooms[room]

    def room_message_request(self, who: str, room: str, whom: str, fields: dict[str, Any]) -> None:
        here = self.rooms.get(room)
        if here is None or who not in (*here.roles, *here.pending):
            raise Refused("not-member")
        if whom != "hosts" and (who in here.pending or (whom and (whom not in here.roles or whom == who))):
            raise Refused("not-member")
        if whom and self.versions.get(whom) == 1:
            raise Refused("forbidden")
        to = here.hosts if whom == "hosts" else [whom] if whom else list(here.roles)
        for name in to:
            if name != who and self.versions.get(name) != 1:
                self.heard.append((name, fields["body"]))
        if not whom:
            self.messages += 1
            here.history.append((self.messages, fields["body"]))
            here.cut_history()

    def peer_update_request(self, who: str, _room: str, _whom: str, fields: dict[str, Any]) -> None:
        self.infos[who] = fields["peerinfo"]

    def room_data_request(self, who: str, room: str, _whom: str, fields: dict[str, Any]) -> None:
        """``version`` in the fields is what the change was answered with, if it was made."""
        here = self.rooms.get(room)
        if here is None or who not in here.roles:
            raise Refused("not-member")
        for key in fields["set"]:
            theirs = key.startswith("peer.") and not key.startswith(f"peer.{who}.")
            if theirs or (key.startswith("host.") and here.roles[who] == "member"):
                raise Refused("forbidden")
        if any(here.data.get(key, {"version": 0})["version"] != version for key, version in fields["if"].items()):
            raise Refused("conflict")
        after = {key: datum["value"] for key, datum in here.data.items()} | fields["set"]
        after = {key: value for key, value in after.items() if value is not None}
        size = here.size_of_data(after)
        if len(after) > max(self._keys, len(here.data)) or size > max(self._size, here.size_of_data()):
            raise Refused("full")
        assert fields["version"] > self._newest, "versions rise in all rooms"
        self._newest = fields["version"]
        for key, value in fields["set"].items():
            here.data.pop(key, None)
            if value is not None:
                here.data[key] = {"value": value, "version": self._newest, "by": who}

    def _as_host(self, who: str, room: str) -> Room:
        if room not in self.rooms or who not in self.rooms[room].roles:
            raise Refused("not-member")
        if self.rooms[room].roles[who] == "member":
            raise Refused("forbidden")
        return self.rooms[room]

    def _as_owner(self, who: str, room: str) -> Room:
        if room not in self.rooms or who not in self.rooms[room].roles:
            raise Refused("not-member")
        if self.rooms[room].owner != who:
            raise Refused("not-owner")
        return self.rooms[room]

    def _decided(self, who: str, room: str, whom: str) -> Room:
        if room not in self.rooms:
            raise Refused("not-found")
        if who not in self.rooms[room].hosts:
            raise Refused("not-owner")
        if whom not in self.rooms[room].pending:
            raise Refused("not-pending")
        return self.rooms[room]

    def _limit(self, here: Room) -> int:
        return self._most if here.policy["max_peers"] is None else min(self._most, here.policy["max_peers"])

    def _check_space(self, here: Room) -> None:
        if len(here.roles) >= self._limit(here):
            raise Refused("full")

    def _banned(self, here: Room, room: str, who: str) -> bool:
        until, by_owner = here.bans.get(self.people[who].key, (0.0, False))
        if until is not None and until <= self._clock():
            return False
        return by_owner or self.people[who].anonymous or self.people[who].may(room) not in ("moderate", "own")

    def _in(self, here: Room, room: str, who: str) -> None:
        if who in here.pending:
            here.pending.remove(who)
        here.roles[who] = "member"
        here.since[who] = self.messages
        grant = None if self.people[who].anonymous else self.people[who].may(room)
        owner = self.people[here.owner]
        if grant == "own" and (owner.anonymous or owner.may(room) != "own"):
            self._give(here, who, "owner")
        elif grant in ("own", "moderate"):
            here.roles[who] = "moderator"

    def _give(self, here: Room, whom: str, role: str) -> None:
        if role == "owner" and here.owner != whom:
            here.roles[here.owner] = "moderator"
        here.roles[whom] = role

    def _out(self, name: str, names: list[str]) -> None:
        here = self.rooms[name]
        had_owner = here.owner
        for who in names:
            here.roles.pop(who, None)
            here.data = {key: datum for key, datum in here.data.items() if not key.startswith(f"peer.{who}.")}
        if not here.roles:
            del self.rooms[name]
        elif had_owner not in here.roles:
            if here.policy["owner_leaves"] == "close":
                del self.rooms[name]
            else:
                here.roles[(here.hosts or list(here.roles))[0]] = "owner"
