import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from nats.aio.msg import Msg

from broker.core.limits import Limits
from broker.core.machine import Core
from broker.speaking import lease, presence
from broker.speaking.lease import TAKEOVERS, Lease
from shared.envelopes import subjects
from shared.envelopes.entries import Batch, Speaking
from shared.messaging.nats import Client
from shared.process.world import World
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

LIFE, RENEWAL = 1.0, 0.2  # seconds; the tests shall not take as long as the real ones


@pytest.fixture(autouse=True)
def _short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LIFE", LIFE)
    monkeypatch.setattr(lease, "RENEWAL", RENEWAL)


class Candidate:
    """A broker that campaigns, and says in the log when it speaks.

    ``terms`` are those in which it has held the lease, ``tries`` how often it has tried to get it or to keep it.
    """

    def __init__(self, nc: Client, name: str, core: Core) -> None:
        self.lease = Lease(nc, name, 1, lambda: core.state.term, World().monotonic)
        self.terms: list[int] = []
        self.tries = 0
        self._name = name
        self._core = core
        self._running = asyncio.create_task(self.lease.run(self._on_change))

    async def die(self) -> None:
        """Without a word."""
        self._running.cancel()
        await asyncio.wait({self._running})

    async def retire(self) -> None:
        await self.die()
        await self.lease.release()

    def _on_change(self) -> None:
        if self.lease.held:
            self.terms.append(self.lease.term)
            self._core.apply(self._core.state.position + 1, 0.0, Batch(self._name, 0, [Speaking(self.lease.term)]))


Stand = Callable[[str], Candidate]


@pytest.fixture
def core() -> Core:
    """What all candidates have read of the log."""
    return Core(Limits())


@pytest.fixture
async def stand(nc: Client, core: Core) -> AsyncIterator[Stand]:
    """Candidates that die with the test."""
    candidates: dict[str, Candidate] = {}

    async def on_try(message: Msg) -> None:
        candidates[message.data.decode()].tries += 1

    def standing(name: str) -> Candidate:
        candidates[name] = Candidate(nc, name, core)
        return candidates[name]

    tries = await nc.subscribe(f"$KV.{subjects.LEASE_BUCKET}.{lease.KEY}", cb=on_try)
    yield standing
    await tries.unsubscribe()
    for candidate in candidates.values():
        await candidate.die()


async def delete_bucket(nc: Client) -> None:
    await nc.jetstream().delete_key_value(subjects.LEASE_BUCKET)


async def empty_bucket(nc: Client) -> None:
    await delete_bucket(nc)
    await nc.jetstream().create_key_value(bucket=subjects.LEASE_BUCKET, ttl=LIFE)


async def take(nc: Client, broker: str) -> None:
    """Write another holder into the lease."""
    await (await nc.jetstream().key_value(subjects.LEASE_BUCKET)).put(lease.KEY, broker.encode())


async def outlive(holder: Candidate) -> None:
    """Wait until a lease has been renewed for longer than its life."""
    longer_than_its_life = holder.tries + 2 * int(LIFE / RENEWAL)
    await until(lambda: holder.tries > longer_than_its_life, "it has been renewed")


def takeovers(sign: str) -> float:
    return float(TAKEOVERS.labels(sign)._value.get())


async def test_one_holds_it_and_keeps_it(stand: Stand) -> None:
    candidates = [stand(name) for name in "abc"]
    await until(lambda: any(one.lease.held for one in candidates), "somebody holds it")
    [holder] = [one for one in candidates if one.lease.held]
    await outlive(holder)
    assert holder.lease.held
    assert [len(one.terms) for one in candidates if one.terms] == [1]


async def test_a_released_lease_is_taken_over_at_once_in_a_higher_term(stand: Stand) -> None:
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    second = stand("second")
    await first.retire()
    assert not first.lease.held
    await until(lambda: second.lease.held, "the second holds it", within=1.0)
    assert second.terms[0] > first.terms[0]


async def test_the_lease_of_one_that_died_is_taken_over_before_its_end_in_a_higher_term(stand: Stand) -> None:
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    others = [stand(name) for name in ("second", "third")]
    before = takeovers("gone")
    await first.die()
    await until(lambda: any(one.lease.held for one in others), "another one holds it", within=LIFE)
    [next_one] = [one for one in others if one.lease.held]
    assert next_one.terms[0] > first.terms[0]
    await outlive(next_one)
    assert [len(one.terms) for one in others if one.terms] == [1]
    assert takeovers("gone") == before + 1


