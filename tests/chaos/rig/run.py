"""One chaos run: a system, guests, faults from a seed, and the judgement."""

import asyncio
import dataclasses
import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from shared.contract.tokens import make_app_token
from tests.chaos.rig import checker
from tests.chaos.rig.cast import Person, somebody
from tests.chaos.rig.faults import Fault, all_ready, inflict, plan, sender, start
from tests.chaos.rig.guest import Guest, Party, find_truth
from tests.chaos.rig.keeper import ADMIN_TOKEN, Keeper, faults
from tests.chaos.rig.receiver import SECRET, Receiver
from tests.chaos.rig.story import Story
from tests.chaos.rig.visitor import Visitor
from tests.system.rig.harness import APP_SECRET, System
from tests.system.rig.waiting import until

GATEWAYS, BROKERS, AUTHS, PARTIES, GUESTS = 3, 2, 2, 4, 4
SETTINGS = {
    "SNAPSHOT_INTERVAL": "2",  # often enough for a few to be used
    "PING_INTERVAL": "2",  # a frozen gateway is noticed while the run lasts
    "PING_TIMEOUT": "2",
}
CALM = 1.0  # seconds between two faults, at most
GIVEN_UP = 5.0  # seconds within which peers are gone whose gateway was killed
TAKEOVER = 5.0  # seconds within which another auth_api sends webhooks
LOOK_INTERVAL = 0.1  # seconds between looks at whether one does


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run came to: the stories of all peers, the faults found in them, complaints in the logs, and notices.

    ``posts`` brought ``webhooks``. ``takeovers`` are the seconds until another auth_api sent them.
    """

    stories: list[Story]
    faults: list[str]
    complaints: list[str]
    notices: int
    webhooks: int
    posts: int
    takeovers: list[float]

    def summary(self) -> str:
        """How much was put to the test."""
        sent = [sent for story in self.stories for sent in story.sent()]
        answered = sum(sent.answer is not None for sent in sent)
        return (
            f"{len(self.stories)} peers, {len(sent)} events sent, {answered} answered, {self.notices} notices, "
            f"{self.webhooks} webhooks in {self.posts} POSTs, {len(self.takeovers)} takeovers of them "
            f"({max(self.takeovers, default=0):.1f} s at most), {len(self.faults)} faults"
        )


class Run:
    """Everything for one run in ``folder``. ``seconds`` is how long faults happen, ``longest`` how long one lasts."""

    def __init__(self, folder: Path, seed: int, seconds: float, longest: float, say: Callable[[str], None]) -> None:
        self._chance = random.Random(seed)
        self._seconds = seconds
        self._longest = longest
        self._say = say
        self._receiver = Receiver(random.Random(seed))
        webhooks = {"WEBHOOK_URL": self._receiver.url, "WEBHOOK_SECRET": SECRET}
        auth = {"ADMIN_TOKEN": ADMIN_TOKEN, "LOG_FORMAT": "json", **webhooks}
        self._system = System(
            folder,
            gateways=GATEWAYS,
            brokers=BROKERS,
            auths=AUTHS,
            settings=SETTINGS,
            overrides={"auth": auth, "auth-1": auth},
        )
        self._is_followed = True  # by a backend, which takes an auth_api
        self._undelivered: list[str] = []  # what is wrong with the webhooks
        self._takeovers: list[float] = []
        self._guests: list[Guest] = []
        self.urls: list[str] = []  # of the gateways that guests may choose from

    async def run(self) -> Outcome:
        """Make chaos, restore order, and judge."""
        async with self._receiver:
            try:
                await start(self._system)
                async with aiohttp.ClientSession() as http:
                    await self._with_guests(http)
                complaints = await self._stop()
            finally:
                await self._system.abandon()
        stories = [story for guest in self._guests for story in guest.visitor.stories]
        found = checker.faults(stories) + self._misread(stories) + self._undelivered
        notices, came = len(self._keeper.notices), self._receiver.deliveries
        return Outcome(stories, found, complaints, notices, came.batches, came.posts, self._takeovers)

    def _misread(self, stories: list[Story]) -> list[str]:
        """What is wrong with the notices."""
        keeper = self._keeper
        found = (*keeper.faults, *faults(keeper.notices, stories)) if self._is_followed else ()
        return [f"notices: {fault}" for fault in found]

    async def _stop(self) -> list[str]:
        try:
            await self._system.stop()
        except AssertionError as complaint:
            return [str(complaint)]
        return []

    async def _with_guests(self, http: aiohttp.ClientSession) -> None:
        keeper = self._keeper = Keeper(http, [auth.url for auth in self._system.auths])
        following = []
        if self._is_followed:
            await keeper.begin()
            following = [asyncio.create_task(keeper.follow())]
        self._guests = list(self._invite(http))
        staying = [asyncio.create_task(guest.visitor.stay()) for guest in self._guests]
        try:
            mingling = [asyncio.create_task(guest.mingle()) for guest in self._guests]
            await self._make_chaos()
            await end(mingling)
            await self._find_truth()
            await end(following)
            if self._is_followed:
                await keeper.catch_up()
                await self._judge_webhooks(await keeper.read_again())
        finally:
            await end(staying + following)
            await asyncio.gather(*(guest.visitor.leave() for guest in self._guests))

    async def _judge_webhooks(self, stream: list[dict[str, Any]]) -> None:
        receiver = self._receiver
        await receiver.catch_up(stream)
        found = (*receiver.faults, *receiver.deliveries.faults(stream))
        self._undelivered += [f"webhooks: {fault}" for fault in found]

    def _invite(self, http: aiohttp.ClientSession) -> "itertools.chain[Guest]":
        numbers, now = itertools.count(1), int(time.time())
        self.urls += [gateway.url for gateway in self._system.gateways]
        token = make_app_token(APP_SECRET, "chaos", 0)

        def guests(party: Party) -> list[Guest]:
            # the last guest of each party has not opted into resuming
            return [
                Guest(
                    Visitor(
                        http,
                        self.urls,
                        token,
                        numbers,
                        self._chance,
                        resumable=number < GUESTS - 1,
                        person=self._somebody(now),
                    ),
                    party,
                )
                for number in range(GUESTS)
            ]

        return itertools.chain.from_iterable(guests(Party(f"party-{number}")) for number in range(PARTIES))

    def _somebody(self, now: int) -> Person | None:
        """Who the next guest is, at ``now`` in seconds since the epoch; None: nobody in particular."""
        return somebody(self._chance, APP_SECRET, "chaos", now)

    async def _make_chaos(self) -> None:
        await until(lambda: all(guest.visitor.here for guest in self._guests), "all guests are here")
        began = time.monotonic()
        for fault in plan(random.Random(self._chance.random()), GATEWAYS, self._longest):
            elapsed = time.monotonic() - began
            if elapsed > self._seconds:
                await asyncio.sleep(GIVEN_UP)
                return
            self._say(f"{elapsed:6.1f} s  {fault}")
            await asyncio.gather(self._watch_takeover(fault), inflict(self._system, fault))
            await all_ready(self._system)
            await asyncio.sleep(self._chance.uniform(0, CALM))

    async def _watch_takeover(self, fault: Fault) -> None:
        """Whether another auth_api sends when the one that sends is harmed for so long that it must."""
        if fault.target != "sender" or fault.seconds < TAKEOVER:
            return
        harmed, began = sender(self._system), time.monotonic()
        while sender(self._system) is harmed:
            if time.monotonic() > began + TAKEOVER:
                self._undelivered.append(f"webhooks: nobody sent them {TAKEOVER:g} s after {fault}")
                return
            await asyncio.sleep(LOOK_INTERVAL)
        self._takeovers.append(time.monotonic() - began)

    async def _find_truth(self) -> None:
        """Wait until nothing moves any more, then ask the broker about every room."""
        await until(lambda: all(guest.visitor.here for guest in self._guests), "all guests are back", within=30)
        await find_truth(self._guests)


async def end(tasks: "list[asyncio.Task[None]]") -> None:
    """Cancel tasks, and raise what one of them failed with."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
