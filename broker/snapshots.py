"""Snapshots: the state at a log position, in a NATS object store, so that a broker need not read the whole log.

What a state does not hold is what gateways were told lately, which decides what a peer that comes back has missed. So a
broker reads the log from an older snapshot, HISTORY_SECONDS before the newest or more, and takes the newest one's state
when it gets there. The log is cut off behind the older one.

Session descriptions and candidates that wait for an absent peer are not stored again: a snapshot names the log message
that holds them.
"""

import asyncio
import base64
import hashlib
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

import msgspec
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ObjectInfo, ObjectStoreConfig, StorageType
from nats.js.errors import BadRequestError, NotFoundError
from nats.js.object_store import ObjectStore

from broker.core import Core
from broker.event_log import EventLog, Extent
from broker.outbox import HISTORY_SECONDS
from broker.state import App, Gateway, Kept, Peer, Room, State
from shared import subjects
from shared.log import Malformed, Said, unpack_batch

log = logging.getLogger(__name__)

T = TypeVar("T")

VERSION = 2
SLICE = 1000  # peers or rooms encoded without a break; some milliseconds
PREFIX = "state-"
# What the library calls the stream behind the object store, and the subjects of its chunks.
STREAM = f"OBJ_{subjects.SNAPSHOT_BUCKET}"
CHUNKS = f"$O.{subjects.SNAPSHOT_BUCKET}.C."


class BadSnapshot(ValueError):
    """A snapshot is damaged, of another version, or does not belong to this log."""


class Image(msgspec.Struct, array_like=True):
    """A snapshot. Peers and rooms are encoded in slices."""

    version: int
    log_id: str
    position: int
    now: float
    term: int
    gateways: dict[str, Gateway]
    absent: dict[str, float]
    apps: dict[str, App]
    peers: list[msgspec.Raw]
    rooms: list[msgspec.Raw]
    told_apart: bool = False


class Snapshots:
    """Writes and finds snapshots."""

    def __init__(self, js: JetStreamContext, event_log: EventLog, replicas: int) -> None:
        self._js = js
        self._log = event_log
        self._replicas = replicas
        self._unnamed: set[str] = set()  # subjects of chunks that no snapshot named when the last one was taken
        self.taken_at = 0.0  # monotonic seconds
        self.duration = 0.0  # seconds
        self.size = 0  # bytes

    async def take(self, log_id: str, core: Core, standstill: AbstractContextManager[None]) -> int:
        """Write the state as it is now, and release the log behind the older snapshot. Returns the position."""
        began = time.monotonic()
        with standstill:
            position, needed = core.state.position, oldest_needed(core)
            data = await encode(log_id, core.state)
        store = await self._open()
        await store.put(_name(position, core.state.now, needed), data)
        found = await self._find_all(store)
        names = [info.name for info in found]
        base = _base(names)
        crowded = (await self._log.extent()).crowding > 0
        if crowded:  # full, it would take nothing more, ever
            base = names[-1]
        for name in names:
            if base is not None and name < base:
                await self._delete(store, name)
        if base is not None:
            needs = [] if crowded else [_needed(name) for name in names if name >= base]
            self._log.release(min([_position(base) + 1, *needs]))
        await self._sweep({info.nuid or "" for info in found})
        self.taken_at, self.size = time.monotonic(), len(data)
        self.duration = self.taken_at - began
        facts = {"position": position, "bytes": self.size, "seconds": round(self.duration, 3)}
        log.info("snapshot taken", extra={"facts": facts})
        return position

    async def load(self, extent: Extent) -> tuple[State | None, State | None]:
        """The state to begin reading from, and the newer one to adopt on the way.

        (None, None): read the log from its beginning, if it still has it.
        """
        if extent.first <= 1:
            return None, None
        store = await self._open()
        found = await self._find_all(store)
        newest = await self._first_good(store, found[::-1], extent)
        if newest is None:
            return None, None
        base = await self._first_good(store, found, extent)
        return base or newest, newest

    async def _first_good(self, store: ObjectStore, found: list[ObjectInfo], extent: Extent) -> State | None:
        for info in found:
            try:
                state = decode(extent.log_id, await self._read(store, info))
                if extent.first <= state.position + 1 <= extent.last + 1:
                    await self._fetch_kept(state)
                    return state
                log.warning("snapshot %s is passed over: the log does not go on from it", info.name)
            except (BadSnapshot, NatsError, TimeoutError) as error:
                log.error("snapshot %s is passed over: %s %s", info.name, type(error).__name__, error)
        return None

    async def _read(self, store: ObjectStore, info: ObjectInfo) -> bytes:
        if info.chunks != (await self._chunks()).get(f"{CHUNKS}{info.nuid}", 0):
            raise BadSnapshot("parts of it are missing")  # the library would wait for them for ever
        return (await store.get(info.name)).data or b""

    async def _fetch_kept(self, state: State) -> None:
        """Put back what waits for absent peers. What the log has no more, the peer's place goes with."""
        for peer_id in list(state.absent):
            peer = state.peers[peer_id]
            for kept in peer.kept + peer.past:
                if kept.digest:
                    kept.frame = await self._find(kept)
                    kept.digest = b""
            peer.past = [kept for kept in peer.past if kept.frame]
            if not all(kept.frame for kept in peer.kept):
                log.error("what an absent peer missed is gone, so is its place", extra={"facts": {"peer": peer_id}})
                peer.kept, peer.resumable = [], False

    async def _find(self, kept: Kept) -> bytes:
        stored = await self._log.message(kept.position)
        try:
            entries = unpack_batch(stored.data).entries if stored else []
        except Malformed:
            entries = []
        bodies = (entry.body for entry in entries if isinstance(entry, Said))
        return next((body for body in bodies if _digest(body) == kept.digest), b"")

    async def _open(self) -> ObjectStore:
        config = ObjectStoreConfig(storage=StorageType.FILE, replicas=self._replicas)
        try:
            return await self._js.create_object_store(subjects.SNAPSHOT_BUCKET, config)
        except BadRequestError:
            return await self._js.object_store(subjects.SNAPSHOT_BUCKET)

    async def _delete(self, store: ObjectStore, name: str) -> None:
        """Remove a snapshot, and what the library leaves of it: one mark for each name for ever."""
        await store.delete(name)
        mark = f"$O.{subjects.SNAPSHOT_BUCKET}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"
        await self._js.purge_stream(STREAM, subject=mark)

    async def _sweep(self, named: set[str]) -> None:
        """Remove chunks that no snapshot names: their writer died over it.

        Those that are seen for the first time stay: a broker that has lost the lease may still be about to name them.
        """
        unnamed = {subject for subject in await self._chunks() if subject.removeprefix(CHUNKS) not in named}
        for subject in unnamed & self._unnamed:
            log.warning("removing what is left of a snapshot that was never finished")
            await self._js.purge_stream(STREAM, subject=subject)
        self._unnamed = unnamed

    async def _chunks(self) -> dict[str, int]:
        """How many chunks there are, by subject: each snapshot has its own, which ends in its ``nuid``."""
        return (await self._js.stream_info(STREAM, subjects_filter=f"{CHUNKS}>")).state.subjects or {}

    async def _find_all(self, store: ObjectStore) -> list[ObjectInfo]:
        """All snapshots, oldest first."""
        try:
            infos = await store.list()
        except NotFoundError:
            return []
        found = [info for info in infos if info.name.startswith(PREFIX) and not info.deleted]
        return sorted(found, key=lambda info: info.name)


