"""Streams and stores of the simulated NATS server, as a process asks for them over its connection."""

from collections.abc import Callable
from typing import Any, Protocol

from nats.js.api import (
    AccountInfo,
    AccountLimits,
    APIStats,
    DiscardPolicy,
    KeyValueConfig,
    ObjectStoreConfig,
    PubAck,
    RawStreamMsg,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import BucketNotFoundError, NotFoundError

from shared.messaging.messaging import EXPECTED_LAST
from tests.sim.key_value import KeyValue
from tests.sim.object_store import ObjectStore
from tests.sim.server import Server


class Asker(Protocol):
    """A connection, as far as streams are concerned."""

    before_publishing: Callable[[str], None]

    def new_inbox(self) -> str:
        """A subject that nobody else has."""

    async def ask(self, timeout: float, question: Callable[[Server], Any]) -> Any:
        """Ask the server about streams. Raises NatsError, TimeoutError."""


class JetStream:
    """Streams and stores, over a connection."""

    def __init__(self, connection: Asker, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout

    async def ask(self, question: Callable[[Server], Any]) -> Any:
        return await self._connection.ask(self._timeout, question)

    async def account_info(self) -> AccountInfo:
        await self.ask(lambda _: None)
        return AccountInfo(0, 0, 0, 0, AccountLimits(0, 0, 0, 0, 0, 0, 0, False), APIStats(0, 0))

    async def publish(self, subject: str, payload: bytes, *, headers: dict[str, Any] | None = None) -> PubAck:
        self._connection.before_publishing(subject)
        end = int(headers[EXPECTED_LAST]) if headers else None
        ack: PubAck = await self.ask(lambda server: server.append(subject, payload, end=end))
        return ack

    async def stream_info(self, name: str, subjects_filter: str | None = None) -> StreamInfo:
        info: StreamInfo = await self.ask(lambda server: server.stream_info(name, subjects_filter))
        return info

    async def add_stream(self, config: StreamConfig) -> StreamInfo:
        info: StreamInfo = await self.ask(lambda server: server.add_stream(config))
        return info

    async def update_stream(self, config: StreamConfig) -> StreamInfo:
        info: StreamInfo = await self.ask(lambda server: server.update_stream(config))
        return info

    async def purge_stream(self, name: str, seq: int | None = None, subject: str | None = None) -> bool:
        done: bool = await self.ask(lambda server: server.purge_stream(name, seq, subject))
        return done

    async def get_msg(self, stream_name: str, seq: int | None = None, subject: str | None = None) -> RawStreamMsg:
        message: RawStreamMsg = await self.ask(lambda server: server.get_msg(stream_name, seq, subject))
        return message

    async def create_key_value(self, config: KeyValueConfig) -> KeyValue:
        stream = StreamConfig(
            name=f"KV_{config.bucket}",
            subjects=[f"$KV.{config.bucket}.>"],
            max_age=config.ttl,
            max_msgs_per_subject=1,
            discard=DiscardPolicy.NEW,
            storage=config.storage,
            num_replicas=config.replicas,
        )
        await self.add_stream(stream)
        return KeyValue(self.ask, config.bucket)

    async def key_value(self, bucket: str) -> KeyValue:
        try:
            await self.stream_info(f"KV_{bucket}")
        except NotFoundError:
            raise BucketNotFoundError from None
        return KeyValue(self.ask, bucket)

    async def create_object_store(self, bucket: str, config: ObjectStoreConfig) -> ObjectStore:
        stream = StreamConfig(
            name=f"OBJ_{bucket}",
            subjects=[f"$O.{bucket}.C.>", f"$O.{bucket}.M.>"],
            discard=DiscardPolicy.NEW,
            storage=config.storage,
            num_replicas=config.replicas,
        )
        await self.add_stream(stream)
        return ObjectStore(self, bucket, self._connection.new_inbox)

    async def object_store(self, bucket: str) -> ObjectStore:
        try:
            await self.stream_info(f"OBJ_{bucket}")
        except NotFoundError:
            raise BucketNotFoundError from None
        return ObjectStore(self, bucket, self._connection.new_inbox)
