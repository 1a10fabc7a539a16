"""What all brokers must agree on: the speaker puts it into the log, and not before everybody will understand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from broker.core.levels import NewerLog, limits_set
from broker.core.limits import Limits
from broker.core.machine import Core
from broker.core.state import Gateway
from broker.replica import Replica
from broker.server import Broker
from broker.settings import Settings
from broker.speaking import agreement as module
from broker.speaking.agreement import Agreement
from broker.storage.stream import EventLog
from shared.envelopes import levels, subjects
from shared.envelopes.entries import Entry, LevelRaised, unpack_batch
from shared.envelopes.levels import Known, pack_known
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process.world import World
from tests.system.rig.waiting import until

LATER = levels.LEVEL + 1
LIMITS = Limits(rooms_per_peer=2)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything goes faster."""
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    monkeypatch.setattr(module, "LOOK_INTERVAL", 0.02)
    monkeypatch.setattr(module, "PATIENCE", 0.5)


class Lease:
    """The first term, held or not."""

    def __init__(self, held: bool) -> None:
        self.held = held
        self.term = 1


class Party:
    """One broker that takes part, with a core that reads what it says."""

    def __init__(self, nc: Client, name: str, speaks: bool) -> None:
        self.log = EventLog(nc, Settings(), World())
        self.core = Core(LIMITS)
        self.said: list[Entry] = []
        lease: Any = Lease(speaks)
        self.agreement = Agreement(nc, self.log, self.core, lease, LIMITS, name, World().monotonic)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["Party"]:
        stop = await self.log.read(0, lambda stored: self._take(stored.position, stored.time, stored.data))
        try:
            yield self
        finally:
            await stop()

    @asynccontextmanager
    async def taking_part(self) -> AsyncIterator["Party"]:
        async with self.reading():
            task = asyncio.create_task(self.agreement.run())
            try:
                yield self
            finally:
                await end(task)

    def _take(self, position: int, time: float, data: bytes) -> None:
        batch = unpack_batch(data)
        self.said += batch.entries
        self.core.apply(position, time, batch)


@pytest.fixture
async def speaker(nc: Client) -> Party:
    party = Party(nc, "speaker", speaks=True)
    await party.log.open()
    return party


async def a_while() -> None:
    """Long enough for whatever is said without waiting for anybody."""
    await asyncio.sleep(4 * module.PATIENCE)


async def test_the_speaker_says_its_limits_once_and_then_they_are_the_logs(speaker: Party) -> None:
    async with speaker.taking_part():
        await until(lambda: speaker.core.state.limits == LIMITS, "it has said them")
        await a_while()
    assert speaker.said == [limits_set(1, LIMITS)]


async def test_a_standby_says_nothing(nc: Client, speaker: Party) -> None:
    async with Party(nc, "standby", speaks=False).taking_part() as standby:
        await a_while()
    assert standby.said == []


async def test_nothing_is_said_while_somebody_reads_who_may_not_understand(
    nc: Client, speaker: Party, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(Party(nc, "old", speaks=False).reading())
        await stack.enter_async_context(speaker.taking_part())
        await until(lambda: "do not say what they know" in caplog.text, "it has noticed")
        await a_while()
        assert speaker.said == []
        assert caplog.text.count("do not say what they know") == 1
        task = asyncio.create_task(old.agreement.run())
        stack.push_async_callback(end, task)
        await until(lambda: speaker.core.state.limits == old.core.state.limits == LIMITS, "both have it")


async def test_a_level_is_raised_when_all_who_are_up_know_it(
    nc: Client, speaker: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker.core.set_limits(LIMITS)
    speaker.core.state.gateways["g"] = Gateway("g", level=levels.LEVEL)
    monkeypatch.setattr(levels, "LEVEL", LATER)
    older = pack_known(Known("older", levels.FIRST))
    async with speaker.taking_part():
        for _ in range(40):
            nc.publish_now(subjects.ROLL_CALL, older)
            await asyncio.sleep(0.05)
        assert speaker.said == []
        await a_while()
        assert speaker.said == [], "the gateway does not know it"
        speaker.core.state.gateways["g"].level = LATER
        await until(lambda: speaker.core.state.level == LATER, "it is raised")
        await a_while()
    assert speaker.said == [LevelRaised(1, LATER)]


async def test_what_is_no_word_of_a_broker_is_passed_over(nc: Client, speaker: Party) -> None:
    async with speaker.taking_part():
        for junk in (b"", b"junk", pack_known(Known("", 1)), pack_known(Known("x", -1))):
            nc.publish_now(subjects.ROLL_CALL, junk)
        await until(lambda: speaker.core.state.limits == LIMITS, "it has said them")


async def test_other_settings_of_a_speaker_hold_on_all_brokers_and_are_the_next_ones_to_change(nc: Client) -> None:
    replicas = [Replica(nc, Settings(max_rooms_per_peer=number), f"b{number}", World()) for number in (1, 2)]
    serving = [asyncio.create_task(replica.run()) for replica in replicas]

    def agreed_on(replica: Replica) -> bool:
        wanted = replica._settings.limits
        return all(one.core.limits == one.core.state.limits == wanted for one in replicas)

    try:
        await until(lambda: any(replica._lease.held for replica in replicas), "one speaks")
        first, second = sorted(replicas, key=lambda replica: not replica._lease.held)
        await until(lambda: agreed_on(first), "both go by the speaker's")
        await end(serving[replicas.index(first)])
        await until(lambda: second.core.limits == second._settings.limits, "the next one has said its own", 10)
    finally:
        for task in serving:
            await end(task)


async def test_a_broker_that_meets_a_level_it_does_not_know_ends(nc: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    event_log = EventLog(nc, Settings(), World())
    await event_log.open()
    await event_log.append("b9", [LevelRaised(0, LATER)])
    with pytest.raises(NewerLog, match="too old for this log"):
        await asyncio.wait_for(Broker(Settings(), World()).serve(nc), 10)
