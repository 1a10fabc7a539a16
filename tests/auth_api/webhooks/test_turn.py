import asyncio
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from nats.js.errors import KeyWrongLastSequenceError

from auth_api.webhooks import turn
from auth_api.webhooks.turn import Lost, Record, Turn
from broker.webhook_bucket import make_bucket
from shared.envelopes import subjects
from shared.messaging.nats import Client
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

LIFE, RENEWAL, PATIENCE, LOOK = 0.6, 0.1, 0.8, 0.05  # seconds; the tests shall not take as long as the real ones


@pytest.fixture(autouse=True)
def _short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "LIFE", LIFE)
    monkeypatch.setattr(turn, "RENEWAL", RENEWAL)
    monkeypatch.setattr(turn, "PATIENCE", PATIENCE)
    monkeypatch.setattr(turn, "LOOK_INTERVAL", LOOK)


class Process:
    """One of several that want to send. ``frozen`` is how far its clock runs ahead of what it has done."""

    def __init__(self, nc: Client, name: str) -> None:
        self.skipped = 0.0
        self.turn = Turn(lambda: nc, name, lambda: time.monotonic() + self.skipped)
        self.turns = 0
        self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self.turn.take()
            self.turns += 1
            await self.turn.keep()

    async def die(self) -> None:
        self._running.cancel()
        await asyncio.wait({self._running})


Make = Callable[[str], Process]


@pytest.fixture
async def make(nc: Client, bucket: None) -> AsyncIterator[Make]:
    """Processes that die with the test."""
    made: list[Process] = []

    def process(name: str) -> Process:
        made.append(Process(nc, name))
        return made[-1]

    yield process
    for each in made:
        await each.die()


async def stored(nc: Client) -> Record:
    bucket = await nc.jetstream().key_value(subjects.WEBHOOKS_BUCKET)
    return msgspec.json.decode((await bucket.get(turn.KEY)).value or b"", type=Record)


async def test_one_has_the_turn_and_keeps_it(make: Make, nc: Client) -> None:
    ann = make("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    bob = make("bob")
    await asyncio.sleep(2 * PATIENCE)
    assert (ann.turn.held, ann.turns, bob.turn.held) == (True, 1, False)
    assert (await stored(nc)).holder == "ann"


async def test_another_takes_over_from_one_that_died_and_knows_how_far_it_was(make: Make) -> None:
    ann, bob = make("ann"), make("bob")
    await until(lambda: ann.turn.held or bob.turn.held, "one of them has the turn")
    first, second = (ann, bob) if ann.turn.held else (bob, ann)
    await first.turn.note("log-7-0", "log-9-0")
    await first.die()
    await until(lambda: second.turn.held, "the other one has the turn", within=LIFE + PATIENCE + 1)
    assert not first.turn.held
    assert (second.turn.record.delivered, second.turn.record.sending) == ("log-7-0", "log-9-0")


async def test_a_turn_that_is_given_up_is_taken_at_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "PATIENCE", 60)
    ann = make("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    bob = make("bob")
    await asyncio.sleep(2 * LOOK)
    await ann.turn.note("log-7-0", "")
    await ann.die()
    await ann.turn.release()
    await until(lambda: bob.turn.held, "bob has the turn")
    assert not ann.turn.held
    assert bob.turn.record.delivered == "log-7-0"


async def test_one_that_was_frozen_writes_nothing_though_nobody_took_over(make: Make, nc: Client) -> None:
    ann = make("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    await ann.turn.note("log-7-0", "")
    await ann.die()
    ann.skipped = LIFE  # the time of its turn went by while it was frozen
    with pytest.raises(Lost):
        ann.turn.check()
    with pytest.raises(Lost):
        await ann.turn.note("log-8-0", "")
    assert (await stored(nc)).delivered == "log-7-0"


async def test_one_that_believes_in_its_turn_cannot_write_over_another(make: Make, nc: Client) -> None:
    """Its clock stood still with it, as that of a virtual machine may."""
    ann = make("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    await ann.die()
    bob = make("bob")
    await until(lambda: bob.turn.held, "bob has the turn")
    ann.turn._until = time.monotonic() + 60
    with pytest.raises(Lost):
        await ann.turn.note("log-8-0", "")
    assert (await stored(nc)).holder == "bob"
    await bob.turn.note("log-9-0", "")
    assert await stored(nc) == Record("bob", "log-9-0", "")


async def test_what_nats_took_and_never_confirmed_is_no_loss(make: Make, nc: Client) -> None:
    ann = make("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    bucket = await nc.jetstream().key_value(subjects.WEBHOOKS_BUCKET)

    async def as_ann() -> None:
        newest = await bucket.get(turn.KEY)
        await bucket.update(turn.KEY, newest.value or b"", last=newest.revision)

    for _ in range(20):
        try:
            await as_ann()
            break
        except KeyWrongLastSequenceError:  # she was faster
            continue
    await ann.turn.note("log-8-0", "")
    assert (await stored(nc)).delivered == "log-8-0"
    assert ann.turns == 1


async def test_a_lost_bucket_is_made_again_with_what_is_known(make: Make, nc: Client) -> None:
    ann, bob = make("ann"), make("bob")
    await until(lambda: ann.turn.held or bob.turn.held, "one of them has the turn")
    first = ann if ann.turn.held else bob
    await first.turn.note("log-7-0", "")
    await asyncio.sleep(3 * LOOK)  # the other one has seen it
    await nc.jetstream().delete_key_value(subjects.WEBHOOKS_BUCKET)
    await make_bucket(nc, 1)
    await until(lambda: ann.turns + bob.turns == 2, "somebody has it again")
    assert (await stored(nc)).delivered == "log-7-0"


async def test_a_record_that_cannot_be_read_is_replaced(make: Make, nc: Client) -> None:
    kept = await nc.jetstream().key_value(subjects.WEBHOOKS_BUCKET)
    await kept.put(turn.KEY, b"junk")
    ann = make("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    assert await stored(nc) == Record("ann")


async def test_the_turn_is_back_after_nats_was_away(make: Make, nats_server: NatsServer) -> None:
    ann = make("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    await ann.turn.note("log-7-0", "log-9-0")
    await nats_server.kill()
    await until(lambda: not ann.turn.held, "it may be another's")
    await nats_server.start()
    await until(lambda: ann.turn.held, "it is hers again")
    assert (ann.turn.record.delivered, ann.turn.record.sending) == ("log-7-0", "log-9-0")


async def test_a_renewal_never_undoes_what_was_noted(make: Make, nc: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "RENEWAL", 0.0)
    ann = make("ann")
    await until(lambda: ann.turn.held, "ann has the turn")
    for position in range(200):
        await ann.turn.note(f"log-{position}-0", "")
        assert ann.turn.record.delivered == f"log-{position}-0"
        assert (await stored(nc)).delivered == f"log-{position}-0"
