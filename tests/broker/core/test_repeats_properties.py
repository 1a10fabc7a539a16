"""Whatever is lost on the way, and whatever clients send again because of it: each thing takes effect once, and every
number gets one answer, which stays the same.
"""

import random
import uuid
from typing import Any, NamedTuple
from unittest.mock import patch

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from broker.core import numbers
from tests.broker.core.test_rights_properties import (
    NAMED,
    Guest,
    Machine,
    Saying,
    infos,
    keys,
    of_hosts,
    plain,
    rooms,
    some,
)
from tests.broker.house import Refused
from tests.broker.world import NOBODY, Socket

REMEMBERED = 6  # numbers, so that some are forgotten in a short history
GAP = 3  # between numbers
NOT_LET_IN = {"rejected", "banned", "not-found", "not-pending"}
RELAY = "relay-ice-candidate"


class Wish(NamedTuple):
    """Something that a client sends, perhaps several times."""

    n: int
    event: str
    room: str
    whom: str
    fields: dict[str, Any]
    body: int | None = None


class Book:
    """What a peer has said under its numbers, as far as it concerns the server.

    wishes      all that it wanted; ``unanswered``: by number, what it has got no answer to
    waiting     the rooms that requests to join wait for
    outcomes    by number, in the order in which it was decided: the code of the refusal, "" for none, None if only the
                server knows the code
    heard       the first answer to each number that was no refusal
    """

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.unanswered: dict[int, Wish] = {}
        self.waiting: dict[int, str] = {}
        self.outcomes: dict[int, str | None] = {}
        self.heard: dict[int, dict[str, Any]] = {}

    @property
    def remembered(self) -> list[int]:
        return list(self.outcomes)[-REMEMBERED:]

    def is_stale(self, n: int) -> bool:
        """Whether it may have been forgotten what became of a number."""
        forgotten = max(list(self.outcomes)[:-REMEMBERED], default=-1)
        return n <= forgotten and n not in self.remembered and n not in self.waiting

    def want(self, **wish: Any) -> Wish:
        wanted = Wish(len(self.wishes) * GAP, **wish)
        self.wishes.append(wanted)
        self.unanswered[wanted.n] = wanted
        return wanted


