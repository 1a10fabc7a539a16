"""Snapshots: the state at a log position, in a NATS object store, so that a broker need not read the whole log.

A state does not hold what gateways were told lately, which decides what a peer that comes back has missed. So a broker
reads the log from an older snapshot (``retention.py``), and adopts the newest one's state when it reaches it
(``broker/core/rehearsal.py``).
"""

import asyncio
import base64
import logging

from nats.errors import Error as NatsError
from nats.js.api import ObjectInfo, ObjectStoreConfig, StorageType
from nats.js.errors import BadRequestError, NotFoundError

from broker.core.machine import Core
from broker.core.state import Kept, State
from broker.storage.encoding import encode
from broker.storage.extent import Extent
from broker.storage.image import PREFIX, BadSnapshot, Name, decode, digest, waiting_frames
from broker.storage.pieces import Pieces
from broker.storage.retention import retain
from broker.storage.stream import EventLog
from broker.storage.trimming import Trimming
from shared.envelopes import subjects
from shared.envelopes.entries import Malformed, Said, unpack_batch
from shared.messaging.messaging import JetStream, ObjectStore
from shared.process.world import World

log = logging.getLogger(__name__)

# Seconds. In a cluster, a server that was away may answer once more as if it still led the log.
SECOND_LOOK = 1.0

# What the library calls the stream behind the object store, and the subjects of its chunks.
STREAM = f"OBJ_{subjects.SNAPSHOT_BUCKET}"
CHUNKS = f"$O.{subjects.SNAPSHOT_BUCKET}.C."


class Snapshots:
    """Writes and finds snapshots."""

    def __init__(self, js: JetStream, event_log: EventLog, trimming: Trimming, replicas: int, world: World) -> None:
        self._js = js
        self._log = event_log
        self._trimming = trimming
        self._replicas = replicas
        self._monotonic = world.monotonic
        self._unnamed: set[str] = set()  # subjects of chunks that no snapshot named when the last one was taken
        self._newest = 0  # position of the newest one that is known of
        self.taken_at = 0.0  # monotonic seconds when that was taken, or found; 0 before there is one
        self.duration = 0.0  # seconds
        self.size = 0  # bytes

    async def take(self, log_id: str, core: Core) -> int:
        """Write the state as it is now, and release the log behind the older snapshot. Returns the position."""
        began = self._monotonic()
        name = Name.of(core)
        encoded = await encode(log_id, core.state)
        name = name._replace(needed=min(name.needed, encoded.needed))
        store = await self._open()
        await store.put(str(name), Pieces(encoded.pieces))
        found = await self._find_all(store)
        names = [Name.parse(info.name) for info in found]
        crowded = (await self._log.extent()).crowding > 0
        kept = retain(names, crowded)
        for info, one in zip(found, names, strict=True):
            if one not in kept.names:
                await self._delete(store, info.name)
        self._trimming.release(kept.needed)
        await self._sweep({info.nuid or "" for info in found})
        self._newest = name.position
        self.taken_at, self.size = self._monotonic(), sum(map(len, encoded.pieces))
        self.duration = self.taken_at - began
        facts = {"position": name.position, "bytes": self.size, "seconds": round(self.duration, 3)}
        log.info("snapshot taken", extra={"facts": facts})
        return name.position

    async def newest(self) -> int:
        """The position of the newest snapshot, whoever took it; 0 if there is none."""
        found = await self._find_all(await self._open())
        if not found:
            return 0
        position = Name.parse(found[-1].name).position
        if position > self._newest:
            self._newest, self.taken_at = position, self._monotonic()
        return position

    async def load(self, extent: Extent) -> tuple[State | None, State | None]:
        """The state to begin reading from, and the newer one to adopt on the way.

        (None, None): read the log from its beginning, if it still has it.
        """
        store = await self._open()
        found = await self._drop_strange(store, await self._find_all(store))
        if extent.first <= 1:
            return None, None
        newest = await self._first_good(store, found[::-1], extent)
        if newest is None:
            return None, None
        base = await self._first_good(store, found, extent)
        return base or newest, newest

    async def _drop_strange(self, store: ObjectStore, found: list[ObjectInfo]) -> list[ObjectInfo]:
        """Remove snapshots to which this log does not lead, since NATS has lost the end of the one that did."""
        if await self._strange(found):
            await asyncio.sleep(SECOND_LOOK)
        strange = await self._strange(found)
        for info in strange:
            log.error("snapshot %s is removed: NATS has lost the end of the log that led to it", info.name)
            await self._delete(store, info.name)
        return [info for info in found if info not in strange]

    async def _strange(self, found: list[ObjectInfo]) -> list[ObjectInfo]:
        last = (await self._log.extent()).last  # now, when they are there
        strange = []
        for info in found:
            name = Name.parse(info.name)
            there = await self._log.message(name.position)
            if name.position > last or (there is not None and int(there.time * 1000) > name.now):
                strange.append(info)
        return strange

    async def _first_good(self, store: ObjectStore, found: list[ObjectInfo], extent: Extent) -> State | None:
        for info in found:
            try:
                state = decode(extent.log_id, await self._read(store, info))
                if extent.first <= state.position + 1 <= extent.last + 1:
                    await self._fetch_kept(state)
                    return state
                log.warning("snapshot %s is skipped: the log does not continue from it", info.name)
            except TimeoutError:
                raise  # that says nothing about the snapshot, and without it all rooms would be gone
            except (BadSnapshot, NatsError) as error:
                log.error("snapshot %s is skipped: %s %s", info.name, type(error).__name__, error)
        return None

    async def _read(self, store: ObjectStore, info: ObjectInfo) -> bytes:
        if info.chunks != (await self._chunks()).get(f"{CHUNKS}{info.nuid}", 0):
            raise BadSnapshot("parts of it are missing")  # the library would wait for them for ever
        return (await store.get(info.name)).data or b""

    async def _fetch_kept(self, state: State) -> None:
        """Put back the words that wait. What the log has no more, an absent peer's place goes with."""
        for peer in state.peers.values():
            for kept in waiting_frames([peer]):
                if kept.digest:
                    kept.frame, kept.digest = await self._find(kept), b""
            peer.past = [kept for kept in peer.past if kept.frame or kept.is_blank]
            if not all(kept.frame for kept in peer.resent):
                peer.resent = ()  # better none than wrong ones
            if not all(kept.frame for kept in peer.kept.values()):
                log.error("what a peer missed is gone, so is its place", extra={"facts": {"peer": peer.peer_id}})
                peer.kept, peer.kept_bytes, peer.resumable = {}, 0, False

    async def _find(self, kept: Kept) -> bytes:
        stored = await self._log.message(kept.position)
        try:
            entries = unpack_batch(stored.data).entries if stored else []
        except Malformed:
            entries = []
        bodies = (entry.body for entry in entries if isinstance(entry, Said))
        return next((body for body in bodies if digest(body) == kept.digest), b"")

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
