"""What visitors do when they are here: form rooms, join, let others in, relay, leave, and try what they may not."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.chaos.rig.cast import BANS
from tests.chaos.rig.story import OUT, Back, Got, View, take_out_questions
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.waiting import until

POLICIES: tuple[dict[str, Any], ...] = (
    {"admission": "ask"},
    {"admission": "ask"},
    {"admission": "open"},
    {"admission": "closed"},
    {"max_peers": 3},
    {"max_peers": None},
    {"owner_leaves": "close"},
    {"owner_leaves": "pass"},
)
PACE = (0.02, 0.15)  # seconds between two things that one guest does


class Party:
    """Guests who look for each other under one room name after the other. ``known`` are the names that got a room."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._round = 1
        self.known: set[str] = set()

    @property
    def room(self) -> str:
        return f"{self._name}-{self._round}"

    def move_on(self, room: str) -> None:
        """That room is no more: meet in the next one. A name is used for one room only."""
        if room == self.room:
            self._round += 1


class Guest:
    """One visitor at one party."""

    def __init__(self, visitor: Visitor, party: Party) -> None:
        self.visitor = visitor
        self._party = party
        self._asides: set[asyncio.Task[Any]] = set()
        visitor.on_got = self._on_got
        visitor.on_back = self._on_back

    async def mingle(self) -> None:
        """One thing after the other, until cancelled."""
        while True:
            if self.visitor.here:
                await self._do_something()
            await asyncio.sleep(self.visitor.chance.uniform(*PACE))

    async def settle(self) -> None:
        """Wait until everything that was begun on the side has ended."""
        while self._asides:
            await asyncio.wait(self._asides)

    async def learn_truth(self) -> None:
        """Ask the broker about each room that this guest believes to be in."""
        story = self.visitor.story
        for room in list(self.visitor.rooms):
            start = len(story.entries)
            while await self.visitor.call("room-join-request", room) == "too-many-requests":
                await asyncio.sleep(0.5)  # it has been told just now, when it came back
            story.truth.update(take_out_questions(story, start))
        story.stayed = True

    async def _do_something(self) -> None:
        rooms = self.visitor.rooms
        if not rooms:
            await self._enter()
            return
        room = self.visitor.chance.choice(sorted(rooms))
        what = self.visitor.chance.random()
        if what < 0.02:
            await self.visitor.call("room-leave-request", room)
        elif what < 0.03:
            await self._drop_or_go()
        elif what < 0.06:
            await self._trespass(room)
        elif what < 0.12 and self.visitor.version > 1:
            await self._govern(room, rooms[room])
        else:
            await self._talk(room, rooms[room])

    async def _enter(self) -> None:
        """Join the party, or be the first there. Several find nobody at once, and only one of them gets the room."""
        room = self._party.room
        was_known = room in self._party.known
        answer = await self.visitor.call("room-join-request", room)
        if answer == "not-found" and was_known:
            self._party.move_on(room)
        elif answer == "not-found":
            await self.visitor.call("room-create-request", room)
        if answer != "not-found" or not was_known:
            self._party.known.add(room)

    async def _talk(self, room: str, view: View) -> None:
        others = sorted(view.members - {self.visitor.story.peer_id})
        if self.visitor.version > 1 and self.visitor.chance.random() < 0.3:
            await self._write(room, others)
            return
        if not others:
            return
        to = self.visitor.chance.choice(others)
        if self.visitor.chance.random() < 0.5:
            await self.visitor.call("relay-session-description", room, to, session_description={"type": "offer"})
        else:
            await self.visitor.call("relay-ice-candidate", room, to, ice_candidate={"candidate": "c"})

    async def _write(self, room: str, others: list[str]) -> None:
        """Write to all, to the hosts or to one, or change what all share."""
        chance = self.visitor.chance
        if chance.random() < 0.6:
            await self.visitor.call("room-message-request", room, chance.choice(["", "hosts", *others]))
        else:
            key = chance.choice(("slide", "theme", f"peer.{self.visitor.story.peer_id}.hand"))
            await self.visitor.call("room-data-request", room, set={key: chance.choice((1, 2, None))})

    async def _govern(self, room: str, view: View) -> None:
        """Do what hosts may; one who is none tries it now and then, and is refused."""
        visitor, chance = self.visitor, self.visitor.chance
        if visitor.story.peer_id not in view.hosts and chance.random() > 0.1:
            return
        what = chance.random()
        others = sorted(view.members - {visitor.story.peer_id})
        banned = [sent.to for sent in visitor.story.sent() if sent.room == room and sent.fields.get("ban")]
        if what < 0.35:
            await visitor.call("room-policy-request", room, policy=chance.choice(POLICIES))
        elif what < 0.4:
            await visitor.call("room-close-request", room)
        elif what < 0.5 and banned:
            await visitor.call("room-unban-request", room, chance.choice(banned))
        elif others and what < 0.75:
            role = chance.choice(("moderator", "moderator", "member", "owner"))
            await visitor.call("room-role-request", room, chance.choice(others), role=role)
        elif others:
            await visitor.call("room-kick-request", room, chance.choice(others), ban=chance.choice(BANS))

    async def _trespass(self, room: str) -> None:
        """Try what is always refused."""
        if self.visitor.chance.random() < 0.5:
            await self.visitor.call("relay-session-description", "elsewhere", "nobody", session_description={})
        else:
            await self.visitor.call("room-join-accept", room, "nobody")

    async def _drop_or_go(self) -> None:
        if self.visitor.resumable:
            await self.visitor.drop()
        else:
            await self.visitor.leave()

    def _on_got(self, got: Got) -> None:
        if got.event == "room-join-request":
            self._aside(self._decide(got.room, got.peer))
        elif got.event in OUT[1:] and self.visitor.chance.random() < 0.3:
            self._aside(self._try_on(got.room))

    def _on_back(self, back: Back) -> None:
        """In version 2, it finds who waits, and is not told."""
        for room, peers in back.waiting.items():
            for peer in sorted(peers):
                self._aside(self._decide(room, peer))

    async def _decide(self, room: str, peer: str) -> None:
        admitted = self.visitor.chance.random() < 0.9
        answer = await self.visitor.call("room-join-accept" if admitted else "room-join-reject", room, peer)
        if answer == "full":
            await self.visitor.call("room-join-reject", room, peer)

    async def _try_on(self, room: str) -> None:
        """It was put out of a room, and speaks there all the same."""
        for peer in sorted({got.peer for got in self.visitor.story.got("room-user-join") if got.room == room}):
            await self.visitor.call("relay-ice-candidate", room, peer, ice_candidate={"candidate": "c"})

    def _aside(self, step: Any) -> None:
        task = asyncio.ensure_future(step)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)


async def find_truth(guests: Sequence[Guest]) -> None:
    """Wait until nothing moves any more, then ask the broker about every room.

    What was said is in the log once it is answered, so whoever asks after that is told of it before the answer.
    """
    for guest in guests:
        await guest.settle()
        await until(guest.visitor.is_settled, "what was said is answered")
    for guest in guests:
        await guest.learn_truth()
