import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg

from broker.settings import Settings
from broker.storage.stream import EventLog
from gateway.connection import Connection
from gateway.incoming.log_writer import LogWriter
from gateway.incoming.revocations import Revocations
from gateway.incoming.sessions import Sessions
from gateway.outgoing import link as link_module
from gateway.outgoing.inbox import Inbox
from gateway.outgoing.link import BEAT_INTERVAL, Link, new_gateway_id
from shared.envelopes import subjects
from shared.envelopes.deliveries import (
    Beat,
    Emit,
    Fenced,
    Head,
    Parcel,
    pack_message,
    unpack_beat,
)
from shared.envelopes.entries import GatewayUp, unpack_batch
from shared.envelopes.levels import LEVEL
from shared.messaging.nats import Client
from shared.process.world import World
from tests.gateway.wire import connection, wire
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

SECRET = "a secret for tests, 32 bytes long"


class Office:
    """A link at work, and in place of the broker one who notes the beats and says what a test wants said."""

    def __init__(self, nc: Client, broker: Client) -> None:
        self.client = connection("s1")
        self.beats: list[Beat] = []
        self.event_log = EventLog(broker, Settings(), World())
        self._broker = broker
        world, revocations = World(), Revocations()
        connections: dict[str, Connection] = {"s1": self.client}
        self.inbox = Inbox(connections, Sessions((SECRET,), 60, revocations, world), revocations, world)
        writer = LogWriter(nc, "g1", 1 << 20, 1 << 20, world)
        self.link = Link(nc, "g1", "name", writer, self.inbox, world)

    async def start(self) -> None:
        await self._broker.subscribe(subjects.BEATS, cb=self._on_beat)
        await self._broker.flush()
        self.running = asyncio.create_task(self.link.run())

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.wait({self.running}, timeout=5)
        assert self.running.done()

    async def greeted(self) -> None:
        """Return when the link is up and has said so."""
        await self.event_log.open()
        await until(lambda: self.beats, "the first beat")
        self.beats.clear()

    async def deliver(self, *numbers: int) -> None:
        for number in numbers:
            parcel = Parcel(number, 10 + number, [Emit(["s1"], b"42[%d]" % number)])
            await self.say(pack_message(parcel))

    async def say(self, message: bytes) -> None:
        await self._broker.publish(subjects.deliveries("g1"), message)

    async def told(self, *numbers: int) -> None:
        """Return when the client has been told just this."""
        await until(lambda: wire(self.client).frames == [f"42[{number}]" for number in numbers], f"told {numbers}")

    async def _on_beat(self, message: Msg) -> None:
        self.beats.append(unpack_beat(message.data))


@pytest.fixture
async def office(nats_server: NatsServer, nc: Client) -> AsyncIterator[Office]:
    broker = await nats_server.client()
    office = Office(nc, broker)
    await office.start()
    yield office
    await office.stop()
    await broker.close()


@pytest.fixture
def no_time_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first beat there are only those that have a reason."""
    monkeypatch.setattr(link_module, "BEAT_INTERVAL", 3600)


def test_no_two_gateways_have_the_same_id() -> None:
    ids = [new_gateway_id(World()) for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(name.isalnum() for name in ids)  # it is part of a NATS subject


async def test_it_introduces_itself_before_it_beats(office: Office, nc: Client) -> None:
    await until(lambda: nc.stats["out_msgs"] > 5, "it has tried to reach the log")
    assert office.beats == []
    await office.event_log.open()
    await until(lambda: office.beats, "the first beat")
    assert office.beats[0] == Beat("g1", 0, False)
    first = await office.event_log.message(1)
    assert first is not None
    assert unpack_batch(first.data).entries == [GatewayUp("name", LEVEL)]


async def test_beats_go_on_and_say_how_far_it_is(office: Office) -> None:
    await office.greeted()
    await office.deliver(1, 2, 3)
    await until(lambda: Beat("g1", 3, False) in office.beats, "a beat that says 3")
    office.beats.clear()
    await until(lambda: len(office.beats) >= 2, "more beats")
    assert set(office.beats) == {Beat("g1", 3, False)}


@pytest.mark.usefixtures("no_time_beats")
async def test_what_is_missing_is_asked_for_and_everything_taken_once(office: Office) -> None:
    await office.greeted()
    await office.deliver(1, 3, 4)
    await until(lambda: office.beats, "it asks")
    assert office.beats[0] == Beat("g1", 1, True)
    await office.deliver(1, 2, 3, 4, 5)
    await office.told(1, 2, 3, 4, 5)
    assert office.inbox.have == 5


@pytest.mark.usefixtures("no_time_beats")
async def test_it_does_not_ask_for_each_parcel_after_a_gap(office: Office) -> None:
    await office.greeted()
    start = time.monotonic()
    await office.deliver(*range(2, 500), 1)
    await office.told(1)
    await until(lambda: office.beats, "it asks")
    took = time.monotonic() - start
    assert len(office.beats) <= 1 + took / 0.1


@pytest.mark.usefixtures("no_time_beats")
async def test_it_asks_for_what_a_head_says_it_has_missed(office: Office) -> None:
    await office.greeted()
    await office.deliver(1)
    await office.say(pack_message(Head(0)))
    await office.say(pack_message(Head(1)))
    await office.say(pack_message(Head(2)))
    await until(lambda: office.beats, "it asks")
    await office.deliver(2)
    await office.told(1, 2)
    assert office.beats == [Beat("g1", 1, True)]


@pytest.mark.usefixtures("no_time_beats")
async def test_it_says_at_once_how_far_one_is_who_may_come_back(office: Office) -> None:
    await office.greeted()
    office.client.resumable = True
    await office.deliver(1)
    await until(lambda: office.beats == [Beat("g1", 1, False, prompt=True)], "a prompt beat")
    await office.deliver(2)
    await until(lambda: office.beats[-1] == Beat("g1", 2, False, prompt=True), "another one")


@pytest.mark.usefixtures("no_time_beats")
async def test_one_that_is_fenced_ends(office: Office, nc: Client) -> None:
    await office.greeted()
    await office.say(pack_message(Fenced()))
    await asyncio.wait_for(office.running, 5)
    assert office.link.fenced.is_set()
    office.link.writer.append_always(GatewayUp("too late"))
    await office.deliver(1)
    await nc.flush()
    assert wire(office.client).frames == []
    assert (await office.event_log.extent()).last == 1


async def test_it_is_in_touch_for_some_beats_after_it_heard_something(office: Office) -> None:
    await office.greeted()
    assert not office.link.in_touch()
    await office.say(pack_message(Head(0)))
    await until(office.link.in_touch, "it has heard")
    office.link.heard -= 4 * BEAT_INTERVAL
    assert not office.link.in_touch()


async def test_it_goes_on_when_the_server_is_back(office: Office, nats_server: NatsServer) -> None:
    await office.greeted()
    await nats_server.kill()
    office.beats.clear()
    await nats_server.start()
    await until(lambda: office.beats, "it beats again")
    await office.deliver(1)
    await office.told(1)


async def test_it_ends_when_it_is_cancelled_without_a_server(office: Office, nats_server: NatsServer) -> None:
    await office.greeted()
    await nats_server.kill()
    await office.stop()
    assert not office.link.fenced.is_set()
