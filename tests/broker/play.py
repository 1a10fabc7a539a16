"""People on gateways, and where each peer is by what the log says: the part of the play that is not in its rules."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from broker.core.rules.arrivals import MOST_TAKEOVERS, TAKEOVER_SECONDS
from shared.envelopes.entries import Entry, Said
from tests.broker.cast import Answers, Person
from tests.broker.model import Model, Refused
from tests.broker.world import NOBODY, RELAYED, Gateway, Socket, Token, World

RESUME_FOR = 30.0
Saying = tuple[str, str, int, bool]


class Seat(NamedTuple):
    """Where a peer is: its socket, or until when its place is kept. ``generation`` counts its sockets."""

    conn: str
    generation: int
    deadline: float = 0.0
    left: int = 0


class Asked(NamedTuple):
    """An acknowledgement that was asked for; ``room`` is the one to be admitted to."""

    peer: str
    conn: str
    number: int
    room: str


class Play:
    """The world, the model of its rooms, and who sits where."""

    def __init__(self) -> None:
        self.world = World(peers_per_room=3, rooms_per_peer=2, pending_per_peer=2, resume_for=RESUME_FOR)
        self.model = Model(self.world.core.limits, lambda: self.world.now)
        self.answers = Answers()
        self.people: list[Person] = []
        self.up: list[str] = []
        self.seats: dict[str, Seat] = {}
        self.asked: list[Asked] = []
        self._resumable: dict[str, bool] = {}
        self._confirmed: set[str] = set()
        self._shown: dict[str, int] = {}
        self._doubtful: dict[str, set[int]] = {}
        self._taken: dict[str, tuple[float, float]] = {}
        self._looked_at = 0
        self._numbers = itertools.count(1)

    def bring_up_gateway(self) -> None:
        self.up.append(f"g{next(self._numbers)}")
        self.world.gateway(self.up[-1])

    def gateway(self, which: int) -> Gateway:
        return self.world.gateway(self.up[which % len(self.up)])

    def person(self, who: int) -> Person:
        return self.people[who % len(self.people)]

    def members(self, room: str) -> list[int]:
        """Who of the people is in a room."""
        inside = self.model.rooms[room].members if room in self.model.rooms else ()
        return [who for who, person in enumerate(self.people) if person.token.peer_id in inside]

    def owner_and_waiting(self, room: str) -> tuple[Person | None, list[int]]:
        """Who owns a room, and who of the people waits for it."""
        if room not in self.model.rooms:
            return None, []
        found, pending = self.model.rooms[room], self.model.rooms[room].pending
        owner = next((person for person in self.people if person.token.peer_id == found.owner), None)
        return owner, [who for who, person in enumerate(self.people) if person.token.peer_id in pending]

    def open(self, where: int) -> Socket:
        return self.world.socket(self.up[where % len(self.up)])

    def sits(self, socket: Socket) -> bool:
        """Whether this is the socket of some peer."""
        return bool(self._peer_on(socket.conn))

    def speaks(self, person: Person) -> bool:
        """Whether what this person says gets as far as the log."""
        return self.sits(person.socket) and not person.socket.deaf and person.socket.token != NOBODY

    def outdated(self, token: Token) -> Token | None:
        """A token of the same peer that cannot count any more."""
        used = token.peer_id in self._confirmed and self.seats[token.peer_id].generation == token.generation > 1
        return token._replace(generation=token.generation - 1) if used else None

    def authenticate(self, person: Person, resumable: bool | None) -> None:
        """Also checks whether that brings a peer back, or makes a new one."""
        conn, known = person.socket.conn, self._peer_on(person.socket.conn)
        returns = not known and self._returns(person.token)
        if returns and self.seats[person.token.peer_id].conn:
            returns = self._takes_over(person.token.peer_id)
        peer = known or (person.token.peer_id if returns else conn)
        if not known:
            self.seats[peer] = Seat(conn, self.seats[peer].generation + 1 if returns else 1)
            self._confirmed.discard(peer)
            self._note_generation(peer, person.token.generation if returns else 0)
        self._resumable[peer] = self._resumable.get(peer, False) if resumable is None else resumable
        entry = person.socket.authenticated(resumable=resumable, resume=person.token, received=person.received)
        self.send(person.socket, entry)
        [admit] = self.answers.admits
        assert (admit.peer_id, admit.resumed, admit.generation) == (peer, returns, self.seats[peer].generation)

    def said(self, socket: Socket, event: str, room: str, whom: int, ack: bool) -> Said:
        """An event that names some person's peer."""
        number = next(self._numbers)
        payload = number if event in RELAYED else None
        return socket.said(event, room, self.person(whom).token.peer_id, number if ack else None, payload)

    def expect(self, said: Said) -> str:
        """Let the model take the event in; the code of its refusal, or nothing."""
        peer = self._peer_on(said.conn)
        self._confirmed.add(peer)
        if said.ack is not None:
            room = said.room if said.event == "room-join-request" else ""
            self.asked.append(Asked(peer, said.conn, said.ack, room))
        number = int(said.body[said.body.rindex(b":") + 1 : -2]) if said.body else 0
        try:
            self.model.say(said.event, peer, said.room, said.peer_id, number, said.ack is not None)
        except Refused as refused:
            return str(refused)
        return ""

    def send(self, socket: Socket, *entries: Entry) -> None:
        socket.gateway.send(*entries)
        self.look()

    def look(self) -> None:
        """Let people read, and take note of what was sent to sockets since the last look."""
        for person in self.people:
            person.read()
        self.answers.take(self.world.parcels[self._looked_at :])
        self._looked_at = len(self.world.parcels)

    def close(self, socket: Socket, for_good: bool) -> None:
        """The gateway sees that a socket is gone."""
        self.leave([socket.conn], for_good)
        socket.deaf = True
        socket.close(for_good=for_good)
        self.look()

    def pass_time(self, seconds: float) -> None:
        """Nobody stays stuck or unnoticed for long: gateways go on, and see whose network has died."""
        for name in self.up:
            self.world.gateway(name).go_on()
            for socket in list(self.world.gateway(name).sockets.values()):
                if socket.deaf and self.sits(socket):
                    self.close(socket, for_good=False)
        self.world.now += seconds

    def leave(self, conns: Iterable[str], for_good: bool) -> None:
        """Sockets are gone. Those that may come back leave their places before the others go."""
        peers = [peer for peer, seat in self.seats.items() if seat.conn and seat.conn in conns]
        staying = [peer for peer in peers if self._resumable[peer] and not for_good]
        for peer in staying:
            deadline = self.world.now + RESUME_FOR
            self.seats[peer] = Seat("", self.seats[peer].generation, deadline, next(self._numbers))
        self._vacate([peer for peer in peers if peer not in staying])

    def expire(self) -> None:
        """Places that were kept long enough are lost."""
        due = [peer for peer, seat in self.seats.items() if not seat.conn and seat.deadline <= self.world.now]
        self._vacate(sorted(due, key=lambda peer: self.seats[peer].left))

    def settled(self, asked: Asked) -> bool:
        """Whether an acknowledgement must have been answered by now."""
        seat = self.seats.get(asked.peer)
        return seat is not None and seat.conn == asked.conn and asked.room not in self.model.asked_by(asked.peer)

    def _vacate(self, peers: list[str]) -> None:
        self.model.remove(peers)
        for peer in peers:
            del self.seats[peer], self._resumable[peer]
            self._confirmed.discard(peer)

    def _note_generation(self, peer: str, shown: int) -> None:
        """A peer has a new generation, for another one's token. Only what began with that same token is its own."""
        if shown != self._shown.get(peer) or not shown:
            self._doubtful[peer] = {shown}
        self._shown[peer] = shown
        self._doubtful[peer].add(self.seats[peer].generation)

    def _takes_over(self, peer: str) -> bool:
        taken, at = self._taken.get(peer, (0.0, 0.0))
        taken = max(0.0, taken - (self.world.now - at) / TAKEOVER_SECONDS)
        if taken + 1 > MOST_TAKEOVERS:
            return False
        self._taken[peer] = taken + 1, self.world.now
        return True

    def _peer_on(self, conn: str) -> str:
        return next((peer for peer, seat in self.seats.items() if seat.conn == conn), "")

    def _returns(self, token: Token) -> bool:
        seat = self.seats.get(token.peer_id)
        if seat is None or not self._resumable[token.peer_id]:
            return False
        unheard = token.peer_id not in self._confirmed
        return token.generation == seat.generation or (unheard and token.generation in self._doubtful[token.peer_id])
