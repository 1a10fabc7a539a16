"""A client that always comes back: through any gateway, as the peer that it was if it may, and writes its story.

In version 2, it numbers what it says, and what was not answered on one line it sends again on the next.
"""

import asyncio
import contextlib
import functools
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from shared.contract.told import counted_in
from tests.chaos.rig import wire
from tests.chaos.rig.cast import Person
from tests.chaos.rig.line import Line
from tests.chaos.rig.story import GOVERNING, OK, Back, Got, Sent, Story, View, see

PATIENCE = 4.0  # seconds that a visitor waits for a gateway, or for an answer
FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError)

Answer = asyncio.Future[dict[str, Any]]


class Visitor:
    """One person behind one peer after the other. ``stories`` are of all of them; the last one still goes on.

    It is anonymous and knows version 1, unless it is a certain ``person``. ``url`` is the gateway that it is on, or
    tried last. ``rooms`` are those it is in, as far as it was told.
    ``received`` counts what it was told on this line.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        urls: Sequence[str],
        app_token: str,
        numbers: "itertools.count[int]",
        chance: random.Random,
        *,
        resumable: bool = True,
        person: Person | None = None,
    ) -> None:
        self.person = person
        self.version = 1 if person is None else person.version
        self.resumable = resumable
        self.chance = chance
        self.stories: list[Story] = []
        self.rooms: dict[str, View] = {}
        self.on_got: Callable[[Got], None] = lambda _: None
        self.on_back: Callable[[Back], None] = lambda _: None
        self._http = http
        self._urls = urls
        self._app_token = app_token if person is None else person.token
        self._counted = counted_in(self.version)
        self._numbers = numbers
        self.line: Line | None = None
        self.url = ""
        self.token = ""
        self.received = 0
        self._admitted = asyncio.Event()
        self._answers: list[tuple[Sent, Answer]] = []
        self._unanswered: dict[int, tuple[Sent, dict[str, Any]]] = {}  # by number

    @property
    def story(self) -> Story:
        return self.stories[-1]

    @property
    def here(self) -> bool:
        """Whether it is connected and admitted."""
        return self.line is not None and self._admitted.is_set() and not self.line.down.is_set()

    async def stay(self) -> None:
        """Be here, whatever happens to gateways, until cancelled."""
        while True:
            while not await self._arrive_anywhere():
                await asyncio.sleep(0.1)
            if self.line is not None:
                await self.line.down.wait()

    async def leave(self) -> None:
        """Say goodbye."""
        line, self.line = self.line, None
        if line is not None and not line.down.is_set():
            await line.goodbye()

    async def drop(self) -> None:
        """Lose the connection."""
        if self.line is not None:
            await self.line.cut()

    async def call(self, event: str, room: str, to: str = "", **fields: Any) -> str | None:
        """Send an event and wait for its answer, as long as there is hope of one."""
        if (sent := self.send(event, room, to, **fields)) is None or self.line is None:
            return None
        answer = next((answer for waiting, answer in self._answers if waiting is sent), None)
        if answer is not None:
            await _first_of(self.line.down.wait(), asyncio.shield(answer))
        self.collect_answers()
        return sent.answer

    def send(self, event: str, room: str, to: str = "", **fields: Any) -> Sent | None:
        """Send an event, if it can be sent at all. Its record learns the answer when it is collected."""
        if self.line is None or not self.here:
            return None
        sent = Sent(next(self._numbers), event, room, to, fields=fields if event in GOVERNING else {})
        named = {"to": to} if to else {}
        said = {"body": {"n": sent.number}} if event == "room-message-request" else {}
        body = {"room": room, "payload": {"n": sent.number}, **said, **named, **fields}
        self.story.entries.append(sent)
        if self.version > 1:
            body["n"] = sent.number
            self._unanswered[sent.number] = sent, body
        self._transmit(self.line, sent, body)
        return sent

    def _transmit(self, line: Line, sent: Sent, body: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            answer = line.send(sent.event, {"auth": self.token, **body})
            self._answers.append((sent, answer))
            if sent.event == "room-data-request":
                answer.add_done_callback(functools.partial(self._learn, self.story, sent))

    def _learn(self, story: Story, sent: Sent, answer: Answer) -> None:
        """What it has changed itself, it is told by the answer alone."""
        if not answer.cancelled() and story is self.story:
            news = wire.change(sent, answer.result(), self.rooms)
            if news is not None:
                story.entries.append(news)
                see(self.rooms, story.peer_id, news)

    def all_answered(self) -> bool:
        """Whether the last peer's events have all been answered."""
        self.collect_answers()
        return all(sent.answer for sent in self.story.sent())

    def is_settled(self) -> bool:
        """Whether everything was answered that somebody does not have to decide, and that can still be answered."""
        self.collect_answers()
        waiting = (*self._unanswered.values(), *self._answers)
        return all(sent.event == "room-join-request" for sent, _ in waiting)

    def collect_answers(self) -> None:
        """Take down all answers that have come, late ones too."""
        for sent, answer in self._answers:
            if answer.done() and not answer.cancelled():
                sent.answer = OK if answer.result()["ok"] else answer.result()["code"]
                self._unanswered.pop(sent.number, None)
        self._answers = [(sent, answer) for sent, answer in self._answers if sent.answer is None]

    async def arrive(self, url: str, **fields: Any) -> bool:
        """Connect to a gateway and become a peer there, or go on as the one from before.

        ``fields`` replace some of the ``auth-request``. Whether it came about in time.
        """
        await self.drop()  # a socket that is still open must not be heard any more
        self.url = url
        self._admitted.clear()
        self.line = line = Line(self._http, url, self._hear)
        resume = {"resume": self.token, "received": self.received} if self.resumable and self.token else {}
        version = {"version": self.version} if self.version > 1 else {}
        request = {"token": self._app_token, "resumable": self.resumable, **version, **resume, **fields}
        try:
            async with asyncio.timeout(PATIENCE):
                await line.open(self._app_token)
                line.send("auth-request", request)
                await _first_of(line.down.wait(), self._admitted.wait())
        except FAILURES:
            line.down.set()
        return self.here

    async def _arrive_anywhere(self) -> bool:
        """Try one gateway: another one than the last, if there is any."""
        return await self.arrive(self.chance.choice([url for url in self._urls if url != self.url] or self._urls))

    def _hear(self, event: str, data: Any) -> None:
        if event == "auth-accept":
            self._admit(data)
        elif event == "auth-reject" and self.line is not None:
            self.line.down.set()  # it tries again
        elif self._admitted.is_set():
            self.received += event in self._counted
            got = wire.got(event, data, self.story.peer_id)
            self.story.entries.append(got)
            see(self.rooms, self.story.peer_id, got)
            self.on_got(got)

    def _admit(self, data: dict[str, Any]) -> None:
        if not data["resumed"] and self.stories and self.resumable:
            self.story.evicted = True
        if not data["resumed"] or not self.stories:
            story = Story(data["peer_id"], self.resumable, version=self.version, numbered=self.version > 1)
            if self.person is not None:
                story.identity, story.grants = self.person.identity, self.person.grants
            self.stories.append(story)
            self.rooms = {}
            self._unanswered = {}
        if data["resumed"]:
            back = wire.back(data, self.story.peer_id)
            self.story.entries.append(back)
            self.rooms = dict(back.rooms)
            self.on_back(back)
        self.token, self.received = data["token"], 0
        self._admitted.set()
        self.collect_answers()
        self._answers = []  # on the lines before nothing comes any more
        for sent, body in self._unanswered.values():
            if self.line is not None:
                self._transmit(self.line, sent, body)


async def _first_of(*steps: Any) -> None:
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        await asyncio.wait(tasks, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
