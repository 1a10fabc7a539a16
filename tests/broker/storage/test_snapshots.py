import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from broker.core.history import HISTORY_SECONDS
from broker.core.levels import NewerLog
from broker.core.life import size_of
from broker.core.limits import Limits
from broker.core.state import Ban, Datum, Gateway, KnownApp, Life, Member, Peer, RevokedUser, Room, State
from broker.core.table import Table
from broker.settings import Settings
from broker.storage.encoding import SLICE, encode
from broker.storage.image import VERSION, BadSnapshot, decode
from broker.storage.older import OLDEST
from broker.storage.snapshots import CHUNKS, STREAM, Snapshots
from broker.storage.stream import EventLog
from broker.storage.trimming import Trimming
from shared.contract.told import counts
from shared.envelopes import subjects
from shared.envelopes.levels import LEVEL
from shared.envelopes.policy import Policy
from shared.envelopes.users import User
from shared.messaging.connection import end
from shared.messaging.nats import Client
from shared.process import world as around
from tests.broker.invariants import plain
from tests.broker.world import Token, World

OLDER = Path(__file__).parent / "older"


def world_ahead() -> World:
    """A world whose time is later than NATS', so that what NATS stores now is not newer than its snapshots."""
    world = World()
    world.now = 4e9
    return world


def busy_world() -> World:
    """Rooms, somebody waiting, somebody absent for whom relays and more wait."""
    world = world_ahead()
    owner, member, absent, candidate = (world.peer(peerinfo="é", resumable=True) for _ in range(4))
    world.room(owner, member, absent)
    candidate.say("room-join-request", "room", ack=1, payload="please")
    absent.close()
    owner.say("relay-ice-candidate", "room", absent.peer_id, payload="private")
    member.say("room-leave-request", "room")
    return world


def image(world: World) -> bytes:
    return asyncio.run(encode("log", world.core.state)).whole


def test_a_state_comes_back_whole_but_for_relays() -> None:
    world = busy_world()
    state = decode("log", image(world))
    assert b"private" not in image(world)
    [absent] = state.absent
    for one in (state, world.core.state):
        kept = one.peers[absent].kept
        one.peers[absent].kept = {key: kept[key] for key in kept if not kept[key].relayed and kept[key].frame}
    assert plain(state) == plain(world.core.state)


BANS = {"app\nbob": Ban(None, True, "bob")}
ROOM = Room("r", "r", "p", 1.0, {"p": Member(1.0)}, {}, Policy("open", 5), BANS, Life({"key": Datum(b"1", 5, "p")}))
FULL = State(
    position=7,
    now=5.0,
    term=3,
    peers=Table(
        {"p": Peer("p", "app", "c", "g", b"1", True, version=2, user=User("ann", "Ann", 1, 9, {"r": "own"}), due=9.0)}
    ),
    conns={"c": "p"},
    rooms=Table({"r": ROOM}),
    gateways={"g": Gateway("name", batch=2)},
    absent={"q": 9.0},
    apps={"app": KnownApp(1, 2)},
    told_apart=True,
    revoked_users={"app\nbob": RevokedUser("app", "bob", 1, 9.0)},
    users={"app\nann": ["p"]},
    ends=[(9.0, "p")],
    level=0,
    limits=Limits(resume_for=1.0),
    noticed=(6, 1),
    number=5,
    lively=size_of(ROOM),
)


def test_a_snapshot_forgets_no_field_of_the_state() -> None:
    empty = msgspec.structs.asdict(State())
    unset = [name for name, value in msgspec.structs.asdict(FULL).items() if value == empty[name]]
    assert unset == [], "give the new field a value in FULL"
    assert plain(decode("log", asyncio.run(encode("log", FULL)).whole)) == plain(FULL)


def test_many_peers_are_encoded_in_slices_with_breaks_between() -> None:
    state = State()
    for number in range(2 * SLICE + 1):
        state.peers[str(number)] = Peer(str(number), "app", "", "", b"", False)
    breaks = 0

    async def watched() -> bytes:
        nonlocal breaks
        encoding = asyncio.create_task(encode("log", state))
        while not encoding.done():
            await asyncio.sleep(0)
            breaks += 1
        return encoding.result().whole

    assert list(decode("log", asyncio.run(watched())).peers) == list(state.peers)
    assert breaks >= 3


