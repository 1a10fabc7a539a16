"""The simulated NATS does what the real one does, as far as we use it: the same tests for both."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.api import DiscardPolicy, KeyValueConfig, ObjectStoreConfig, StorageType, StreamConfig
from nats.js.errors import (
    BadRequestError,
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NotFoundError,
    ServerError,
)

from broker.storage.stream import position_time_behind
from shared.messaging.messaging import EXPECTED_LAST, Messaging
from tests.nats_server import NatsServer
from tests.sim.connection import Connection
from tests.sim.loop import Loop
from tests.sim.server import Server
from tests.sim.universe import Universe

Contract = Callable[["Two"], Awaitable[None]]
CONTRACTS: list[Contract] = []
STREAM = StreamConfig(
    name="log",
    subjects=["log.>"],
    storage=StorageType.FILE,
    max_bytes=1 << 20,
    discard=DiscardPolicy.NEW,
    duplicate_window=1.0,
    metadata={"id": "7"},
)
LEASE = KeyValueConfig(bucket="lease", ttl=1.0, storage=StorageType.FILE)
OBJECTS = ObjectStoreConfig(storage=StorageType.FILE)


class Two:
    """Two connections to one server, which can be killed and started again."""

    def __init__(self, one: Messaging, other: Messaging, restart: Callable[[], Awaitable[None]]) -> None:
        self.one = one
        self.other = other
        self.restart = restart
        self.js = one.jetstream(timeout=2.0)


def contract(test: Contract) -> Contract:
    CONTRACTS.append(test)
    return test


async def until(done: Callable[[], object], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not done():
            await asyncio.sleep(0.02)


@contract
async def a_message_reaches_who_listens_in_order(two: Two) -> None:
    heard: list[tuple[str, str, bytes]] = []
    await two.other.subscribe_straight("news.*", lambda *message: heard.append(message))
    await asyncio.sleep(0.1)
    for number in range(5):
        two.one.publish_now(f"news.{number}", b"%d" % number, "back")
    await until(lambda: len(heard) == 5)
    assert heard == [(f"news.{number}", "back", b"%d" % number) for number in range(5)]


@contract
async def a_request_is_answered_or_nobody_is_there(two: Two) -> None:
    async def answer(message: object) -> None:
        await message.respond(b"yes")  # type: ignore[attr-defined]

    with pytest.raises(NoRespondersError):
        await two.one.request("question", b"?", 1.0)
    subscription = await two.other.subscribe("question", cb=answer)
    await asyncio.sleep(0.1)
    assert (await two.one.request("question", b"?", 1.0)).data == b"yes"
    await subscription.unsubscribe()
    await asyncio.sleep(0.1)
    with pytest.raises(NoRespondersError):
        await two.one.request("question", b"?", 1.0)


@contract
async def a_message_may_be_stored_at_the_end_that_its_sender_expects_alone(two: Two) -> None:
    await two.js.add_stream(STREAM)
    assert (await two.js.publish("log.a", b"1", headers={EXPECTED_LAST: "0"})).seq == 1
    for expected in ("0", "2"):
        with pytest.raises(BadRequestError):
            await two.other.jetstream(timeout=2.0).publish("log.b", b"2", headers={EXPECTED_LAST: expected})
    await two.restart()
    assert (await two.js.publish("log.b", b"2", headers={EXPECTED_LAST: "1"})).seq == 2
    await two.js.publish("log.a", b"3")
    newest = await two.js.get_msg("log", subject="log.b")
    assert (newest.seq, newest.data) == (2, b"2")
    with pytest.raises(NotFoundError):
        await two.js.get_msg("log", subject="log.c")


@contract
async def a_stream_may_drop_the_oldest_instead_of_refusing(two: Two) -> None:
    await two.js.add_stream(STREAM.evolve(max_bytes=10_000, discard=DiscardPolicy.OLD))
    for number in range(1, 40):
        assert (await two.js.publish("log.a", bytes(1000))).seq == number
    state = (await two.js.stream_info("log")).state
    assert (state.last_seq, 5 < state.messages < 10) == (39, True)
    assert state.first_seq == 40 - state.messages
    with pytest.raises(NotFoundError):
        await two.js.get_msg("log", state.first_seq - 1)


@contract
async def a_stream_is_made_once(two: Two) -> None:
    with pytest.raises(NotFoundError):
        await two.js.stream_info("log")
    await two.js.add_stream(STREAM)
    await two.js.add_stream(STREAM)
    with pytest.raises(BadRequestError):
        await two.js.add_stream(STREAM.evolve(metadata={"id": "8"}))
    with pytest.raises(ServerError):
        await two.js.add_stream(StreamConfig(name="huge", subjects=["huge"], max_bytes=1 << 60))
    info = await two.js.stream_info("log")
    assert (info.config.metadata or {})["id"] == "7"
    assert (info.state.first_seq, info.state.last_seq, info.state.messages) in [(0, 0, 0), (1, 0, 0)]
    await two.js.update_stream(info.config.evolve(subjects=["log.>", "more"]))
    assert (await two.js.publish("more", b"")).seq == 1


@contract
async def what_is_published_is_stored_once_within_the_window(two: Two) -> None:
    await two.js.add_stream(STREAM)
    answers: list[bytes] = []
    await two.one.subscribe_straight("answers.*", lambda _subject, _reply, data: answers.append(data))

    async def publish(data: bytes, msg_id: str) -> dict[str, int]:
        known = len(answers)
        two.one.publish_now("log.a", data, "answers.1", b"NATS/1.0\r\nNats-Msg-Id: %s\r\n\r\n" % msg_id.encode())
        await until(lambda: len(answers) > known)
        answer: dict[str, int] = json.loads(answers[-1])
        return answer

    assert (await publish(b"one", "g:1"))["seq"] == 1
    again = await publish(b"one", "g:1")
    assert (again["seq"], again["duplicate"]) == (1, True)
    assert (await publish(b"two", "g:2"))["seq"] == 2
    await two.js.purge_stream("log", seq=3)
    assert (await publish(b"two", "g:2"))["seq"] == 2
    await asyncio.sleep(2.5)
    assert (await publish(b"one", "g:1"))["seq"] == 3


@contract
async def what_nobody_takes_is_said_so(two: Two) -> None:
    answers: list[bytes] = []
    await two.one.subscribe_straight("answers.*", lambda _subject, _reply, data: answers.append(data))
    await asyncio.sleep(0.1)
    two.one.publish_now("nowhere", b"", "answers.1")
    await until(lambda: answers)
    assert answers == [b""]
    with pytest.raises(NatsError):
        await two.js.publish("nowhere", b"")


@contract
async def a_full_stream_refuses(two: Two) -> None:
    await two.js.add_stream(STREAM.evolve(max_bytes=2000))
    answers: list[bytes] = []
    await two.one.subscribe_straight("answers", lambda _subject, _reply, data: answers.append(data))
    await asyncio.sleep(0.1)
    for _ in range(3):
        two.one.publish_now("log.a", bytes(800), "answers")
    await until(lambda: len(answers) == 3)
    assert [json.loads(answer).get("seq", 0) for answer in answers] == [1, 2, 0]
    with pytest.raises(NatsError):
        await two.js.publish("log.a", bytes(800))
    await two.js.purge_stream("log", seq=2)
    assert (await two.js.publish("log.a", bytes(800))).seq == 3


@contract
async def a_message_is_found_by_its_position(two: Two) -> None:
    await two.js.add_stream(STREAM)
    read: list[tuple[int, float, int]] = []
    await two.js.publish("log.a", b"data")
    await two.one.read_straight("log", 0, lambda _s, reply, _d: read.append(position_time_behind(reply)), 0.5)
    await until(lambda: read)
    message = await two.js.get_msg("log", 1)
    assert (message.subject, message.data) == ("log.a", b"data")
    assert message.time is not None
    assert message.time.timestamp() == read[0][1]
    with pytest.raises(NotFoundError):
        await two.js.get_msg("log", 2)


@contract
async def a_stream_is_read_in_order_from_a_position_on(two: Two) -> None:
    await two.js.add_stream(STREAM)
    read: list[tuple[int, int, bytes]] = []

    def take(_subject: str, reply: str, data: bytes) -> None:
        position, _, behind = position_time_behind(reply)
        read.append((position, behind, data))

    for number in range(1, 5):
        await two.js.publish("log.a", b"%d" % number)
    subscription = await two.other.read_straight("log", 2, take, 0.5)
    await until(lambda: len(read) == 2)
    assert read == [(3, 1, b"3"), (4, 0, b"4")]
    await two.js.publish("log.b", b"5")
    await until(lambda: len(read) == 3)
    assert read[-1] == (5, 0, b"5")
    await subscription.unsubscribe()
    await asyncio.sleep(0.1)
    await two.js.publish("log.b", b"6")
    await asyncio.sleep(0.3)
    assert len(read) == 3


@contract
async def what_is_purged_is_gone_and_positions_go_on(two: Two) -> None:
    await two.js.add_stream(STREAM)
    for subject in ("log.a", "log.b", "log.a", "log.c"):
        await two.js.publish(subject, b"data")
    await two.js.purge_stream("log", seq=2)
    state = (await two.js.stream_info("log", subjects_filter="log.>")).state
    assert (state.first_seq, state.last_seq, state.subjects) == (2, 4, {"log.a": 1, "log.b": 1, "log.c": 1})
    await two.js.purge_stream("log", subject="log.b")
    state = (await two.js.stream_info("log", subjects_filter="log.b")).state
    assert (state.first_seq, state.last_seq, state.subjects or {}) == (3, 4, {})
    with pytest.raises(NotFoundError):
        await two.js.get_msg("log", 2)
    await two.js.purge_stream("log", seq=5)
    state = (await two.js.stream_info("log")).state
    assert (state.first_seq, state.last_seq, state.messages, state.bytes) == (5, 4, 0, 0)
    assert (await two.js.publish("log.a", b"data")).seq == 5


@contract
async def a_restart_loses_and_repeats_nothing(two: Two) -> None:
    await two.js.add_stream(STREAM)
    read: list[int] = []
    await two.other.read_straight("log", 0, lambda _s, reply, _d: read.append(position_time_behind(reply)[0]), 0.5)
    heard: list[bytes] = []
    await two.other.subscribe_straight("news", lambda _s, _r, data: heard.append(data))
    for _ in range(3):
        await two.js.publish("log.a", b"data")
    await until(lambda: len(read) == 3)
    await two.restart()
    await until(lambda: two.one.is_connected and two.other.is_connected)
    for _ in range(3):
        await two.js.publish("log.a", b"data")
    two.one.publish_now("news", b"new")
    await until(lambda: len(read) == 6 and heard)
    assert read == [1, 2, 3, 4, 5, 6]


@contract
async def a_key_is_held_by_one(two: Two) -> None:
    bucket = await two.js.create_key_value(LEASE)
    with pytest.raises(KeyNotFoundError):
        await bucket.get("speaker")
    first = await bucket.create("speaker", b"one")
    with pytest.raises(KeyWrongLastSequenceError):
        await (await two.js.key_value("lease")).create("speaker", b"other")
    second = await bucket.update("speaker", b"one", last=first)
    assert second > first
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.update("speaker", b"other", last=first)
    held = await (await two.js.key_value("lease")).get("speaker")
    assert (held.value, held.revision) == (b"one", second)
    with pytest.raises(BadRequestError):
        await bucket.delete("speaker", last=first)
    assert await bucket.delete("speaker", last=second)
    with pytest.raises(KeyNotFoundError):
        await bucket.get("speaker")
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.update("speaker", b"other", last=second)
    third = await bucket.create("speaker", b"other")
    assert third > second
    await asyncio.sleep(2.5)
    with pytest.raises(KeyNotFoundError):
        await bucket.get("speaker")
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.update("speaker", b"other", last=third)
    assert await bucket.create("speaker", b"one") > third


@contract
async def a_bucket_is_made_in_one_way(two: Two) -> None:
    with pytest.raises(BucketNotFoundError):
        await two.js.key_value("lease")
    await two.js.create_key_value(LEASE)
    await two.js.create_key_value(LEASE)
    with pytest.raises(BadRequestError):
        await two.js.create_key_value(LEASE.evolve(ttl=2.0))


@contract
async def objects_of_any_size_are_kept_by_name(two: Two) -> None:
    store = await two.js.create_object_store("things", OBJECTS)
    with pytest.raises(NotFoundError):
        await store.list()
    with pytest.raises(NotFoundError):
        await store.get("large")
    large = bytes(range(256)) * 1200
    info = await store.put("large", large)
    await store.put("small", b"small")
    assert (info.name, info.size, info.chunks) == ("large", len(large), 3)
    assert (await store.get("large")).data == large
    chunks = (await two.js.stream_info("OBJ_things", subjects_filter="$O.things.C.>")).state.subjects or {}
    assert chunks[f"$O.things.C.{info.nuid}"] == 3
    assert len(chunks) == 2
    await (await two.js.object_store("things")).delete("large")
    assert {one.name: bool(one.deleted) for one in await store.list()} == {"large": True, "small": False}
    chunks = (await two.js.stream_info("OBJ_things", subjects_filter="$O.things.C.>")).state.subjects or {}
    assert len(chunks) == 1
    await store.put("small", b"another")
    assert (await store.get("small")).data == b"another"


@pytest.mark.parametrize("test", CONTRACTS, ids=lambda test: str(test.__name__))
async def test_the_real_server(test: Contract, nats_server: NatsServer) -> None:
    one, other = await nats_server.client(), await nats_server.client()

    async def restart() -> None:
        await nats_server.kill()
        await asyncio.sleep(0.5)
        await nats_server.start()

    try:
        await test(Two(one, other, restart))
    finally:
        await one.close()
        await other.close()


@pytest.mark.parametrize("test", CONTRACTS, ids=lambda test: str(test.__name__))
def test_the_simulated_server(test: Contract) -> None:
    universe = Universe(7)
    server = Server(universe)
    complaints: list[str] = []
    loop = Loop(universe, complaints.append)

    async def restart() -> None:
        server.die()
        await asyncio.sleep(0.5)
        server.start()

    async def run() -> None:
        one, other = Connection(loop, server, "one"), Connection(loop, server, "other")
        one.connect()
        other.connect()
        await test(Two(one, other, restart))
        await one.close()
        await other.close()

    running = loop.create_task(run())
    assert universe.run(60.0, running.done)
    running.result()
    loop.dispose()
    assert complaints == []
