import asyncio
import base64
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import msgspec
import pytest
from aiohttp import web

from auth_api.webhooks import pauses, receiver, sender, turn
from auth_api.webhooks.metrics import OLDEST_SECONDS, SENDER
from auth_api.webhooks.notices import MOST
from auth_api.webhooks.receiver import Receiver
from auth_api.webhooks.sender import Sender
from auth_api.webhooks.turn import Turn
from shared.envelopes import subjects
from shared.messaging.nats import Client
from shared.process.world import World
from tests.auth_api.webhooks.conftest import SECRET, Backend, Kept, answers, breaks_off, hangs
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

KEY = base64.b64decode(SECRET.removeprefix("whsec_"))


class Midpoint(random.Random):
    """Draws what is in the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "TIMEOUT", 0.5)
    monkeypatch.setattr(sender, "AGAIN", 0.05)
    monkeypatch.setattr(pauses, "FIRST", 0.01)
    monkeypatch.setattr(pauses, "LONGEST", 0.05)
    monkeypatch.setattr(turn, "LIFE", 0.6)
    monkeypatch.setattr(turn, "RENEWAL", 0.1)
    monkeypatch.setattr(turn, "PATIENCE", 0.8)
    monkeypatch.setattr(turn, "LOOK_INTERVAL", 0.05)


class Process:
    """One process that would like to send. ``skipped``: seconds that it was frozen, as its clock tells it."""

    def __init__(self, nc: Client, name: str, kept: Kept, to: Receiver) -> None:
        self.skipped = 0.0
        world = World(monotonic=lambda: time.monotonic() + self.skipped, chance=Midpoint())
        self.turn = Turn(lambda: nc, name, world.monotonic)
        self._running = asyncio.create_task(Sender(self.turn, kept, to, world).run())

    async def has_delivered(self, ids: Sequence[str]) -> None:
        """Return when it has noted that."""
        await until(lambda: self.turn.record.delivered == ids[-1] and not self.turn.record.sending, "it is noted")

    async def die(self) -> None:
        """Without a word."""
        self.turn._until = 0.0
        await self.stop()

    async def stop(self) -> None:
        while not self._running.done():
            self._running.cancel()
            await asyncio.wait({self._running}, timeout=0.1)


Start = Callable[[str], Process]


@pytest.fixture
async def start(nc: Client, bucket: None, kept: Kept, url: str) -> AsyncIterator[Start]:
    """Processes that end with the test."""
    async with AsyncExitStack() as stack:
        receivers = {name: await stack.enter_async_context(Receiver(url, [KEY])) for name in ("ann", "bob")}

        def process(name: str) -> Process:
            made = Process(nc, name, kept, receivers[name])
            stack.push_async_callback(made.stop)
            return made

        yield process


async def test_all_notices_arrive_in_order_in_batches(start: Start, kept: Kept, backend: Backend) -> None:
    ids = [*kept.add(2 * MOST + 7)]
    start("ann")
    await until(lambda: backend.ids == ids, "all have arrived")
    assert [len(post.ids) for post in backend.posts] == [MOST, MOST, 7]
    ids += kept.add(1)
    await until(lambda: backend.ids == ids, "so has the new one")
    assert backend.posts[-1].ids == ids[-1:]


@pytest.mark.parametrize(
    "response",
    [answers(500), answers(404), answers(410), answers(302, Location="/elsewhere"), hangs, breaks_off],
    ids=["500", "404", "410", "302", "hangs", "breaks off"],
)
async def test_what_is_not_taken_is_sent_again_as_it_was_and_never_skipped(
    start: Start, kept: Kept, backend: Backend, response: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "GONE", 0.05)
    backend.responses = [response] * 3  # type: ignore[list-item]
    ids = [*kept.add(3)]
    start("ann")
    await until(lambda: backend.posts, "it was tried")
    ids += kept.add(2)
    await until(lambda: backend.ids == ids, "all have arrived")
    first, *again = backend.posts[:4]
    assert [post for post in again if post != first] == []
    assert backend.posts[4].ids == ids[3:]
    assert backend.most_at_once == 1


async def test_what_comes_quickly_goes_in_few_posts(
    start: Start, kept: Kept, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "GAP", 0.5)
    ids = [*kept.add(1)]
    start("ann")
    await until(lambda: backend.ids == ids, "the first one is sent at once")
    for _ in range(10):
        ids += kept.add(1)
        await asyncio.sleep(0)
    await until(lambda: backend.ids == ids, "all have arrived")
    assert [len(post.ids) for post in backend.posts] == [1, 10]


async def test_a_retry_after_is_heeded(
    start: Start, kept: Kept, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "LEAST_ASKED", 0.0)
    backend.responses = [answers(503, **{"Retry-After": "1"})]
    kept.add(1)
    start("ann")
    await until(lambda: backend.posts, "it was tried")
    tried = time.monotonic()
    await until(lambda: len(backend.posts) == 2, "it was tried again")
    assert time.monotonic() - tried > 0.9


async def test_after_410_next_to_nothing_is_sent_and_nothing_is_given_up(
    start: Start, kept: Kept, backend: Backend
) -> None:
    backend.responses = [answers(410)]
    ids = kept.add(1)
    ann = start("ann")
    await until(lambda: backend.posts, "it was tried")
    await asyncio.sleep(1.0)
    assert len(backend.posts) == 1
    await until(lambda: ann.turn.held, "it keeps its turn, or takes it again")
    await ann.stop()
    start("bob")  # a process that was restarted tries at once
    await until(lambda: len(backend.posts) == 2, "it was tried again")
    assert backend.ids == ids


async def test_one_sends_and_the_other_takes_over_when_it_dies(start: Start, kept: Kept, backend: Backend) -> None:
    ann = start("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    bob = start("bob")
    ids = [*kept.add(5)]
    await ann.has_delivered(ids)
    await ann.die()
    ids += kept.add(5)
    await until(lambda: backend.ids == ids, "so have those behind them", within=5)
    assert bob.turn.held
    assert sum(len(post.ids) for post in backend.posts) == 10  # none of them twice


async def test_what_was_in_flight_when_it_died_is_sent_again_as_it_was(
    start: Start, kept: Kept, backend: Backend
) -> None:
    arrived = asyncio.Event()

    async def takes_it_and_is_not_heard(request: web.Request) -> web.Response:
        arrived.set()
        return await hangs(request)

    backend.responses = [takes_it_and_is_not_heard]
    ids = [*kept.add(3)]
    ann = start("ann")
    await arrived.wait()
    ids += kept.add(4)  # the next process could send more at once, and does not
    await ann.die()
    start("bob")
    await until(lambda: backend.ids == ids, "all have arrived")
    first, second, *_ = backend.posts
    assert first == second
    assert backend.posts[-1].ids == ids[3:]


async def test_one_that_lost_its_turn_in_the_middle_of_a_post_does_not_write(
    start: Start, nc: Client, kept: Kept, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "RENEWAL", 60)  # it hears of it only as it writes
    monkeypatch.setattr(turn, "LIFE", 60)
    monkeypatch.setattr(turn, "PATIENCE", 60)
    go_on = asyncio.Event()

    async def waits(request: web.Request) -> web.Response:
        await go_on.wait()
        return web.Response()

    backend.responses = [waits]
    ids = kept.add(1)
    ann = start("ann")
    await until(lambda: backend.posts, "it is on its way")
    bucket = await nc.jetstream().key_value(subjects.WEBHOOKS_BUCKET)
    taken = msgspec.json.encode(turn.Record("bob", "log-0-0", ids[0]))
    revision = await bucket.put(turn.KEY, taken)
    kept.add(5)
    go_on.set()
    await until(lambda: not ann.turn.held, "it knows")
    await asyncio.sleep(0.2)
    assert (await bucket.get(turn.KEY)).revision == revision
    assert len(backend.posts) == 1


async def test_nothing_is_lost_when_nats_is_away(
    start: Start, kept: Kept, backend: Backend, nats_server: NatsServer
) -> None:
    ids = [*kept.add(3)]
    ann = start("ann")
    await ann.has_delivered(ids)
    kept.available = False
    await nats_server.kill()
    await until(lambda: not ann.turn.held, "the turn is over")
    await nats_server.start()
    kept.available = True
    ids += kept.add(3)
    await until(lambda: backend.ids == ids, "so have those behind them")
    assert sum(len(post.ids) for post in backend.posts) == 6


async def test_a_restart_goes_on_behind_what_is_delivered(start: Start, kept: Kept, backend: Backend) -> None:
    ids = [*kept.add(3)]
    ann = start("ann")
    await ann.has_delivered(ids)
    await ann.stop()
    ids += kept.add(2)
    start("bob")
    await until(lambda: backend.ids == ids, "so have those behind them")
    assert [len(post.ids) for post in backend.posts] == [3, 2]


async def test_what_was_dropped_before_it_was_delivered_is_said(start: Start, kept: Kept, backend: Backend) -> None:
    """Also when nothing at all has been delivered before."""
    backend.responses = [answers(500)]
    ids = [*kept.add(3)]
    ann = start("ann")
    await until(lambda: backend.posts, "it was tried")
    await ann.stop()
    ids += kept.add(3)
    kept.dropped = 5
    backend.posts.clear()
    start("bob")
    await until(lambda: backend.ids == ids[4:], "that something was lost has arrived, and what follows")
    assert [len(post.ids) for post in backend.posts] == [1, 1]


async def test_the_age_of_the_oldest_tells_that_nothing_gets_through(
    start: Start, kept: Kept, backend: Backend
) -> None:
    backend.responses = [answers(500)] * 1000
    kept.add(1)
    ann = start("ann")
    await until(lambda: backend.posts, "it was tried")
    assert SENDER._value.get() == 1
    assert OLDEST_SECONDS._value is not None
    oldest = OLDEST_SECONDS.collect()
    assert [sample.value for metric in oldest for sample in metric.samples] == [
        pytest.approx(max(0.0, time.time() - 1_800_000_000), abs=60)
    ]
    await ann.stop()