class Repeating(Machine):
    """The histories of rights, whose clients of version 2 number what they say."""

    def __init__(self) -> None:
        super().__init__()
        self._few = patch.object(numbers, "MOST", REMEMBERED)
        self._few.start()
        self.books: dict[str, Book] = {}
        self.asked: dict[int, tuple[Guest, Book, int]] = {}  # by acknowledgement
        self.sockets: dict[str, list[Socket]] = {}

    @rule(who=some, room=rooms, whom=some, saying=plain | of_hosts | of_hosts)
    def say(self, who: int, room: str, whom: int, saying: Saying) -> None:
        guest, other = self.guests[who], self.guests[whom].view.me
        event, fields = saying
        if guest.version == 1:
            super().say(who, room, whom, saying)
            self.decide()
        elif self.speaks(guest):
            named = other if "peer" in event or event in NAMED else ""
            self.send(guest, self.books[guest.view.me].want(event=event, room=room, whom=named, fields=fields))

    @rule(who=some, whom=some, room=rooms)
    def speak(self, who: int, whom: int, room: str) -> None:
        guest, other = self.guests[who], self.guests[whom]
        if guest.version == 1:
            super().speak(who, whom, room)
        elif self.speaks(guest):
            self.send(guest, self.words(guest, other, room))

    @rule(which=some, whom=some, room=rooms, to=st.sampled_from(["all", "all", "hosts", "one"]))
    def write(self, which: int, whom: int, room: str, to: str) -> None:
        guest, other = self.guests[self.somebody_in(room, which)], self.guests[whom].view.me
        if guest.version > 1 and self.speaks(guest):
            self.number += 1
            fields = {"body": self.number}
            addressed = {"all": "", "hosts": "hosts", "one": other}[to]
            book = self.books[guest.view.me]
            self.send(guest, book.want(event="room-message-request", room=room, whom=addressed, fields=fields))

    @rule(which=some, whom=some, room=rooms, keys=keys, guess=st.sampled_from([None, None, 0, "known", "stale"]))
    def share(self, which: int, whom: int, room: str, keys: dict[str, Any], guess: Any) -> None:
        guest = self.guests[self.somebody_in(room, which)]
        if guest.version > 1 and self.speaks(guest):
            fields = self.change_of(guest, self.guests[whom], room, keys, guess)
            book = self.books[guest.view.me]
            self.send(guest, book.want(event="room-data-request", room=room, whom="", fields=fields))

    @rule(who=some, info=infos)
    def update(self, who: int, info: Any) -> None:
        guest = self.guests[who]
        if guest.version > 1 and self.speaks(guest):
            fields = {"peerinfo": info}
            book = self.books[guest.view.me]
            self.send(guest, book.want(event="peer-update-request", room="", whom="", fields=fields))

    @rule(who=some, whom=some, room=rooms, late=st.booleans())
    def speak_in_vain(self, who: int, whom: int, room: str, late: bool) -> None:
        """What it says gets lost on the way, or comes in on a socket that it has left."""
        guest = self.guests[who]
        if guest.version == 1 or guest.view.me not in self.books:
            return
        wish = self.words(guest, self.guests[whom], room)
        left = [socket for socket in self.sockets.get(guest.view.me, []) if self.is_up(socket)]
        if late and left:
            before = self.world.core.tally[RELAY, "unauthorized"]
            left[-1].say(RELAY, room, wish.whom, ack=0, payload=wish.body, n=wish.n)
            assert self.world.core.tally[RELAY, "unauthorized"] == before + 1

    @rule(who=some, back=st.integers(1, 2 * REMEMBERED), otherwise=st.booleans())
    def say_again(self, who: int, back: int, otherwise: bool) -> None:
        """Whatever was answered; perhaps with other words."""
        guest = self.guests[who]
        if guest.version > 1 and self.speaks(guest):
            wishes = self.books[guest.view.me].wishes[-back:][:1]
            for wish in wishes:
                self.send(
                    guest, wish._replace(body=0) if otherwise and wish.body and self.is_done(guest, wish) else wish
                )

    @rule(who=some, room=rooms)
    def go_and_come_again(self, who: int, room: str) -> None:
        """And then ask once more about the going, and about having come before."""
        guest = self.guests[who]
        if guest.version == 1 or not self.speaks(guest):
            return
        book = self.books[guest.view.me]
        for event in ("room-leave-request", "room-create-request", "room-join-request"):
            self.send(guest, book.want(event=event, room=room, whom="", fields={}))
        for wish in book.wishes[-REMEMBERED:]:
            if wish.event in ("room-leave-request", "room-create-request", "room-join-request"):
                self.send(guest, wish)

    @rule(who=some)
    def create_one_without_a_name(self, who: int) -> None:
        guest = self.guests[who]
        if guest.version > 1 and self.speaks(guest) and self.guests[who].user is None:
            self.send(guest, self.books[guest.view.me].want(event="room-create-request", room="", whom="", fields={}))

    @rule(who=some, info=infos)
    def come_back(self, who: int, info: Any = None) -> None:
        """And send again, in order, what was not answered."""
        guest = self.guests[who]
        if guest.here:
            return
        if guest.socket.token != NOBODY:
            self.sockets.setdefault(guest.view.me, []).append(guest.socket)
        super().come_back(who, info)
        if guest.version > 1:
            book = self.books[guest.view.me]
            for wish in list(book.unanswered.values()):
                self.send(guest, wish)
            assert book.unanswered.keys() <= book.waiting.keys(), "everything was answered that does not wait"

    def note_arrival(self, guest: Guest) -> None:
        super().note_arrival(guest)
        self.books[guest.view.me] = Book()

    def remove(self, names: list[str]) -> None:
        super().remove(names)
        for name in names:
            self.books.pop(name, None)
        self.decide()

    def look(self) -> None:
        super().look()
        for guest in self.guests:
            for ack in list(guest.socket.acks.keys() & self.asked.keys()):
                _, book, n = self.asked.pop(ack)
                self.hear(guest, book, n, guest.socket.answer(ack))

    def words(self, guest: Guest, other: Guest, room: str) -> Wish:
        self.number += 1
        whom = other.view.me
        return self.books[guest.view.me].want(event=RELAY, room=room, whom=whom, fields={}, body=self.number)

    def is_up(self, socket: Socket) -> bool:
        return socket.gateway.name in self.world.core.state.gateways and (
            self.world.gateways.get(socket.gateway.name) is socket.gateway
        )

    def speaks(self, guest: Guest) -> bool:
        """Whether what it says comes in, though it may not get the answer."""
        return self.world.core.state.conns.get(guest.socket.conn) == guest.view.me and self.is_up(guest.socket)

    def is_done(self, guest: Guest, wish: Wish) -> bool:
        return wish.n in self.books[guest.view.me].outcomes

    def send(self, guest: Guest, wish: Wish) -> None:
        """A wish comes in, and takes effect unless it has done so before."""
        self.number += 1
        book = self.books[guest.view.me]
        self.asked[self.number] = guest, book, wish.n
        tally = self.world.core.tally
        too_many = tally[wish.event, "too-many-requests"]
        room = wish.room
        if not room and wish.event == "room-create-request":  # as a gateway does it
            room = str(uuid.UUID(int=random.Random(self.number).getrandbits(128), version=4))
        payload = {} if wish.body is None else {"payload": wish.body}
        guest.socket.say(wish.event, room, wish.whom, ack=self.number, n=wish.n, **payload, **wish.fields)
        if tally[wish.event, "too-many-requests"] > too_many:
            expected: str | None = "too-many-requests"  # of limits that only the server knows
        else:
            expected = self.take(guest.view.me, book, wish._replace(room=room))
        self.decide()
        if guest.here and wish.n not in book.waiting:
            [answer] = guest.socket.acks[self.number]
            if not (expected is None and answer["code"] in NOT_LET_IN):
                assert answer.get("code", "") == expected, (wish, answer, expected)
        self.look()

    def take(self, me: str, book: Book, wish: Wish) -> str | None:
        """What the model makes of it: the code that it must be answered with, if that is known."""
        if wish.n in book.waiting:
            return None
        if wish.n in book.remembered:
            return book.outcomes[wish.n]
        if book.is_stale(wish.n):
            return "stale"
        try:
            if wish.event == RELAY:
                self.pass_on(me, wish)
            else:
                version = {"version": self.world.core.state.number} if wish.event == "room-data-request" else {}
                self.house.say(wish.event, me, wish.room, wish.whom, {**wish.fields, **version})
                self.pass_messages()
        except Refused as refused:
            return str(refused)
        self.decide()
        if wish.event == "room-join-request" and me in self.house.rooms[wish.room].pending:
            book.waiting[wish.n] = wish.room
            return None
        book.outcomes[wish.n] = ""
        return ""

    def pass_messages(self) -> None:
        for name, body in self.house.heard:
            self.guests[self.number_of(name)].said.append(body)
        self.house.heard.clear()

    def pass_on(self, me: str, wish: Wish) -> None:
        here = self.house.rooms.get(wish.room)
        if here is None or not {me, wish.whom} <= here.roles.keys() or me == wish.whom:
            raise Refused("not-member")
        assert wish.body is not None
        self.guests[self.number_of(wish.whom)].said.append(wish.body)

    def decide(self) -> None:
        """Take note of requests that do not wait any more."""
        for me, book in self.books.items():
            for n, name in list(book.waiting.items()):
                room = self.house.rooms.get(name)
                if room is None or me not in room.pending:
                    del book.waiting[n]
                    book.outcomes[n] = "" if room is not None and me in room.roles else None

    def hear(self, guest: Guest, book: Book, n: int, answer: dict[str, Any]) -> None:
        """A client has got an answer. What it has changed in a room's data it is not told in another way."""
        code = answer.get("code", "")
        assert answer["ok"] is (code == "")
        wish = book.wishes[n // GAP]
        if "version" in answer:
            known = guest.view.rooms.get(answer["room"])
            if known is not None and answer["version"] > known.data_version and n not in book.heard:
                known.changed(wish.fields["set"], answer["version"])
        if answer["ok"] and wish.event not in ("room-join-request", "room-policy-request"):  # as it is now
            assert answer == book.heard.setdefault(n, answer), "the answer is the same each time"
        if n in book.outcomes and book.outcomes[n] is None and code in NOT_LET_IN:
            book.outcomes[n] = code  # and from now on always that
        book.unanswered.pop(n, None)

    @invariant()
    def what_waits_has_its_numbers(self) -> None:
        for me, book in self.books.items():
            for n, name in book.waiting.items():
                assert n in self.world.core.state.rooms[name].pending[me].numbers

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self._few.stop()


TestRepeats = Repeating.TestCase
TestRepeats.settings = settings(
    max_examples=200, stateful_step_count=60, deadline=None, phases=(Phase.reuse, Phase.generate)
)
