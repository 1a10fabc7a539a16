import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from nats.aio.client import Client

from broker import lease
from broker.lease import Lease
from tests.system.waiting import until

LIFE, RENEWAL = 1.0, 0.2  # seconds; the tests shall not take as long as the real ones


@pytest.fixture(autouse=True)
def _short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LIFE", LIFE)
    monkeypatch.setattr(lease, "RENEWAL", RENEWAL)


class Candidate:
    """A broker that campaigns. ``terms`` are those in which it has held the lease."""

    def __init__(self, nc: Client, name: str) -> None:
        self.lease = Lease(nc.jetstream(timeout=1.0), name, 1)
        self.terms: list[int] = []
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


Stand = Callable[[str], Candidate]


@pytest.fixture
async def stand(nc: Client) -> AsyncIterator[Stand]:
    """Candidates that die with the test."""
    candidates: list[Candidate] = []

    def standing(name: str) -> Candidate:
        candidates.append(Candidate(nc, name))
        return candidates[-1]

    yield standing
    for candidate in candidates:
        await candidate.die()


async def test_one_holds_it_and_keeps_it(stand: Stand) -> None:
    candidates = [stand(name) for name in "abc"]
    loop = asyncio.get_running_loop()
    end = loop.time() + LIFE + 1
    await until(lambda: any(one.lease.held for one in candidates), "somebody holds it")
    while loop.time() < end:
        assert [one.lease.held for one in candidates].count(True) == 1
        await asyncio.sleep(0.01)
    assert [len(one.terms) for one in candidates].count(1) == 1
    assert sum(len(one.terms) for one in candidates) == 1


async def test_a_released_lease_is_taken_over_at_once_in_a_higher_term(stand: Stand) -> None:
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    second = stand("second")
    await first.retire()
    assert not first.lease.held
    await until(lambda: second.lease.held, "the second holds it", within=1.0)
    assert second.terms[0] > first.terms[0]


async def test_the_lease_of_one_who_died_ends_and_is_taken_over_in_a_higher_term(stand: Stand) -> None:
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    second = stand("second")
    await first.die()
    await until(lambda: second.lease.held, "the second holds it", within=LIFE + 2)
    assert second.terms[0] > first.terms[0]


async def test_one_that_wakes_up_after_its_lease_ended_finds_out(stand: Stand, nc: Client) -> None:
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    await first.die()
    second = stand("second")
    await until(lambda: second.lease.held, "the second holds it", within=LIFE + 2)
    running = asyncio.create_task(first.lease.run(lambda: None))
    await until(lambda: not first.lease.held, "the first knows", within=1.0)
    running.cancel()
    assert second.lease.held


async def test_one_that_retires_takes_nothing_from_the_next(stand: Stand) -> None:
    first = stand("first")
    await until(lambda: first.lease.held, "the first holds it")
    await first.die()
    second = stand("second")
    await until(lambda: second.lease.held, "the second holds it", within=LIFE + 2)
    await first.lease.release()
    third = stand("third")
    await asyncio.sleep(0.3)  # some tries of the third
    assert second.lease.held
    assert not third.lease.held
