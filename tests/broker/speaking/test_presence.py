import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from broker.speaking import presence
from broker.speaking.presence import Presence, Sign
from shared.envelopes import subjects
from shared.messaging.nats import Client
from shared.process.world import World
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

Make = Callable[[str], Presence]


@pytest.fixture
def make(nc: Client) -> Make:
    return lambda name: Presence(nc, name, World().monotonic)


@pytest.fixture
async def other(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await nats_server.client()
    yield client
    await client.close()


async def test_one_that_answers_is_here_and_knows_that_it_was_asked(make: Make) -> None:
    one, other = make("one"), make("other")
    async with one.answering():
        assert await other.ask("one") is Sign.HERE
        assert one.asked_at > 0
    assert await other.ask("one") is Sign.GONE


async def test_one_hears_itself_while_it_answers(make: Make) -> None:
    one = make("one")
    async with one.answering():
        assert await one.heard()
    assert not await one.heard()


async def test_one_that_listens_and_does_not_answer_is_silent(
    make: Make, nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PATIENCE", 0.2)
    await nc.subscribe(subjects.presence("one"))
    assert await make("other").ask("one") is Sign.SILENT


async def test_one_whose_connection_closes_after_it_was_asked_is_gone_and_not_silent(
    make: Make, other: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PATIENCE", 60.0)
    asked: list[str] = []
    dying = await other.subscribe_straight(subjects.presence("one"), lambda _s, reply, _d: asked.append(reply))
    await other.flush()

    async def die() -> None:
        await until(lambda: asked, "it is asked")
        await dying.unsubscribe()

    ending = asyncio.create_task(die())
    assert await make("another").ask("one") is Sign.GONE
    await ending


async def test_an_answer_to_an_earlier_question_counts(make: Make, other: Client) -> None:
    asked: list[str] = []

    def answer_the_first_late(_subject: str, reply: str, _data: bytes) -> None:
        asked.append(reply)
        if len(asked) == 3:
            other.publish_now(asked[0], b"here")

    await other.subscribe_straight(subjects.presence("one"), answer_the_first_late)
    await other.flush()
    assert await make("another").ask("one") is Sign.HERE
    assert len(asked) == 3