async def encode(log_id: str, state: State) -> bytes:
    """The state as bytes. Gives way to other tasks now and then; the caller sees to it that nothing changes."""
    image = Image(
        VERSION, log_id, state.position, state.now, state.term, state.gateways, state.absent, state.apps,
        await _encode_slices(list(state.peers.values()), _without_relays),
        await _encode_slices(list(state.rooms.values()), lambda room: room),
        state.told_apart,
    )  # fmt: skip
    return msgspec.msgpack.encode(image)


def decode(log_id: str, data: bytes) -> State:
    """The state that ``encode`` was given. Raises BadSnapshot."""
    try:
        version = msgspec.msgpack.decode(data, type=list[msgspec.Raw])[0]
        if msgspec.msgpack.decode(version, type=int) != VERSION:
            raise BadSnapshot(f"it is of version {msgspec.msgpack.decode(version)}, this broker knows {VERSION}")
        image = msgspec.msgpack.decode(data, type=Image)
        peers = [peer for part in image.peers for peer in msgspec.msgpack.decode(part, type=list[Peer])]
        rooms = [room for part in image.rooms for room in msgspec.msgpack.decode(part, type=list[Room])]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, IndexError) as error:
        raise BadSnapshot(f"it is damaged: {error}") from None
    if image.log_id != log_id:
        raise BadSnapshot("it belongs to another log")
    return State(
        position=image.position,
        now=image.now,
        term=image.term,
        peers={peer.peer_id: peer for peer in peers},
        conns={peer.conn: peer.peer_id for peer in peers if peer.conn},
        rooms={room.key: room for room in rooms},
        gateways=image.gateways,
        absent=image.absent,
        apps=image.apps,
        told_apart=image.told_apart,
    )


async def _encode_slices(things: list[T], form: Callable[[T], T]) -> list[msgspec.Raw]:
    slices = []
    for start in range(0, len(things), SLICE):
        slices.append(msgspec.Raw(msgspec.msgpack.encode([form(thing) for thing in things[start : start + SLICE]])))
        await asyncio.sleep(0)
    return slices


def _without_relays(peer: Peer) -> Peer:
    """The peer, with relays that wait for it named instead of repeated."""
    if not peer.kept and not peer.past:
        return peer
    return msgspec.structs.replace(peer, kept=_named(peer.kept), past=_named(peer.past))


def _named(frames: list[Kept]) -> list[Kept]:
    return [Kept(b"", kept.position, _digest(kept.frame)) if kept.relayed else kept for kept in frames]


def oldest_needed(core: Core) -> int:
    """The oldest position of the log that holds something an absent peer still waits for, or may wait for again."""
    state = core.state
    waiting = (kept.position for peer_id in state.absent for kept in state.peers[peer_id].kept if kept.relayed)
    return min(*waiting, core.out.oldest_resent() or state.position + 1, state.position + 1)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:16]


def _name(position: int, now: float, needed: int) -> str:
    """Names sort by position. The time is the log's, in milliseconds; from ``needed`` on the snapshot needs the log."""
    return f"{PREFIX}{position:020d}-{int(now * 1000)}-{needed}"


def _position(name: str) -> int:
    return int(name.split("-")[1])


def _needed(name: str) -> int:
    return int(name.split("-")[3])


def _time(name: str) -> float:
    return int(name.split("-")[2]) / 1000


def _base(names: list[str]) -> str | None:
    """The newest snapshot that is old enough to begin from, if there is one."""
    old_enough = [name for name in names if _time(name) < _time(names[-1]) - HISTORY_SECONDS]
    return old_enough[-1] if old_enough else None
