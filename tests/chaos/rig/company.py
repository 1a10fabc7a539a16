"""A few visitors of a system, sent where the test wants them, and their rooms."""

import asyncio
import functools
import itertools
import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import nats
from nats.aio.msg import Msg

from shared.contract.tokens import make_app_token
from shared.envelopes import subjects
from shared.envelopes.entries import Closed, unpack_batch
from tests.chaos.rig.checker import faults
from tests.chaos.rig.faults import start
from tests.chaos.rig.story import OK, Got, Story
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.harness import APP_SECRET, System
from tests.system.rig.waiting import until

APP_TOKEN = make_app_token(APP_SECRET, "chaos", 0)


class Company:
    """Visitors on one system; it may be the company's own, or one that others use too."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._numbers = itertools.count(1)
        self._visitors: list[Visitor] = []

    async def open(self) -> None:
        """Be ready to receive."""
        self._http = aiohttp.ClientSession()

    async def close(self) -> None:
        """Let everybody go."""
        for visitor in self._visitors:
            await visitor.leave()
        await self._http.close()

    def stranger(self, *, resumable: bool = True) -> Visitor:
        """Somebody who has not arrived yet."""
        urls = [gateway.url for gateway in self.system.gateways]
        visitor = Visitor(self._http, urls, APP_TOKEN, self._numbers, random.Random(0), resumable=resumable)
        self._visitors.append(visitor)
        return visitor

    async def visitor(self, gateway: int, *, resumable: bool = True) -> Visitor:
        """Somebody who is on that gateway."""
        visitor = self.stranger(resumable=resumable)
        assert await self.come(visitor, gateway), "a visitor was not let in"
        return visitor

    async def come(self, visitor: Visitor, gateway: int, **fields: Any) -> bool:
        """Arrive, or return, at that gateway."""
        return await visitor.arrive(self.system.gateways[gateway].url, **fields)

    async def room(self, owner: Visitor, *others: Visitor) -> str:
        """A new room with these members, who have heard of each other."""
        room = f"room-{uuid.uuid4().hex[:12]}"
        assert await owner.call("room-create-request", room) == OK
        for other in others:
            await self.ask(owner, other, room)
            assert await owner.call("room-join-accept", room, id_of(other)) == OK
        everybody = frozenset(id_of(member) for member in (owner, *others))
        for member in (owner, *others):
            await until(functools.partial(sees, member, room, everybody), "all know each other")
        return room

    @asynccontextmanager
    async def closing(self, conn: str) -> AsyncIterator[None]:
        """Leave the context as soon as the log knows that the socket ``conn`` is closed."""
        closed = asyncio.Event()

        async def look(message: Msg) -> None:
            if any(isinstance(entry, Closed) and entry.conn == conn for entry in unpack_batch(message.data).entries):
                closed.set()

        nc = await nats.connect(f"nats://127.0.0.1:{self.system.nats_port}")
        try:
            await nc.subscribe(f"{subjects.GATEWAY_EVENTS}*", cb=look)
            await nc.flush()
            yield
            await until(closed.is_set, "the log knows that it is closed")
        finally:
            await nc.close()

    async def ask(self, owner: Visitor, candidate: Visitor, room: str) -> None:
        """Ask to be let in, without waiting for more than that the owner hears of it."""
        candidate.send("room-join-request", room)
        await told(owner, "room-join-request", peer=id_of(candidate))

    async def faults(self) -> list[str]:
        """What the checker finds. Faults that end by themselves are none: something was still on its way."""
        deadline = time.monotonic() + 3
        while (found := self._judge()) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        return found

    def _judge(self) -> list[str]:
        """The checker's word on the stories of all, taking those who are here for those who stayed."""
        for visitor in self._visitors:
            visitor.collect_answers()
            for story in visitor.stories:
                story.stayed = visitor.here and story is visitor.story
                story.truth = dict(visitor.rooms) if story.stayed else {}
        return faults([story for visitor in self._visitors for story in visitor.stories])


class OwnCompany(Company):
    """A company with a system of its own: started and stopped with it."""

    async def open(self) -> None:
        await super().open()
        await start(self.system)

    async def close(self) -> None:
        try:
            await super().close()
            await self.system.stop()
        finally:
            await self.system.abandon()


def sees(visitor: Visitor, room: str, members: frozenset[str]) -> bool:
    """Whether these are the members of a room, as far as this peer was told."""
    return room in visitor.rooms and visitor.rooms[room].members == members


def id_of(visitor: Visitor) -> str:
    """Its peer id."""
    return visitor.story.peer_id


def heard(visitor: Visitor, event: str, **fields: Any) -> list[Got]:
    """What this peer was told so far under that name, and with these fields."""
    return [got for got in visitor.story.got(event) if all(getattr(got, name) == fields[name] for name in fields)]


def relayed(visitor: Visitor) -> list[int | None]:
    """The numbers of all session descriptions that this peer was told."""
    return [got.number for got in visitor.story.got("session-description")]


def numbers(story: Story) -> list[int]:
    """The numbers of all session descriptions that this peer sent."""
    return [sent.number for sent in story.sent() if sent.event == "relay-session-description"]


async def told(visitor: Visitor, event: str, within: float = 5.0, **fields: Any) -> Got:
    """Wait until this peer has been told something."""
    await until(lambda: heard(visitor, event, **fields), f"told {event} {fields}", within)
    return heard(visitor, event, **fields)[-1]


async def relay(sender: Visitor, receiver: Visitor, room: str, description: Any = "offer") -> str | None:
    """Send a session description; returns the answer."""
    return await sender.call("relay-session-description", room, id_of(receiver), session_description=description)


async def seconds_until_served(sender: Visitor, receiver: Visitor, room: str, within: float = 10.0) -> float:
    """How long it takes from now until a relay is acknowledged, and no more refused or left without an answer."""
    began = time.monotonic()
    while await relay(sender, receiver, room) != OK:
        assert time.monotonic() - began < within, f"not served within {within:g} s"
    return time.monotonic() - began
