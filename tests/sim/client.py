"""A client that always comes back, and what it does when it is here: its story is what the chaos checker judges.

It does what the visitors and guests of ``tests/chaos/rig`` do, without an event loop of its own, and more: it renews
its token, asks twice, takes requests back, reads slowly, and loses its connection in every way there is.
"""

import itertools
import random
from collections.abc import Sequence
from typing import Any

import msgspec

from shared.contract.told import COUNTED
from tests import contract
from tests.chaos.rig import wire
from tests.chaos.rig.guest import Party
from tests.chaos.rig.story import OK, Got, Sent, Story, View, see
from tests.sim.line import Line
from tests.sim.process import GatewayProcess
from tests.sim.universe import Universe

PATIENCE = (1.0, 4.0)  # seconds that a client waits until it is admitted
AWAY = (3.0, 25.0)  # seconds that a client stays away now and then
PAUSE = (0.05, 0.4)  # seconds until it tries again
MOST_UNANSWERED = 4
DECISIONS = ("room-join-accept", "room-join-reject")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Client:
    """One person behind one peer after the other. ``stories`` are of all of them; the last one still goes on.

    ``counts`` says whether it tells how much it has received: who does not may miss something, or be told it twice.
    ``pace`` is how many seconds pass between two things that it does, on average. ``acting`` says whether it does any.
    ``unanswered`` are its events on this line by acknowledgement, with the time at which they were sent.
    """

    def __init__(
        self,
        universe: Universe,
        gateways: Sequence[GatewayProcess],
        name: str,
        numbers: "itertools.count[int]",
        party: Party,
        token: str,
        resumable: bool,
        counts: bool,
        pace: float,
    ) -> None:
        self.universe = universe
        self.name = name
        self.resumable = resumable
        self.counts = counts
        self.stories: list[Story] = []
        self.rooms: dict[str, View] = {}
        self.faults: list[str] = []
        self.unanswered: dict[int, tuple[Sent, float]] = {}
        self.acting = True
        self.suffers = True  # things happen to its connection
        self.home_by = 0.0  # when it does not stay away any longer
        self.stays = False  # it does not say goodbye any more
        self.here = False
        self._chance = random.Random(universe.chance.getrandbits(64))
        self.pace = pace
        self._gateways = gateways
        self._numbers = numbers
        self._party = party
        self._app_token = token
        self._patience = self._chance.uniform(*PATIENCE)
        self._away_until = 0.0
        self._token = ""
        self._line: Line | None = None
        self._received = 0
        self._acks = 0
        self._undecided: dict[tuple[str, str], None] = {}  # who has asked to be let into which room
        self._returning = False  # it has asked to go on as the peer that it was
        self._leaving: set[str] = set()  # rooms that it wants to leave, and has not been told that it has
        self._again: set[int] = set()  # numbers of requests for what is its own already
        self._repeats = False  # it has asked twice to be let back in
        self._resumed = False  # it was let back in
        self._withdrawn: set[str] = set()  # rooms for which it has taken its request back
        self._was_known = False  # the room that it wants to enter has been there before
        self._entering = ""  # the room that it has asked to be let into
        self.universe.after(self._chance.uniform(0, 1), self.arrive)
        self.universe.after(self._chance.uniform(0, 3), self._act)

    @property
    def story(self) -> Story:
        return self.stories[-1]

    def arrive(self) -> None:
        """Connect to a gateway: another one than last time, if there is any."""
        if self._line is not None:
            self._line.drop()
        last = self._line.gateway if self._line is not None else None
        self._line, self.here, self.unanswered = None, False, {}
        there = [gateway for gateway in self._gateways if gateway.accepts]
        if not there:
            self._try_again()
            return
        gateway = self._chance.choice([one for one in there if one is not last] or there)
        line = self._line = Line(gateway, self, self._app_token)
        self.universe.after(self._patience, lambda: self._give_up(line))

    def _try_again(self) -> None:
        soon = self.universe.time + self._chance.uniform(*PAUSE)
        self.universe.at(max(soon, min(self._away_until, self.home_by)), self.arrive)

    def _give_up(self, line: Line) -> None:
        if line is self._line and not self.here and not line.is_down:
            line.drop()
            self.down(line)

    # what its line tells it

    def opened(self, line: Line) -> None:
        if line is self._line:
            self._authenticate(line)

    def down(self, line: Line) -> None:
        if line is self._line:
            self.here = False
            self.universe.note(self.name, "is disconnected")
            self._try_again()

    def hear(self, line: Line, frame: bytes) -> None:
        if line is not self._line:
            return
        if frame.startswith(b"42"):
            event, data = _decode(frame[2:])
            self.faults += contract.wrong_told(event, data)
            self.universe.note(self.name, f"{self._me} hears {frame[2:].decode()}")
            self._take(event, data)
        elif frame.startswith(b"43"):
            start = frame.index(b"[")
            self._answered(int(frame[2:start]), _decode(frame[start:])[0])

    @property
    def _me(self) -> str:
        return self.story.peer_id if self.stories else ""

    def _authenticate(self, line: Line) -> None:
        request: dict[str, Any] = {"token": self._app_token, "resumable": self.resumable}
        self._returning = self.resumable and bool(self._token)
        if self._returning:
            request |= {"resume": self._token}
            if self.counts:
                request |= {"received": self._received}
        line.say("auth-request", _encode(request), 0)
        self._repeats = self._chance.random() < 0.05
        if self._repeats:  # a client that repeats what is not answered at once
            line.say("auth-request", _encode(request), 0)

    def _take(self, event: str, data: dict[str, Any]) -> None:
        if event == "auth-accept":
            self._admitted(data)
        elif event == "room-create-accept" and data["room"] in self.rooms:
            return  # it has asked again for what is its own
        elif self.here:
            if event == "room-join-accept" and data["room"] in self._withdrawn:
                self.faults.append(f"{self._me} was let into {data['room']} after it had taken its request back")
            self._received += event in COUNTED
            got = wire.got(event, data, self.story.peer_id)
            self.story.entries.append(got)
            see(self.rooms, self.story.peer_id, got)
            if event in ("room-join-accept", "room-join-reject") and got.room == self._entering:
                self._entering = ""
            if event == "room-join-request":
                self._undecided[got.room, got.peer] = None
                self.universe.after(self._chance.uniform(0.01, 0.5), self._decide)

    def _admitted(self, data: dict[str, Any]) -> None:
        again = self.here  # it asked twice, or renewed
        if again and data["peer_id"] != self.story.peer_id:
            self.faults.append(f"{self.story.peer_id} became {data['peer_id']} on the same socket")
        self._token = data["token"]
        if again:
            if self._repeats and self._resumed and not data["resumed"]:
                self.faults.append(f"{self._me} came back, and when it asked again it had not")
            self._repeats = False
            return
        self._resumed = data["resumed"]
        if not data["resumed"] and self._returning:
            self.story.evicted = True
        if not data["resumed"] or not self.stories:
            self.stories.append(Story(data["peer_id"], self.resumable))
            self.rooms = {}
            self._undecided = {}
        if data["resumed"]:
            back = wire.back(data, self.story.peer_id)
            self.story.entries.append(back)
            self.rooms = dict(back.rooms)
        self._received = 0
        self._entering = ""
        self.here = True
        leaving, self._leaving = self._leaving if data["resumed"] else set(), set()
        self.universe.after(self._chance.uniform(0.01, 0.5), self._decide)
        for room in sorted(leaving):  # what was not answered may be asked again
            self.send("room-leave-request", room)

    def _answered(self, ack: int, data: dict[str, Any]) -> None:
        if ack == 0:
            return  # of the authentication, which is told as an event too
        if ack not in self.unanswered:
            self.faults.append(f"{self._me} was answered {ack} twice, or without having asked: {data}")
            return
        sent, _ = self.unanswered.pop(ack)
        sent.answer = OK if data["ok"] else data["code"]
        if sent.number in self._again and sent.answer == "taken" and self.owns(sent.room):
            self.faults.append(f"{self._me} owns {sent.room}, which was refused to it as taken")
        self.universe.note(self.name, f"{self._me} is answered {sent.number}, {sent.event} {sent.room}: {sent.answer}")
        if sent.event == "room-leave-request":
            self._left(sent)
        if sent.event == "room-leave-request" and sent.answer in (OK, "not-member") and not self._asks_since(sent):
            self._withdrawn.add(sent.room)
        if sent.event in DECISIONS:
            self._undecided.pop((sent.room, sent.to), None)
        if sent.event == "room-join-request" and sent.room not in self.rooms:
            self._on_join_answer(sent)

    def _left(self, sent: Sent) -> None:
        """It is out of a room, whether or not it was told so before: that may have been lost with its connection."""
        self._leaving.discard(sent.room)
        if sent.answer == "not-member" and sent.room in self.rooms:
            out = Got("room-leave-accept", sent.room)
            self.story.entries.append(out)
            see(self.rooms, self.story.peer_id, out)

    def _on_join_answer(self, sent: Sent) -> None:
        self._entering = ""
        if sent.answer == "not-found" and self._was_known:
            self._party.move_on(sent.room)
        elif sent.answer == "not-found":
            self.send("room-create-request", sent.room)
        if sent.answer != "not-found" or not self._was_known:
            self._party.known.add(sent.room)

    # what it does

    def send(self, event: str, room: str, to: str = "", **fields: Any) -> Sent | None:
        """Say something, if it is here."""
        if self._line is None or not self.here or self._line.is_down:
            return None
        sent = Sent(next(self._numbers), event, room, to)
        self.story.entries.append(sent)
        if event == "room-leave-request":
            self._leaving.add(room)
        elif event in ("room-join-request", "room-create-request"):
            self._withdrawn.discard(room)
            self._leaving.discard(room)
        self._acks += 1
        named = {"to": to} if to else {}
        body = {"auth": self._token, "room": room, "payload": {"n": sent.number}, **named, **fields}
        self.unanswered[self._acks] = sent, self.universe.time
        self.universe.note(self.name, f"{self._me} says {sent.number}, {event} {room} {to}")
        self._line.say(event, _encode(body), self._acks)
        return sent

    def owns(self, room: str) -> bool:
        """Whether a room is its own, as far as it was told."""
        return room in self.rooms and self.rooms[room].owner == self.story.peer_id

    def _asks_since(self, since: Sent) -> bool:
        """Whether it has asked to be let into a room since then."""
        later = (sent for sent, _ in self.unanswered.values() if sent.number > since.number)
        return any((sent.event, sent.room) == ("room-join-request", since.room) for sent in later)

    def ask_for_truth(self) -> None:
        """Ask the broker about each room that it believes to be in."""
        self._asked_at = len(self.story.entries) if self.stories else 0
        for room in list(self.rooms):
            self.send("room-join-request", room)

    def learn_truth(self) -> None:
        """Take down what the broker said."""
        if not self.stories:
            return
        told: dict[str, View] = {}
        for entry in self.story.entries[self._asked_at :]:
            if isinstance(entry, Got):
                see(told, self.story.peer_id, entry)
        del self.story.entries[self._asked_at :]  # what it believes is what it was told before
        self.story.truth.update(told)
        self.story.stayed = self.here

    def leave(self) -> None:
        """Say goodbye for good, and come again as somebody else.

        If the goodbye may be lost, a resumable peer leaves its rooms first: nobody would know that it does not come
        back.
        """
        if self._line is None or not self.here:
            return
        if self.resumable and self.suffers and (self.rooms or self._entering or self.unanswered):
            for room in sorted({*self.rooms, self._entering} - {""}):
                self.send("room-leave-request", room)
            return
        self.universe.note(self.name, f"{self._me} says goodbye")
        self._line.goodbye()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.here = False
        self._token = ""
        self.rooms = {}
        self.universe.after(self._chance.uniform(0.1, 2), self.arrive)

    def _act(self) -> None:
        self._decide()
        if self.acting and self.here and len(self.unanswered) < MOST_UNANSWERED:
            self._do_something()
        self.universe.after(self._chance.expovariate(1 / self.pace), self._act)

    def _do_something(self) -> None:
        draw = self._chance.random()
        if draw < 0.06 and self.suffers:
            self._suffer()
        elif draw < 0.01 and not self.stays:
            self.leave()
        elif draw < 0.09:
            self._renew()
        elif not self.rooms:
            self._enter()
        else:
            self._mingle(self._chance.choice(sorted(self.rooms)))

    def _suffer(self) -> None:
        """Something happens to its connection."""
        line = self._line
        if line is None:
            return
        what = self._chance.choice(("drop", "vanish", "away", "stall", "stall", "leave"))
        self.universe.note(self.name, f"{self._me}: {what}")
        if what == "stall":
            line.down.stall(self._chance.uniform(0.2, 4))
        elif what == "leave" or not self.resumable:
            self.leave()
        elif what == "drop":
            line.drop()
            self.down(line)
        else:
            if what == "away":
                self._away_until = self.universe.time + self._chance.uniform(*AWAY)
            line.vanish()

    def _renew(self) -> None:
        if self._line is not None:
            self._line.say("auth-request", _encode({"token": self._token, "resumable": self.resumable}), 0)

    def _enter(self) -> None:
        """Join the party, or be the first there."""
        if not self._entering:
            self._was_known = self._party.room in self._party.known
            if self.send("room-join-request", self._party.room):
                self._entering = self._party.room
        elif self._chance.random() < 0.2:
            self.send("room-leave-request", self._entering)  # takes it back

    def _mingle(self, room: str) -> None:
        draw = self._chance.random()
        others = sorted(self.rooms[room].members - {self.story.peer_id})
        if draw < 0.04:
            self.send("room-leave-request", room)
        elif draw < 0.06:
            self.send("room-join-accept", room, "nobody")
        elif draw < 0.08:
            self.send("relay-ice-candidate", "elsewhere", "nobody", ice_candidate=None)
        elif draw < 0.1 and self.rooms[room].owner == self.story.peer_id:
            self._create_again(room)
        elif others and draw < 0.5:
            offer = {"type": "offer", "sdp": "s" * self._chance.choice((10, 100, 1000))}
            self.send("relay-session-description", room, self._chance.choice(others), session_description=offer)
        elif others:
            for _ in range(self._chance.choice((1, 1, 3))):
                self.send("relay-ice-candidate", room, self._chance.choice(others), ice_candidate={"candidate": "c"})

    def _create_again(self, room: str) -> None:
        """Ask once more for a room of its own, as clients do that missed the answer; it is no part of the story."""
        if (sent := self.send("room-create-request", room)) is not None:
            self.story.entries.remove(sent)
            self._again.add(sent.number)

    def _decide(self) -> None:
        """Answer all who ask to be let in, until that is answered itself."""
        asked = {(sent.room, sent.to) for sent, _ in self.unanswered.values() if sent.event in DECISIONS}
        for room, peer in [one for one in self._undecided if one not in asked]:
            self.send(DECISIONS[self._chance.random() < 0.1], room, peer)
