"""What a client does by itself when it is here: it forms rooms, lets others in, talks, governs, and loses its way."""

import functools
import random
from collections.abc import Mapping
from typing import Any

from tests.chaos.rig.cast import BANS
from tests.chaos.rig.guest import POLICIES, Party
from tests.chaos.rig.story import View
from tests.sim.client import DECISIONS, Client

MOST_UNANSWERED = 4
MOST_ROOMS = 2
SUFFERING: tuple[str, ...] = ("drop", "vanish", "away", "stall", "stall", "leave")
STALLS = ((0.2, 4.0), (0.2, 4.0), (4.0, 10.0))  # seconds in which nothing is read
AWAY = (3.0, 25.0)  # seconds that a client stays away now and then


class Conduct:
    """Of one client, who is ``at`` one of the parties, and looks in at another one now and then.

    ``pace`` is how many seconds pass between two things that it does, on average.
    """

    def __init__(
        self, client: Client, parties: Mapping[str, Party], at: str, pace: float, chance: random.Random
    ) -> None:
        self.acting = True
        self.suffers = True  # things happen to its connection
        self.suffering = SUFFERING  # which
        self.client = client
        self._parties = parties
        self._at = at
        self._chance = chance
        self._was_known = False  # the room that it wants to enter has been there before
        client.on_refusal = self._on_refusal
        client.on_request = self._decide_soon
        client.on_out = self._try_on
        self._changes = 0  # of its pace
        self.go_on(pace)

    def go_on(self, pace: float) -> None:
        """Do something soon, and then at another pace."""
        self.pace = pace
        self._changes += 1
        self.client.universe.after(self._chance.uniform(0, 3), functools.partial(self._act, self._changes))

    def _act(self, change: int) -> None:
        if change != self._changes:
            return
        if not self.acting or self._chance.random() < 0.3:
            self._decide()
        if self.acting and self.client.here and len(self.client.unanswered) < MOST_UNANSWERED:
            self._do_something()
        self.client.universe.after(self._chance.expovariate(1 / self.pace), functools.partial(self._act, change))

    def _do_something(self) -> None:
        draw = self._chance.random()
        rooms = self.client.rooms
        if draw < 0.06 and self.suffers:
            self._suffer()
        elif draw < 0.01 and not self.client.stays:
            self.client.leave(self.suffers)
        elif draw < 0.09:
            self.client.renew()
        elif not rooms:
            self._enter(self._parties[self._at])
        elif draw < 0.12 and len(rooms) < MOST_ROOMS:
            self._enter(self._parties[self._chance.choice(sorted(self._parties))])
        else:
            room = self._chance.choice(sorted(rooms))
            draw = self._chance.random() if self.client.person.version > 1 else 1.0
            if draw < 0.2:
                self._govern(room, rooms[room])
            elif draw < 0.4:
                self._share(room, rooms[room])
            else:
                self._mingle(room, rooms[room])

    def _suffer(self) -> None:
        """Something happens to its connection."""
        client, line = self.client, self.client.line
        if line is None:
            return
        what = self._chance.choice(self.suffering)
        client.note(what)
        if what == "stall":
            seconds = self._chance.uniform(*self._chance.choice(STALLS))
            if client.home_by:
                seconds = min(seconds, max(0.2, client.home_by - client.universe.time))
            line.down.stall(seconds)
            if self._chance.random() < 0.5:
                client.universe.after(seconds * self._chance.uniform(0.2, 1), self._walk_out)
        elif what == "leave" or not client.resumable:
            client.leave(self.suffers)
        elif what == "drop":
            if self._chance.random() < 0.5:
                client.renew()  # which comes late if its gateway cannot reach the log
            line.drop()
            client.down(line)
        else:
            if what == "away":
                client.away_until = client.universe.time + self._chance.uniform(*AWAY)
            line.vanish()

    def _walk_out(self) -> None:
        """Leave a room, whatever it has not been told of it yet."""
        there = sorted({*self.client.rooms, self.client.entering} - {""})
        if there and not self.client.stays:
            self.client.send("room-leave-request", self._chance.choice(there))

    def _enter(self, party: Party) -> None:
        """Join a party, or be the first there."""
        client = self.client
        if party.room in client.rooms:
            return
        if not client.entering:
            self._was_known = party.room in party.known
            makes = client.person.version > 1 and not self._was_known and self._chance.random() < 0.3
            fields: dict[str, Any] = {"create": True} if makes else {}
            if client.send("room-join-request", party.room, **fields):
                client.entering = party.room
        elif client.person.version > 1 and self._chance.random() < 0.2:
            client.send("room-message-request", client.entering, "hosts")
        elif self._chance.random() < 0.2:  # takes it back
            cancels = client.person.version > 1 and self._chance.random() < 0.5
            client.send("room-join-cancel" if cancels else "room-leave-request", client.entering)

    def _on_refusal(self, room: str, code: str) -> None:
        """It was not let in, or was."""
        party = self._parties[room.rpartition("-")[0]]
        if code == "not-found" and self._was_known:
            party.move_on(room)
        elif code == "not-found":
            self.client.send("room-create-request", room)
        if code != "not-found" or not self._was_known:
            party.known.add(room)

    def _mingle(self, room: str, view: View) -> None:
        client, draw = self.client, self._chance.random()
        others = sorted(view.members - {client.story.peer_id})
        if draw < 0.04:
            client.send("room-leave-request", room)
        elif draw < 0.06:
            client.send("room-join-accept", room, "nobody")
        elif draw < 0.08:
            client.send("relay-ice-candidate", "elsewhere", "nobody", ice_candidate=None)
        elif draw < 0.1 and client.owns(room):
            client.create_again(room)
        elif others and draw < 0.5:
            offer = {"type": "offer", "sdp": "s" * self._chance.choice((10, 100, 1000))}
            client.send("relay-session-description", room, self._chance.choice(others), session_description=offer)
        elif others:
            for _ in range(self._chance.choice((1, 1, 3))):
                client.send("relay-ice-candidate", room, self._chance.choice(others), ice_candidate={"candidate": "c"})

    def _govern(self, room: str, view: View) -> None:
        """Do what hosts may; one who is none tries it now and then, and is refused."""
        client, draw = self.client, self._chance.random()
        if client.story.peer_id not in view.hosts and draw > 0.1:
            return
        draw = self._chance.random()
        near = sorted((view.members | client.waiting(room)) - {client.story.peer_id})
        if draw < 0.35:
            client.send("room-policy-request", room, policy=self._chance.choice(POLICIES))
        elif draw < 0.4:
            client.send("room-close-request", room)
        elif draw < 0.5:
            client.unban(room)
        elif near and draw < 0.75:
            role = self._chance.choice(("moderator", "moderator", "member", "owner"))
            client.send("room-role-request", room, self._chance.choice(near), role=role)
        elif near:
            client.send("room-kick-request", room, self._chance.choice(near), ban=self._chance.choice(BANS))

    def _share(self, room: str, view: View) -> None:
        """Write to all, to the hosts or to one, change what all share, or what it shows of itself."""
        client, draw = self.client, self._chance.random()
        others = sorted(view.members - {client.story.peer_id})
        if draw < 0.5:
            client.send("room-message-request", room, self._chance.choice(["", "hosts", *others]))
        elif draw < 0.9:
            keys = ["slide", "theme", "host.title", f"peer.{client.story.peer_id}.hand"]
            chosen = self._chance.sample(keys, self._chance.choice((1, 1, 2)))
            client.send("room-data-request", room, set={key: self._chance.choice((1, 2, None)) for key in chosen})
        else:
            client.send("peer-update-request", "", peerinfo={"name": self._chance.choice(("x", "y"))})

    def _try_on(self, room: str, members: frozenset[str]) -> None:
        """It was put out of a room, and speaks there all the same now and then."""
        if self._chance.random() < 0.3:
            for peer in sorted(members - {self.client.story.peer_id}):
                self.client.send("relay-ice-candidate", room, peer, ice_candidate={"candidate": "c"})

    def _decide_soon(self) -> None:
        within = 0.5 if self._chance.random() < 0.7 else 2.5
        self.client.universe.after(self._chance.uniform(0.01, within), self._decide)

    def _decide(self) -> None:
        """Answer all who ask to be let in, until that is answered itself."""
        client = self.client
        decisions = (*DECISIONS, "room-kick-request")
        asked = {(sent.room, sent.to) for sent, _ in client.unanswered.values() if sent.event in decisions}
        for room, peer in [one for one in client.undecided if one not in asked]:
            if client.person.version > 1 and self._chance.random() < 0.05:
                client.send("room-kick-request", room, peer, ban=self._chance.choice(BANS[3:]))
            else:
                client.send(DECISIONS[self._chance.random() < 0.1], room, peer)
