"""A client that always comes back: its story is what the chaos checker judges.

It does what the visitors of ``tests/chaos/rig`` do, without an event loop of its own, and more: it renews its token,
and asks twice. Like them, it may number what it says, and send again what was not answered on its last line. What it
does when it is here, its conduct decides (``conduct.py``).
"""

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from shared.contract.told import counted_in
from tests import contract
from tests.chaos.rig import wire
from tests.chaos.rig.cast import LIFE, Person
from tests.chaos.rig.story import GOVERNING, OK, OUT, Got, Sent, Story, View, see, take_out_questions
from tests.sim.line import Line
from tests.sim.process import GatewayProcess
from tests.sim.server import EPOCH
from tests.sim.universe import Universe

PATIENCE = (1.0, 4.0)  # seconds that a client waits until it is admitted
PAUSE = (0.05, 0.4)  # seconds until it tries again
FORGETFUL = 0.3  # how often it forgets that its user token ends
LOOK = 2.0  # seconds between two looks at how long that lives
RENEWED = 0.6  # part of its life that is left when it gets another one
OFF = 12.0  # seconds by which clocks may be apart
DECISIONS = ("room-join-accept", "room-join-reject")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Client:
    """One person behind one peer after the other. ``stories`` are of all of them; the last one still goes on.

    ``counts`` says whether it tells how much it has received: who does not may miss something, or be told it twice.
    ``numbers_events`` says whether it can send again what was not answered.
    ``unanswered`` are its events on this line by acknowledgement, with the time at which they were sent. ``undecided``
    are those who have asked to be let into a room of its own. ``abandoned`` are peers that it was and could not
    be again, since its tokens were void: they are there for some time.
    """

    def __init__(
        self,
        universe: Universe,
        gateways: Sequence[GatewayProcess],
        name: str,
        numbers: "itertools.count[int]",
        person: Person,
        resumable: bool,
        counts: bool,
        numbers_events: bool,
        chance: random.Random,
    ) -> None:
        self.universe = universe
        self.name = name
        self.person = person
        self.resumable = resumable
        self.counts = counts
        self.numbers_events = numbers_events
        self.stories: list[Story] = []
        self.rooms: dict[str, View] = {}
        self.faults: list[str] = []
        self.abandoned: list[str] = []
        self.unanswered: dict[int, tuple[Sent, float]] = {}
        self.undecided: dict[tuple[str, str], None] = {}
        self.away_until = 0.0
        self.home_by = 0.0  # when it does not stay away any longer
        self.stays = False  # it does not say goodbye any more
        self.here = False
        self.entering = ""  # the room that it has asked to be let into
        self.line: Line | None = None
        self.on_refusal: Callable[[str, str], None] = lambda _room, _code: None
        self.on_request: Callable[[], None] = lambda: None
        self.on_out: Callable[[str, frozenset[str]], None] = lambda _room, _members: None
        self._chance = chance
        self._gateways = gateways
        self._numbers = numbers
        self._counted = frozenset(counted_in(person.version))
        self._patience = self._chance.uniform(*PATIENCE)
        self._token = ""
        self._revoked = 0  # as often its tokens had been made void when this peer came
        self._shown = 0  # as often when it last showed one
        self._ends = 0.0  # when its session token ends
        self._forgets = False  # it does not get another user token as long as it is here
        self._received = 0
        self._acks = 0
        self._owed: dict[int, tuple[Sent, dict[str, Any]]] = {}  # what it would send again, by number
        self._returning = False  # it has asked to go on as the peer that it was
        self._leaving: set[str] = set()  # rooms that it wants to leave, and has not been told that it has
        self._again: set[int] = set()  # numbers of requests for what is its own already
        self._repeats = False  # it has asked twice to be let back in
        self._resumed = False  # it was let back in
        self._withdrawn: set[str] = set()  # rooms for which it has taken its request back
        self.universe.after(self._chance.uniform(0, 1), self.arrive)

    @property
    def story(self) -> Story:
        return self.stories[-1]

    def arrive(self) -> None:
        """Connect to a gateway: another one than last time, if there is any."""
        if self.line is not None:
            self.line.drop()
        last = self.line.gateway if self.line is not None else None
        self.line, self.here, self.unanswered = None, False, {}
        there = [gateway for gateway in self._gateways if gateway.accepts]
        if not there:
            self._try_again()
            return
        gateway = self._chance.choice([one for one in there if one is not last] or there)
        self._get_token()
        line = self.line = Line(gateway, self, self.person.token)
        self.universe.after(self._patience, lambda: self._give_up(line))

    def _try_again(self) -> None:
        soon = self.universe.time + self._chance.uniform(*PAUSE)
        self.universe.at(max(soon, min(self.away_until, self.home_by)), self.arrive)

    def _give_up(self, line: Line) -> None:
        if line is self.line and not self.here and not line.is_down:
            line.drop()
            self.down(line)

    # what its line tells it

    def opened(self, line: Line) -> None:
        if line is self.line:
            self._authenticate(line)

    def down(self, line: Line) -> None:
        if line is self.line:
            self.here = False
            self.universe.note(self.name, "is disconnected")
            self._try_again()

    def hear(self, line: Line, frame: bytes) -> None:
        if line is not self.line:
            return
        if frame.startswith(b"42"):
            event, data = _decode(frame[2:])
            self.faults += contract.wrong_told(event, data, self.person.version)
            self.universe.note(self.name, f"{self._me} hears {frame[2:].decode()}")
            self._take(event, data)
        elif frame.startswith(b"43"):
            start = frame.index(b"[")
            self._answered(int(frame[2:start]), _decode(frame[start:])[0])

    @property
    def _me(self) -> str:
        return self.story.peer_id if self.stories else ""

    def _authenticate(self, line: Line) -> None:
        self._shown = self.person.revoked
        request: dict[str, Any] = {"token": self.person.token, "resumable": self.resumable}
        if self.person.version > 1:
            request["version"] = self.person.version
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
            self._received += event in self._counted
            self._understand(wire.got(event, data, self.story.peer_id))
        elif event == "auth-reject" and self.line is not None:
            self.line.drop()
            self.down(self.line)

    def _understand(self, got: Got) -> None:
        """It is told something, and does what follows."""
        if got.event == "room-join-accept" and got.room in self._withdrawn:
            self.faults.append(f"{self._me} was let into {got.room} after it had taken its request back")
        before = self.rooms.get(got.room)
        self.story.entries.append(got)
        see(self.rooms, self.story.peer_id, got)
        if got.event in ("room-join-accept", "room-join-reject", *OUT) and got.room == self.entering:
            self.entering = ""
        if got.event in OUT:
            self._forget(got.room)
            if before is not None and got.event != "room-leave-accept":
                self.on_out(got.room, before.members)
        elif got.event == "room-join-request":
            self.undecided[got.room, got.peer] = None
            self.on_request()
        elif got.event == "room-join-gone":
            self.undecided.pop((got.room, got.peer), None)

    def _forget(self, room: str) -> None:
        """It is not in a room any more."""
        self.undecided = {one: None for one in self.undecided if one[0] != room}

    def _admitted(self, data: dict[str, Any]) -> None:
        again = self.here  # it asked twice, or renewed
        if again and data["peer_id"] != self.story.peer_id:
            self.faults.append(f"{self.story.peer_id} became {data['peer_id']} on the same socket")
        self._token = data["token"]
        if again:
            self._ends = self.universe.time + data["expires_in"]
            if self._repeats and self._resumed and not data["resumed"]:
                self.faults.append(f"{self._me} came back, and when it asked again it had not")
            self._repeats = False
            return
        self._resumed = data["resumed"]
        valid = self._revoked == self.person.revoked and self.universe.time < self._ends - OFF
        if not data["resumed"] and self._returning:
            self.story.evicted = valid
            self.abandoned += [] if valid else [self.story.peer_id]
        if not data["resumed"] or not self.stories:
            self._begin_story(data["peer_id"])
        if data["resumed"]:
            self._find_rooms(data)
        self._ends = self.universe.time + data["expires_in"]
        self._forgets = self._chance.random() < FORGETFUL
        self._look_after_token(self.line)
        self._received = 0
        self.entering = ""
        self.here = True
        leaving, self._leaving = self._leaving if data["resumed"] else set(), set()
        self.on_request()
        for sent, body in list(self._owed.values()):
            self.universe.note(self.name, f"{self._me} says {sent.number} again")
            self._transmit(sent, body)
        for room in sorted(leaving):  # what was not answered may be asked again
            self.send("room-leave-request", room)

    def _begin_story(self, peer_id: str) -> None:
        """It is a peer that nobody has met."""
        person = self.person
        self.stories.append(
            Story(
                peer_id,
                self.resumable,
                version=person.version,
                identity=person.identity,
                grants=person.grants,
                numbered=self.numbers_events,
            )
        )
        self.rooms = {}
        self._owed = {}
        self.undecided = {}
        self._revoked = self._shown

    def _find_rooms(self, data: dict[str, Any]) -> None:
        """It is back, and is shown its rooms."""
        back = wire.back(data, self.story.peer_id)
        self.story.entries.append(back)
        self.rooms = dict(back.rooms)
        if self.person.version > 1:  # it is not told again of those who came and went
            waiting = [(room, peer) for room, peers in back.waiting.items() for peer in sorted(peers)]
            self.undecided = dict.fromkeys(waiting)

    def _answered(self, ack: int, data: dict[str, Any]) -> None:
        if ack == 0:
            return  # of the authentication, which is told as an event too
        if ack not in self.unanswered:
            self.faults.append(f"{self._me} was answered {ack} twice, or without having asked: {data}")
            return
        sent, _ = self.unanswered.pop(ack)
        self._owed.pop(sent.number, None)
        sent.answer = OK if data["ok"] else data["code"]
        if sent.number in self._again and sent.answer == "taken" and self.owns(sent.room):
            self.faults.append(f"{self._me} owns {sent.room}, which was refused to it as taken")
        self.universe.note(self.name, f"{self._me} is answered {sent.number}, {sent.event} {sent.room}: {sent.answer}")
        if sent.event == "room-leave-request":
            self._left(sent)
        if sent.event == "room-data-request" and (news := wire.change(sent, data, self.rooms)) is not None:
            self._understand(news)
        if sent.event == "room-leave-request" and sent.answer in (OK, "not-member") and not self._asks_since(sent):
            self._withdrawn.add(sent.room)
        if sent.event in DECISIONS and sent.answer == "full":
            self.send("room-join-reject", sent.room, sent.to)
        elif sent.event in DECISIONS and sent.answer not in ("too-many-requests", "unavailable", "unauthorized"):
            self.undecided.pop((sent.room, sent.to), None)
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
        self.entering = ""
        self.on_refusal(sent.room, sent.answer or "")

    # what it does

    def send(self, event: str, room: str, to: str = "", **fields: Any) -> Sent | None:
        """Say something, if it is here."""
        if self.line is None or not self.here or self.line.is_down:
            return None
        sent = Sent(next(self._numbers), event, room, to, fields=fields if event in GOVERNING else {})
        self.story.entries.append(sent)
        if event == "room-leave-request" and not self.numbers_events:
            self._leaving.add(room)
        elif event in ("room-join-request", "room-create-request"):
            self._withdrawn.discard(room)
            self._leaving.discard(room)
        named = {"to": to} if to else {}
        said = {"body": {"n": sent.number}} if event == "room-message-request" else {}
        body = {"room": room, "payload": {"n": sent.number}, **said, **named, **fields}
        if self.numbers_events:
            body["n"] = sent.number
            self._owed[sent.number] = sent, body
        self.universe.note(self.name, f"{self._me} says {sent.number}, {event} {room} {to}")
        self._transmit(sent, body)
        return sent

    def _transmit(self, sent: Sent, body: dict[str, Any]) -> None:
        self._acks += 1
        self.unanswered[self._acks] = sent, self.universe.time
        if self.line is not None:
            self.line.say(sent.event, _encode({"auth": self._token, **body}), self._acks)

    def owns(self, room: str) -> bool:
        """Whether a room is its own, as far as it was told."""
        return room in self.rooms and self.rooms[room].owner == self.story.peer_id

    def hosts(self, room: str) -> bool:
        """Whether it decides about a room, as far as it was told."""
        return room in self.rooms and self.story.peer_id in self.rooms[room].hosts

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
        self.story.truth.update(take_out_questions(self.story, self._asked_at))
        self.story.stayed = self.here

    def waiting(self, room: str) -> set[str]:
        """Who has asked to be let into a room, and was not answered yet."""
        return {peer for where, peer in self.undecided if where == room}

    def unban(self, room: str) -> None:
        """Let one of those ask again whom it has banned."""
        for sent in self.story.sent():
            if sent.event == "room-kick-request" and sent.room == room and sent.fields.get("ban"):
                self.send("room-unban-request", room, sent.to)
                return

    def note(self, what: str) -> None:
        """Put down in the trace what happens to it."""
        self.universe.note(self.name, f"{self._me}: {what}")

    def leave(self, suffers: bool) -> None:
        """Say goodbye for good, and come again as somebody else. ``suffers``: things happen to its connection.

        If the goodbye may be lost, a resumable peer leaves its rooms first: nobody would know that it does not come
        back.
        """
        if self.line is None or not self.here:
            return
        if self.resumable and suffers and (self.rooms or self.entering or self.unanswered):
            for room in sorted({*self.rooms, self.entering} - {""}):
                self.send("room-leave-request", room)
            return
        self.universe.note(self.name, f"{self._me} says goodbye")
        self.line.goodbye()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.here = False
        self._token = ""
        self.rooms = {}
        self.universe.after(self._chance.uniform(0.1, 2), self.arrive)

    def renew(self) -> None:
        if self.line is not None:
            self.line.say("auth-request", _encode({"token": self._token, "resumable": self.resumable}), 0)

    def _get_token(self) -> None:
        """Have the backend make another user token, unless the one that it has lives on for long enough."""
        person, now = self.person, int(EPOCH + self.universe.time)
        if now - person.issued > (1 - RENEWED) * person.life:
            person.issued = now

    def _look_after_token(self, line: Line | None) -> None:
        """Show another user token before the one that it came with ends, as long as it is here."""
        if line is None or line is not self.line or line.is_down or self.person.life == LIFE:
            return
        if self._ends - self.universe.time < RENEWED * self.person.life and not self._is_forgetful:
            self.person.issued = max(self.person.issued, int(EPOCH + self.universe.time))
            line.say("auth-request", _encode({"token": self.person.token, "resumable": self.resumable}), 0)
        self.universe.after(LOOK, lambda: self._look_after_token(line))

    @property
    def _is_forgetful(self) -> bool:
        return self._forgets and self.universe.time < self.home_by

    def create_again(self, room: str) -> None:
        """Ask once more for a room of its own, as clients do that missed the answer; it is no part of the story."""
        if (sent := self.send("room-create-request", room)) is not None:
            self.story.entries.remove(sent)
            self._again.add(sent.number)