@pytest.mark.parametrize("version", range(OLDEST, VERSION + 1))
def test_a_snapshot_of_an_earlier_version_is_read(version: int) -> None:
    """The files are what earlier brokers made of a world like ``busy_world``; that of version 4 does not say kinds."""
    state = decode("log", (OLDER / f"version-{version}.snapshot").read_bytes())
    [room] = state.rooms.values()
    assert [state.peers[member].peer_id for member in room.members] == list(room.members)
    assert room.owner == next(iter(room.members))
    assert {member.role for member in room.members.values()} == {"member"}
    assert {member.joined for member in room.members.values()} == {room.created}
    [absent] = state.absent
    assert absent in room.members
    kept = state.peers[absent].kept.values()
    assert [(counts(one.kind, 1), one.relayed, bool(one.digest)) for one in kept] == [
        (1, True, True),
        (1, False, False),
    ]
    assert len(room.pending) == 1


def test_a_snapshot_of_another_log_is_refused() -> None:
    with pytest.raises(BadSnapshot, match="another log"):
        decode("other", image(busy_world()))


@pytest.mark.parametrize("version", [OLDEST - 1, 0, "1", None])
def test_a_snapshot_of_another_version_is_refused_and_not_guessed(version: object) -> None:
    fields = msgspec.msgpack.decode(image(busy_world()), type=list[msgspec.Raw])
    other = msgspec.msgpack.encode([version, *fields[1:]])
    with pytest.raises(BadSnapshot):
        decode("log", other)


def test_a_snapshot_of_a_later_release_ends_the_broker_with_a_sentence() -> None:
    fields = msgspec.msgpack.decode(image(busy_world()), type=list[msgspec.Raw])
    with pytest.raises(NewerLog, match=f"format {VERSION + 1}, .* start the one that wrote it"):
        decode("log", msgspec.msgpack.encode([VERSION + 1, *fields[1:]]))
    state = msgspec.structs.replace(FULL, level=LEVEL + 1)
    with pytest.raises(NewerLog, match=f"level {LEVEL + 1} holds"):
        decode("log", asyncio.run(encode("log", state)).whole)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_snapshot_is_refused_or_whole(data: st.DataObject) -> None:
    whole = image(busy_world())
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 8)))
    damaged = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]
    try:
        decode("log", damaged)
    except (BadSnapshot, NewerLog):
        return


@given(st.binary(max_size=200))
@example(b"\x91\x7f")  # looks as if a later release had made it
def test_garbage_is_no_snapshot(data: bytes) -> None:
    with pytest.raises((BadSnapshot, NewerLog)):
        decode("log", data)


class Store:
    """Snapshots of one log, taken of a world that lives on."""

    def __init__(self, nc: Client) -> None:
        self.world = world_ahead()
        self.log = EventLog(nc, Settings(), around.World())
        self.trimming = Trimming(self.log, around.World().monotonic)
        self.snapshots = Snapshots(nc.jetstream(), self.log, self.trimming, 1, around.World())
        self._js = nc.jetstream()
        self._written = 0

    async def write_log(self) -> None:
        """Store what the world's log has got since the last call."""
        for message in self.world.log[self._written :]:
            stored = await self._js.publish(message.subject, message.data)
            assert stored.seq == message.position
        self._written = len(self.world.log)

    async def take(self, seconds_later: float = 0.0) -> int:
        self.world.now += seconds_later
        self.world.confirm()
        self.world.say()
        await self.write_log()
        extent = await self.log.extent()
        position = await self.snapshots.take(extent.log_id, self.world.core)
        await self.trimming.trim(extent)
        return position

    async def names(self) -> list[str]:
        bucket = await self._js.object_store(subjects.SNAPSHOT_BUCKET)
        return sorted(info.name for info in await bucket.list() if not info.deleted)

    async def messages(self) -> int:
        """Of all snapshots, finished or not. A small one has two: a chunk and its name."""
        try:
            return (await self._js.stream_info(STREAM)).state.messages
        except NotFoundError:
            return 0


@pytest.fixture
async def store(nc: Client) -> Store:
    store = Store(nc)
    await store.log.open()
    return store


async def test_without_a_snapshot_the_log_is_read_from_its_beginning(store: Store) -> None:
    assert await store.snapshots.load(await store.log.extent()) == (None, None)


async def test_the_log_stays_whole_until_there_is_a_snapshot_old_enough_to_begin_from(store: Store) -> None:
    await store.take()
    await store.take(HISTORY_SECONDS / 2)
    extent = await store.log.extent()
    assert extent.first == 1
    assert await store.snapshots.load(extent) == (None, None)


