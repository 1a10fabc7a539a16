"""An object store on a stream of the simulated NATS server."""

import asyncio
import base64
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any, Protocol

from nats.js.api import ObjectInfo, PubAck
from nats.js.errors import NotFoundError

from tests.sim.server import Server

CHUNK = 128 * 1024
Infos = list[ObjectInfo]


class Streams(Protocol):
    """Where parts of objects are stored."""

    async def ask(self, question: Callable[[Server], Any]) -> Any:
        """Ask the server. Raises NatsError, TimeoutError."""

    async def publish(self, subject: str, payload: bytes) -> PubAck:
        """Store a message."""

    async def purge_stream(self, name: str, seq: int | None = None, subject: str | None = None) -> bool:
        """Remove messages."""


@dataclasses.dataclass
class Found:
    """An object that was read."""

    data: bytes | None


class ObjectStore:
    """A store of objects: parts of them, and then what names the parts."""

    def __init__(self, js: Streams, bucket: str, new_nuid: Callable[[], str]) -> None:
        self._js = js
        self._bucket = bucket
        self._stream = f"OBJ_{bucket}"
        self._new_nuid = new_nuid

    async def put(self, name: str, data: bytes | io.BufferedIOBase) -> ObjectInfo:
        data = data if isinstance(data, bytes) else _read(data)
        nuid = self._new_nuid().rpartition(".")[2]
        old = await self._find(name)
        chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
        for chunk in chunks:
            await self._js.publish(self._chunks(nuid), chunk)
        digest = "SHA-256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
        info = ObjectInfo(name, self._bucket, nuid, len(data), "", len(chunks), digest)
        await self._name(info)
        if old is not None and not old.deleted:
            await self._js.purge_stream(self._stream, subject=self._chunks(old.nuid))
        return info

    async def get(self, name: str) -> Found:
        info = await self._find(name)
        if info is None or info.deleted:
            raise NotFoundError
        subject = self._chunks(info.nuid)
        parts: list[bytes] = await self._js.ask(
            lambda server: [
                stored.data for stored in server.stream(self._stream).messages.values() if stored.subject == subject
            ]
        )
        if len(parts) < (info.chunks or 0):
            await asyncio.get_running_loop().create_future()  # the library waits for ever
        return Found(b"".join(parts))

    async def delete(self, name: str) -> object:
        info = await self._find(name)
        if info is None:
            raise NotFoundError
        subject = self._chunks(info.nuid)
        await self._name(dataclasses.replace(info, deleted=True, size=0, chunks=0, digest=""))
        await self._js.purge_stream(self._stream, subject=subject)
        return None

    async def list(self) -> Infos:
        found = await self._infos()
        if not found:
            raise NotFoundError
        return found

    async def _find(self, name: str) -> ObjectInfo | None:
        return next((info for info in await self._infos() if info.name == name), None)

    async def _infos(self) -> Infos:
        marks = f"$O.{self._bucket}.M."

        def question(server: Server) -> Infos:
            newest = {
                stored.subject: stored.data
                for stored in server.stream(self._stream).messages.values()
                if stored.subject.startswith(marks)
            }
            return [ObjectInfo(**json.loads(data)) for data in newest.values()]

        infos: Infos = await self._js.ask(question)
        return infos

    async def _name(self, info: ObjectInfo) -> None:
        mark = f"$O.{self._bucket}.M.{base64.urlsafe_b64encode(info.name.encode()).decode()}"

        def question(server: Server) -> None:
            server.stream(self._stream).purge(None, mark)
            server.append(mark, json.dumps(dataclasses.asdict(info)).encode())

        await self._js.ask(question)

    def _chunks(self, nuid: str) -> str:
        return f"$O.{self._bucket}.C.{nuid}"


def _read(file: io.BufferedIOBase) -> bytes:
    chunk, read = bytearray(CHUNK), b""
    while count := file.readinto(chunk):
        read += chunk[:count]
    return read
