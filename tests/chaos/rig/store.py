"""What NATS keeps, seen and changed from outside: the log and the snapshots."""

import asyncio
from types import TracebackType

import msgpack
import nats
from nats.js.errors import NotFoundError

from shared.envelopes import subjects
from tests.system.rig.harness import System


class Store:
    """``async with Store(system)``."""

    def __init__(self, system: System) -> None:
        self._url = f"nats://127.0.0.1:{system.nats_port}"

    async def __aenter__(self) -> "Store":
        self._nc = await nats.connect(self._url)
        self._js = self._nc.jetstream()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._nc.close()

    async def last(self) -> int:
        """The newest position of the log."""
        return (await self._js.stream_info(subjects.EVENT_STREAM)).state.last_seq

    async def size(self) -> int:
        """Bytes of the log."""
        return (await self._js.stream_info(subjects.EVENT_STREAM)).state.bytes

    async def messages(self) -> int:
        """Messages of which the snapshots consist, and what is left of former ones."""
        return (await self._js.stream_info(f"OBJ_{subjects.SNAPSHOT_BUCKET}")).state.messages

    async def snapshots(self) -> list[str]:
        """The names of the snapshots, oldest first."""
        try:
            bucket = await self._js.object_store(subjects.SNAPSHOT_BUCKET)
            return sorted(info.name for info in await bucket.list() if not info.deleted)
        except NotFoundError:
            return []

    async def read(self, name: str) -> bytes:
        bucket = await self._js.object_store(subjects.SNAPSHOT_BUCKET)
        return (await bucket.get(name)).data or b""

    async def write(self, name: str, data: bytes) -> None:
        bucket = await self._js.object_store(subjects.SNAPSHOT_BUCKET)
        await bucket.put(name, data)

    async def delete(self, name: str) -> None:
        bucket = await self._js.object_store(subjects.SNAPSHOT_BUCKET)
        await bucket.delete(name)

    async def cut(self, position: int) -> None:
        """Take all of the log up to a position away."""
        await self._js.purge_stream(subjects.EVENT_STREAM, seq=position + 1)

    async def snapshot_of_all(self) -> int:
        """Wait until a snapshot has everything that is in the log; returns its position."""
        async with asyncio.timeout(10):
            while not (names := await self.snapshots()) or position(names[-1]) < await self.last():
                await asyncio.sleep(0.05)
        return position(names[-1])


def position(name: str) -> int:
    """The log position that a snapshot of this name stands for."""
    return int(name.split("-")[1])


def of_format(snapshot: bytes, number: int) -> bytes:
    """The same snapshot, as a broker of another release might write it."""
    _, *rest = msgpack.unpackb(snapshot, strict_map_key=False)
    packed: bytes = msgpack.packb([number, *rest])
    return packed