async def test_older_snapshots_are_pruned_and_the_log_is_trimmed_before_the_one_to_begin_from(store: Store) -> None:
    positions = [await store.take(HISTORY_SECONDS + 1) for _ in range(4)]
    extent = await store.log.extent()
    base, newest = await store.snapshots.load(extent)
    assert base is not None
    assert newest is not None
    assert len(await store.names()) == 2
    assert [base.position, newest.position] == positions[-2:]
    assert extent.first == base.position + 1


async def test_what_a_broker_left_that_died_over_a_snapshot_is_removed(store: Store) -> None:
    state = store.world.core.state
    for name in map(str, range(2 * SLICE)):
        state.peers[name] = Peer(name, "app", "", "", b"x" * 2000, False)
    publish = JetStreamContext.publish
    chunks = 0

    async def stuck_at_the_third_chunk(js: JetStreamContext, subject: str, *args: Any, **options: Any) -> Any:
        nonlocal chunks
        chunks += subject.startswith(CHUNKS.removesuffix("*").removesuffix(">"))
        return await (asyncio.Event().wait() if chunks > 2 else publish(js, subject, *args, **options))

    with patch.object(JetStreamContext, "publish", stuck_at_the_third_chunk):
        dying = asyncio.create_task(store.take())
        async with asyncio.timeout(10):
            while chunks < 3:
                await asyncio.sleep(0.01)
        await end(dying)
    assert await store.messages() == 2
    state.peers.clear()
    await store.take()
    assert len(await store.names()) == 1
    assert await store.messages() > 2  # its writer could be alive still
    await store.take()
    assert len(await store.names()) == 2
    assert await store.messages() == 4


async def test_what_waits_for_an_absent_peer_is_found_in_the_log(store: Store) -> None:
    store.world = busy_world()
    for _ in range(3):
        await store.take(HISTORY_SECONDS + 1)
    _, newest = await store.snapshots.load(await store.log.extent())
    assert newest is not None
    assert plain(newest) == plain(store.world.core.state)


async def test_what_a_client_of_version_2_is_not_sent_again_stays_numbered(store: Store) -> None:
    world = store.world = world_ahead()
    owner, guest, other = world.peer(version=2), world.peer("g2", version=2, resumable=True), world.peer()
    world.room(owner, guest)
    owner.say("relay-ice-candidate", "room", guest.peer_id, payload="private")
    world.room(other, name="elsewhere")
    owner.say("room-policy-request", "room", policy={"admission": "open"})
    other.say("room-join-request", "room")
    guest.close("lost")
    assert any(kept.is_blank for kept in world.core.state.peers[guest.peer_id].past)
    for _ in range(3):
        await store.take(HISTORY_SECONDS + 1)
    _, newest = await store.snapshots.load(await store.log.extent())
    assert newest is not None
    assert plain(newest) == plain(world.core.state)


async def test_a_snapshot_is_not_passed_over_because_nats_does_not_answer(store: Store) -> None:
    """Without it the broker would start afresh, and all rooms would be gone."""
    for _ in range(3):
        await store.take(HISTORY_SECONDS + 1)
    with patch.object(Snapshots, "_read", side_effect=TimeoutError), pytest.raises(TimeoutError):
        await store.snapshots.load(await store.log.extent())


async def test_what_was_sent_again_and_missed_again_is_found_where_it_was_said_first(store: Store) -> None:
    world = store.world = world_ahead()
    owner, absent = (world.peer(resumable=True) for _ in range(2))
    world.room(owner, absent)
    await store.take()
    absent.close()
    owner.say("relay-ice-candidate", "room", absent.peer_id, payload="private")
    await store.take(HISTORY_SECONDS - 5)
    elsewhere = world.socket("g2")
    elsewhere.gateway.stuck = True
    world.now += 9
    elsewhere.authenticate(resume=absent.token)
    await store.take(HISTORY_SECONDS - 5)
    world.lose("g2")
    await store.take()
    _, newest = await store.snapshots.load(await store.log.extent())
    assert newest is not None
    assert [kept.relayed for kept in newest.peers[absent.peer_id].kept.values()] == [True]
    assert plain(newest) == plain(world.core.state)


