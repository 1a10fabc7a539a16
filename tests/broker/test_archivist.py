"""Who takes snapshots."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from broker.replica import Replica
from broker.settings import Settings
from broker.storage.stream import EventLog
from shared.envelopes.entries import AppIssued
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process.world import World
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

INTERVAL = 1.0  # seconds; the speaker steps in after two without a snapshot, which a busy machine must not take


class Running:
    """A broker's replica at work, on a connection of its own."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.replica = Replica(client, Settings(snapshot_interval=INTERVAL), name, World())
        self._task = asyncio.create_task(self.replica.run())

    @property
    def speaks(self) -> bool:
        return self.replica._lease.held

    @property
    def taken(self) -> int:
        """The position of the newest snapshot that it took or knows of."""
        return self.replica._snapshots._newest

    @property
    def has_taken(self) -> bool:
        """Whether it took one itself."""
        return self.replica._snapshots.size > 0

    def forget(self) -> None:
        self.replica._snapshots.size = 0

    async def stop(self) -> None:
        await end(self._task)
        await self.client.close()


@pytest.fixture
async def both(nats_server: NatsServer) -> AsyncIterator[tuple[Running, Running]]:
    """The speaker, and a standby."""
    speaker = Running(await nats_server.client(), "b1")
    await until(lambda: speaker.speaks, "it speaks")
    standby = Running(await nats_server.client(), "b2")
    await until(lambda: speaker.replica._lease.watched, "the standby asks for it")
    speaker.forget()
    yield speaker, standby
    await speaker.stop()
    await standby.stop()


@pytest.fixture
async def say(nc: Client) -> AsyncIterator[Callable[[], int]]:
    """Something new is in the log all the time; tells up to which position."""
    event_log = EventLog(nc, Settings(), World())
    position = 0

    async def go_on() -> None:
        nonlocal position
        while True:
            position = await event_log.append("b", [AppIssued("app", 7)])
            await asyncio.sleep(INTERVAL / 10)

    await event_log.open()
    going_on = asyncio.create_task(go_on())
    yield lambda: position
    await end(going_on)


async def test_the_standby_takes_them_and_the_speaker_when_there_is_none_any_more(
    both: tuple[Running, Running], say: Callable[[], int]
) -> None:
    speaker, standby = both
    for _ in range(3):
        before = say()
        await until(lambda: standby.taken > before, "the standby has taken one")  # noqa: B023
        await until(lambda: speaker.taken > before, "the speaker has seen it")  # noqa: B023
    assert (standby.has_taken, speaker.has_taken) == (True, False)
    assert speaker.replica.figures().snapshot_age_seconds >= 0
    await standby.stop()
    await until(lambda: speaker.has_taken, "the speaker takes one")


async def test_the_speaker_takes_them_when_a_standby_is_there_and_takes_none(
    both: tuple[Running, Running], say: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker, standby = both

    async def fail(*_: object) -> int:
        raise TimeoutError

    monkeypatch.setattr(standby.replica._snapshots, "take", fail)
    await until(lambda: say() > 0, "something is said")
    await until(lambda: speaker.has_taken, "the speaker takes one")


async def test_a_standby_that_takes_over_knows_of_the_newest_one(
    both: tuple[Running, Running], say: Callable[[], int]
) -> None:
    speaker, standby = both
    before = say()
    await until(lambda: standby.taken > before, "the standby has taken one")
    await speaker.stop()
    await until(lambda: standby.speaks, "it speaks")
    standby.forget()
    await until(lambda: standby.has_taken, "and takes the next one itself")
