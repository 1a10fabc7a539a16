"""What we use of NATS, and no more: anything that does this can stand in for it.

``shared.messaging.nats.Client`` does it over a real connection. Configurations, and what NATS says of its streams, are
the library's plain classes; so are the errors.
"""

import io
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from nats.js.api import (
    AccountInfo,
    KeyValueConfig,
    ObjectInfo,
    ObjectStoreConfig,
    PubAck,
    RawStreamMsg,
    StreamConfig,
    StreamInfo,
)

EXPECTED_LAST = "Nats-Expected-Last-Sequence"

OnMessage = Callable[[str, str, bytes], None]  # subject, reply and data


class Message(Protocol):
    """A message that came by itself. ``reply`` is where an answer goes; empty if nobody waits for one."""

    reply: str
    data: bytes

    async def respond(self, data: bytes) -> None:
        """Answer it."""


class Subscription(Protocol):
    """Messages that come in until there is an end to it."""

    async def unsubscribe(self) -> None:
        """Let no more come."""


class Value(Protocol):
    """A value in a bucket."""

    @property
    def value(self) -> bytes | None:
        """What was put."""

    @property
    def revision(self) -> int | None:
        """The change that put it."""


class KeyValue(Protocol):
    """A bucket of values by key. Each change has a revision, which is higher than all before it."""

    async def get(self, key: str) -> Value:
        """The newest value, or in a cluster one of a moment ago. Raises KeyNotFoundError."""

    async def create(self, key: str, value: bytes) -> int:
        """Put a value where there is none; returns the revision. Raises KeyWrongLastSequenceError."""

    async def update(self, key: str, value: bytes, *, last: int) -> int:
        """Replace the value of revision ``last``; returns the new one. Raises KeyWrongLastSequenceError."""

    async def delete(self, key: str, *, last: int) -> bool:
        """Remove the value of revision ``last``. Raises BadRequestError if it is not the newest."""


class Found(Protocol):
    """An object that was read."""

    data: bytes | None


class ObjectStore(Protocol):
    """Objects of any size, by name."""

    async def put(self, name: str, data: bytes | io.BufferedIOBase) -> ObjectInfo:
        """Write an object. What is read for it is read by another thread."""

    async def get(self, name: str) -> Found:
        """Read an object."""

    async def delete(self, name: str) -> object:
        """Remove an object."""

    async def list(self) -> list[ObjectInfo]:
        """All objects, removed ones included. Raises NotFoundError when there are none."""


class JetStream(Protocol):
    """Streams, and the stores that are made of them. All of it raises NatsError or TimeoutError."""

    async def account_info(self) -> AccountInfo:
        """Whether it answers at all."""

    async def publish(self, subject: str, payload: bytes, *, headers: dict[str, Any] | None = None) -> PubAck:
        """Append a message to the stream of its subject.

        With the header EXPECTED_LAST, only if that is the position of the stream's newest message: raises
        BadRequestError otherwise.
        """

    async def stream_info(self, name: str, subjects_filter: str | None = None) -> StreamInfo:
        """How a stream is set up, and what it holds."""

    async def add_stream(self, config: StreamConfig) -> StreamInfo:
        """Make a stream."""

    async def update_stream(self, config: StreamConfig) -> StreamInfo:
        """Change how a stream is set up."""

    async def purge_stream(self, name: str, seq: int | None = None, subject: str | None = None) -> bool:
        """Remove what lies before position ``seq``, or what is of one ``subject``."""

    async def get_msg(self, stream_name: str, seq: int | None = None, subject: str | None = None) -> RawStreamMsg:
        """The message at a position, or the newest one of a ``subject``. Raises NotFoundError."""

    async def create_key_value(self, config: KeyValueConfig) -> KeyValue:
        """Make a bucket. Raises BadRequestError if it exists and is set up differently."""

    async def key_value(self, bucket: str) -> KeyValue:
        """The bucket of a name."""

    async def create_object_store(self, bucket: str, config: ObjectStoreConfig) -> ObjectStore:
        """Make an object store. Raises BadRequestError if it exists and is set up differently."""

    async def object_store(self, bucket: str) -> ObjectStore:
        """The object store of a name."""


class Messaging(Protocol):
    """A connection to NATS, which connects again by itself."""

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""

    @property
    def is_closed(self) -> bool:
        """Whether there will never be one again."""

    def new_inbox(self) -> str:
        """A subject that nobody else has."""

    def publish_now(self, subject: str, data: bytes, reply: str = "", header: bytes = b"") -> None:
        """Publish without waiting. ``header`` is as it goes over the wire, or empty. Raises NatsError."""

    async def request(self, subject: str, payload: bytes, timeout: float) -> Message:
        """Publish, and wait for the answer. Raises TimeoutError; NoRespondersError if nobody listens."""

    async def subscribe(self, subject: str, *, cb: Callable[[Message], Awaitable[None]]) -> Subscription:
        """Call ``cb`` for each message, one after the other."""

    async def subscribe_straight(self, subject: str, on_message: OnMessage) -> Subscription:
        """Call ``on_message`` for each message as it comes in."""

    async def read_straight(self, stream: str, after: int, on_message: OnMessage, heartbeat: float) -> Subscription:
        """The same for the messages of a stream behind position ``after``, in order and without a gap."""

    def jetstream(self, *, timeout: float) -> JetStream:
        """Streams and stores; each question waits ``timeout`` seconds for its answer."""

    async def close(self) -> None:
        """End it for good."""
