"""A key-value store on a stream of the simulated NATS server."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

from nats.js.api import PubAck
from nats.js.errors import BadRequestError, KeyNotFoundError, KeyWrongLastSequenceError

from tests.sim.server import Server
from tests.sim.stream import WRONG_SEQUENCE

Ask = Callable[[Callable[[Server], Any]], Awaitable[Any]]


@dataclasses.dataclass
class Value:
    """What a key holds."""

    value: bytes | None
    revision: int | None


class KeyValue:
    """A bucket."""

    def __init__(self, ask: Ask, bucket: str) -> None:
        self._ask = ask
        self._prefix = f"$KV.{bucket}."
        self._stream = f"KV_{bucket}"

    async def get(self, key: str) -> Value:
        found: Value | None = await self._ask(lambda server: self._newest(server, key))
        if found is None:
            raise KeyNotFoundError
        return found

    async def create(self, key: str, value: bytes) -> int:
        try:
            return await self._put(key, value, 0)
        except KeyWrongLastSequenceError:
            deleted = await self._ask(lambda server: self._mark(server, key))
            if not deleted:
                raise
            return await self._put(key, value, deleted)

    async def update(self, key: str, value: bytes, *, last: int) -> int:
        return await self._put(key, value, last)

    async def delete(self, key: str, *, last: int) -> bool:
        await self._append(key, b"", last, deleted=True)  # here the library does not say what it means
        return True

    def _newest(self, server: Server, key: str) -> Value | None:
        """What a key holds, unless it was deleted or never written, or the bucket is gone."""
        if self._stream not in server.streams:
            return None
        stream = server.stream(self._stream)
        position = stream.last_of(self._prefix + key)
        stored = stream.messages.get(position)
        return Value(stored.data, position) if stored is not None and not stored.deleted else None

    def _mark(self, server: Server, key: str) -> int:
        """The position at which a key was deleted; 0 if it was not."""
        stream = server.stream(self._stream)
        position = stream.last_of(self._prefix + key)
        return position if position and stream.messages[position].deleted else 0

    async def _put(self, key: str, value: bytes, last: int) -> int:
        try:
            return await self._append(key, value, last)
        except BadRequestError as error:
            if error.err_code == WRONG_SEQUENCE:
                raise KeyWrongLastSequenceError(description=error.description) from None
            raise

    async def _append(self, key: str, value: bytes, last: int, deleted: bool = False) -> int:
        ack: PubAck = await self._ask(lambda server: server.append(self._prefix + key, value, last, deleted))
        return ack.seq