async def test_the_lease_of_one_that_listens_and_does_not_answer_is_taken_over(
    stand: Stand, nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PATIENCE", 0.3)
    frozen = stand("frozen")
    await until(lambda: frozen.lease.held, "it is held")
    before = takeovers("silent")
    await frozen.die()
    await nc.subscribe(subjects.presence("frozen"))
    await nc.flush()
    second = stand("second")
    await until(lambda: second.lease.held, "the second holds it", within=LIFE + 2)
    assert takeovers("silent") == before + 1


async def test_one_that_cannot_hear_itself_waits_for_the_end(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    async def deaf(_: presence.Presence) -> bool:
        return False

    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    monkeypatch.setattr(presence.Presence, "heard", deaf)
    second = stand("second")
    before = sum(map(takeovers, ("gone", "silent")))
    await first.die()
    await until(lambda: second.lease.held, "the second holds it", within=LIFE + 2)
    assert sum(map(takeovers, ("gone", "silent"))) == before


async def test_one_that_wakes_up_after_its_lease_was_taken_finds_out(stand: Stand) -> None:
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    await first.die()
    second = stand("second")
    await until(lambda: second.lease.held, "the second holds it", within=LIFE + 2)
    running = asyncio.create_task(first.lease.run(lambda: None))
    await until(lambda: not first.lease.held, "the first knows", within=1.0)
    running.cancel()
    assert second.lease.held


async def test_one_that_hears_of_another_speaker_finds_out_at_once(
    stand: Stand, nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEWAL", 60.0)
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    await take(nc, "second")
    first.lease.doubt()
    await until(lambda: not first.lease.held, "the first knows")


async def test_a_lease_that_was_got_without_knowing_is_taken_at_once(stand: Stand, nc: Client) -> None:
    bucket = await nc.jetstream().create_key_value(bucket=subjects.LEASE_BUCKET, ttl=60)
    await bucket.put(lease.KEY, b"first")
    first = stand("first")
    await until(lambda: first.lease.held, "it holds what is in its name")


@pytest.mark.parametrize(("late", "early"), [(60.0, 0), (0.0, 1)], ids=["was well", "was held up"])
async def test_one_that_lost_it_takes_it_back_before_its_end_only_if_it_had_been_held_up(
    stand: Stand, nc: Client, monkeypatch: pytest.MonkeyPatch, late: float, early: int
) -> None:
    """If it was well, the two cannot hear each other, and NATS hears both."""
    monkeypatch.setattr(lease, "LATE", late)
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    before = takeovers("gone")
    await take(nc, "nobody")
    await until(lambda: not first.lease.held, "the first knows")
    await until(lambda: first.lease.held, "the first holds it again", within=LIFE + 2)
    assert takeovers("gone") == before + early


async def test_when_nats_was_away_the_lease_changes_hands_once_at_most(
    nats_server: NatsServer, nc: Client, core: Core
) -> None:
    other = await nats_server.client()
    candidates = [Candidate(client, name, core) for client, name in ((nc, "first"), (other, "second"))]
    try:
        await until(lambda: any(one.lease.held for one in candidates), "somebody holds it")
        await nats_server.kill()
        await nats_server.start()
        await until(lambda: nc.is_connected and other.is_connected, "both are back")
        renewed = max(one.lease._revision for one in candidates) + 4 * int(LIFE / RENEWAL)
        await until(lambda: max(one.lease._revision for one in candidates) > renewed, "it has been renewed for long")
        assert [one.lease.held for one in candidates].count(True) == 1
        assert sum(len(one.terms) for one in candidates) <= 2
    finally:
        for candidate in candidates:
            await candidate.die()
        await other.close()


async def test_one_that_retires_takes_nothing_from_the_next(stand: Stand) -> None:
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    await first.die()
    second = stand("second")
    await until(lambda: second.lease.held, "the second holds it", within=LIFE + 2)
    await first.lease.release()
    third = stand("third")
    await outlive(second)
    assert second.lease.held
    assert not third.lease.held


@pytest.mark.parametrize("lose", [delete_bucket, empty_bucket])
async def test_terms_go_on_rising_when_the_bucket_is_lost(
    stand: Stand, nc: Client, core: Core, lose: Callable[[Client], Awaitable[None]]
) -> None:
    core.state.term = 1000
    candidates = [stand(name) for name in "abc"]

    def one_speaks_above(term: int) -> bool:
        terms = [one.lease.term for one in candidates if one.lease.held]
        return core.state.term > term and terms == [core.state.term]

    await until(lambda: one_speaks_above(1000), "somebody speaks")
    first = core.state.term
    await lose(nc)
    await until(lambda: one_speaks_above(first), "somebody speaks in a higher term")
    second = core.state.term
    await lose(nc)
    await until(lambda: one_speaks_above(second), "and again")


async def test_one_that_began_below_a_term_it_had_not_read_yet_begins_another(stand: Stand, core: Core) -> None:
    one = stand("one")
    await until(lambda: one.lease.held, "it is held")
    core.state.term = 1000
    await until(lambda: core.state.term == 1001, "it speaks in a term that counts")
    assert one.terms == [1, 1001]