async def test_what_the_snapshot_to_begin_from_needs_of_the_log_stays_there(store: Store) -> None:
    world = store.world = busy_world()
    [absent] = world.core.state.absent
    at_base = await store.take()
    before = plain(world.core.state)
    elsewhere = world.socket("g2")
    elsewhere.authenticate(resume=Token(absent, 1, f"key of {absent}"))
    assert elsewhere.token.peer_id == absent
    await store.take(HISTORY_SECONDS + 1)
    base, newest = await store.snapshots.load(await store.log.extent())
    assert base is not None
    assert newest is not None
    assert base.position == at_base
    assert plain(base) == before
    assert plain(newest) == plain(world.core.state)


async def test_a_damaged_snapshot_is_passed_over_for_the_one_before(
    store: Store, nc: Client, caplog: pytest.LogCaptureFixture
) -> None:
    positions = [await store.take(HISTORY_SECONDS + 1) for _ in range(3)]
    bucket = await nc.jetstream().object_store(subjects.SNAPSHOT_BUCKET)
    await bucket.put((await store.names())[-1], b"damaged")
    base, newest = await store.snapshots.load(await store.log.extent())
    assert base is not None
    assert newest is not None
    assert base.position == newest.position == positions[-2]
    assert "is skipped" in caplog.text


async def test_a_snapshot_of_which_parts_are_missing_is_passed_over(
    store: Store, nc: Client, caplog: pytest.LogCaptureFixture
) -> None:
    positions = [await store.take(HISTORY_SECONDS + 1) for _ in range(3)]
    newest = await (await nc.jetstream().object_store(subjects.SNAPSHOT_BUCKET)).get_info((await store.names())[-1])
    await nc.jetstream().purge_stream(STREAM, subject=f"{CHUNKS}{newest.nuid}")
    async with asyncio.timeout(5):  # the library alone waits for ever
        base, newer = await store.snapshots.load(await store.log.extent())
    assert base is not None
    assert newer is not None
    assert base.position == newer.position == positions[-2]
    assert "parts of it are missing" in caplog.text


async def test_a_snapshot_that_the_log_does_not_continue_from_is_of_no_use(store: Store) -> None:
    for _ in range(3):
        position = await store.take(HISTORY_SECONDS + 1)
    for _ in range(3):
        store.world.say()
    await store.write_log()
    store.trimming.release(position + 3)
    await store.trimming.trim(await store.log.extent())
    assert await store.snapshots.load(await store.log.extent()) == (None, None)


async def test_a_snapshot_of_a_log_that_was_there_before_is_of_no_use(store: Store, nc: Client) -> None:
    for _ in range(3):
        await store.take(HISTORY_SECONDS + 1)
    await nc.jetstream().delete_stream(subjects.EVENT_STREAM)
    extent = await store.log.open()
    other = extent._replace(first=5, last=9)
    assert await store.snapshots.load(other) == (None, None)


async def test_a_snapshot_is_of_the_state_as_it_was_when_it_was_begun(store: Store) -> None:
    world = store.world
    for _ in range(SLICE + 1):
        world.peer()
    await store.write_log()
    before, position = plain(world.core.state), world.core.state.position
    taking = asyncio.create_task(store.snapshots.take((await store.log.extent()).log_id, world.core))
    await asyncio.sleep(0)
    late = world.peer()
    world.room(late)
    assert await taking == position
    [name] = await store.names()
    assert name.split("-")[1] == f"{position:020d}"
    found = await (await store._js.object_store(subjects.SNAPSHOT_BUCKET)).get(name)
    assert plain(decode((await store.log.extent()).log_id, found.data or b"")) == before


async def test_the_newest_snapshot_is_found_whoever_took_it(store: Store) -> None:
    assert await store.snapshots.newest() == 0
    assert store.snapshots.taken_at == 0
    position = await store.take()
    other = Snapshots(store._js, store.log, store.trimming, 1, around.World())
    assert await other.newest() == position
    assert other.taken_at > 0


async def test_snapshots_that_the_log_does_not_lead_to_any_more_are_removed(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await store.take()
    names, state, extent = await store.names(), store.world.core.state, await store.log.extent()
    before = 1e6, state.position  # long before what NATS has stored at that position
    behind = 4e9, state.position + 1000  # the end of the log
    for state.now, state.position in (before, behind):
        await store.snapshots.take(extent.log_id, store.world.core)
    assert len(await store.names()) == 3
    await store.snapshots.load(extent)
    assert await store.names() == names
    assert caplog.text.count("is removed: NATS has lost the end of the log") == 2
