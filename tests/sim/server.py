"""A simulated NATS server, or a cluster of them seen from outside, and all that can happen to it."""

import dataclasses
import functools
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from nats.errors import Error as NatsError
from nats.js.api import PubAck, RawStreamMsg, StreamConfig, StreamInfo
from nats.js.errors import (
    APIError,
    BadRequestError,
    NoStreamResponseError,
    NotFoundError,
    ServerError,
    ServiceUnavailableError,
)

from tests.sim.stream import Stored, Stream, matches
from tests.sim.universe import Universe

EPOCH = 1_700_000_000.0  # seconds; when a simulation begins
SPACE = 1 << 40  # bytes that streams may ask for in all
MAX_PAYLOAD = 1024 * 1024

Ask = Callable[[], Any]
OnMessage = Callable[[str, str, bytes], None]

_encode = msgspec.json.Encoder().encode


class Listener(Protocol):
    """A connection, as the server sees it."""

    who: str

    def deliver(self, sid: int, subject: str, reply: str, data: bytes) -> None:
        """Send a message to a subscription."""

    def answer(self, number: int, result: Any) -> None:
        """Send what became of a question: a result, or an error."""

    def lose(self) -> None:
        """The connection is gone."""


@dataclasses.dataclass(eq=False)
class Consumer:
    """Hands a stream's messages on as they come, in order. ``stalled_until``: it sends nothing until then."""

    stream: str
    listener: Listener
    sid: int
    after: int
    delivered: int = 0
    stalled_until: float = 0.0


class Server:
    """``up`` says whether it runs; ``electing_until`` when it will again know who leads its streams.

    ``slow`` is how many seconds it takes to store something. ``swallow`` is asked of each message that is to be
    delivered whether it is lost on the way; acknowledgements have the listener's name as subject.
    """

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self.up = True
        self.skew = 0.0  # seconds by which its clock is off
        self.electing_until = 0.0
        self.slow = 0.0
        self.damaged = False  # a snapshot that was whole is not any more
        self.swallow: Callable[[str], bool] = lambda _: False
        self.on_stored: Callable[[Stream, int, Stored], None] = lambda *_: None
        self.on_lost: Callable[[Stream], None] = lambda _: None
        self.on_trimmed: Callable[[Stream], None] = lambda _: None
        self.on_published: Callable[[str, str, bytes], None] = lambda *_: None
        self.streams: dict[str, Stream] = {}
        self.listeners: list[Listener] = []
        self.consumers: list[Consumer] = []
        self._subscriptions: dict[str, dict[tuple[Listener, int], None]] = {}
        self._patterns: dict[tuple[str, Listener, int], None] = {}
        self._heard: dict[str, list[tuple[Listener, int]]] = {}  # who listens to a subject by a pattern
        self._names: dict[str, str] = {}  # of the stream that takes a subject; empty if none does
        self._held: deque[Ask] = deque()  # what waits for slow storage, in order

    @property
    def now(self) -> float:
        """What time it is by its clock, in seconds since the epoch."""
        return EPOCH + self.universe.time + self.skew

    # connections

    def welcome(self, listener: Listener) -> None:
        self.listeners.append(listener)

    def part(self, listener: Listener) -> None:
        """A connection has ended; so have its subscriptions."""
        if listener in self.listeners:
            self.listeners.remove(listener)
        for subscribers in self._subscriptions.values():
            for key in [key for key in subscribers if key[0] is listener]:
                del subscribers[key]
        self._patterns = {key: None for key in self._patterns if key[1] is not listener}
        self._heard.clear()
        self.consumers = [consumer for consumer in self.consumers if consumer.listener is not listener]

    def subscribe(self, listener: Listener, sid: int, subject: str) -> None:
        if "*" in subject or ">" in subject:
            self._patterns[subject, listener, sid] = None
            self._heard.clear()
        else:
            self._subscriptions.setdefault(subject, {})[listener, sid] = None

    def unsubscribe(self, listener: Listener, sid: int, subject: str) -> None:
        if (subject, listener, sid) in self._patterns:
            del self._patterns[subject, listener, sid]
            self._heard.clear()
        if (there := self._subscriptions.get(subject)) is not None:
            there.pop((listener, sid), None)
            if not there:
                del self._subscriptions[subject]
        self.consumers = [one for one in self.consumers if (one.listener, one.sid) != (listener, sid)]

    def publish(self, listener: Listener, subject: str, data: bytes, reply: str, msg_id: str) -> None:
        """A message has come in: to be stored, handed on, or both."""
        if len(data) > MAX_PAYLOAD:
            listener.lose()
            return
        self.on_published(listener.who, subject, data)
        if (stream := self._stream_of(subject)) is not None:
            if self._leads():
                self._in_time(self._store_and_tell, listener, stream.name, subject, data, reply, msg_id)
        elif not self._route(subject, reply, data) and reply:
            self._route(reply, "", b"")

    def _store_and_tell(
        self, listener: Listener, name: str, subject: str, data: bytes, reply: str, msg_id: str
    ) -> None:
        answer: dict[str, Any]
        try:
            position, again = self.store(name, subject, data, msg_id)
            answer = {"stream": name, "seq": position, **({"duplicate": True} if again else {})}
        except APIError as error:
            answer = {"error": {"code": error.code, "err_code": error.err_code}}
        if reply and not self.swallow(f"ack to {listener.who}"):
            self._route(reply, "", _encode(answer))

    def _route(self, subject: str, reply: str, data: bytes) -> bool:
        """Hand a message on; returns whether somebody listens."""
        there = [*self._subscriptions.get(subject, ()), *self._hear(subject)]
        for listener, sid in there:
            if not self.swallow(subject):
                listener.deliver(sid, subject, reply, data)
        return bool(there)

    def _hear(self, subject: str) -> list[tuple[Listener, int]]:
        """Who listens by a pattern."""
        if (known := self._heard.get(subject)) is None:
            known = [(listener, sid) for pattern, listener, sid in self._patterns if matches(pattern, subject)]
            self._heard[subject] = known
        return known

    # streams: what a question asks for. Each raises APIError.

    def ask(self, listener: Listener, number: int, question: Callable[["Server"], Any]) -> None:
        """Answer a question about streams, if anybody leads them."""
        if self._leads():
            self._in_time(self._answer, listener, number, question)
        elif self.universe.chance.random() < 0.3:
            listener.answer(number, ServiceUnavailableError(code=503, description="no responders"))

    def _answer(self, listener: Listener, number: int, question: Callable[["Server"], Any]) -> None:
        try:
            result = question(self)
        except NatsError as error:
            result = error
        if not self.swallow(f"answer to {listener.who}"):
            listener.answer(number, result)

    def stream(self, name: str) -> Stream:
        stream = self.streams.get(name)
        if stream is None:
            raise NotFoundError(code=404, err_code=10059, description="stream not found")
        stream.expire(self.now)
        return stream

    def add_stream(self, config: StreamConfig) -> StreamInfo:
        """Make it; one that is there already must be set up in the same way."""
        name = config.name or ""
        known = self.streams.get(name)
        if known is not None and known.config != config:
            raise BadRequestError(code=400, err_code=10058, description="stream name already in use")
        if (config.max_bytes or 0) > SPACE:
            raise ServerError(code=500, err_code=10047, description="insufficient storage resources available")
        if known is None:
            self.streams[name] = Stream(config)
            self._names.clear()
        return self.streams[name].info()

    def update_stream(self, config: StreamConfig) -> StreamInfo:
        self.stream(config.name or "").config = config
        self._names.clear()
        return self.stream_info(config.name or "")

    def stream_info(self, name: str, subjects_filter: str | None = None) -> StreamInfo:
        return self.stream(name).info(subjects_filter)

    def purge_stream(self, name: str, seq: int | None, subject: str | None) -> bool:
        self.stream(name).purge(seq, subject)
        self.on_trimmed(self.stream(name))
        return True

    def get_msg(self, name: str, seq: int | None, subject: str | None = None) -> RawStreamMsg:
        stream = self.stream(name)
        return stream.get(seq or stream.last_of(subject or ""))

    def append(
        self, subject: str, data: bytes, last: int | None = None, deleted: bool = False, end: int | None = None
    ) -> PubAck:
        """Store a message in the stream of its subject."""
        if (stream := self._stream_of(subject)) is None:
            raise NoStreamResponseError
        position, _ = self.store(stream.name, subject, data, "", last, deleted, end)
        return PubAck(stream.name, position)

    def store(
        self,
        name: str,
        subject: str,
        data: bytes,
        msg_id: str = "",
        last: int | None = None,
        deleted: bool = False,
        end: int | None = None,
    ) -> tuple[int, bool]:
        """Store a message, and let consumers have it; returns its position, and whether it was there already."""
        stream = self.stream(name)
        position, again = stream.append(subject, data, self.now, msg_id, last, deleted, end)
        if not again:
            self.on_stored(stream, position, stream.messages[position])
            for consumer in self.consumers:
                if consumer.stream == name:
                    self.serve(consumer)
        return position, again

    # consumers

    def consume(self, listener: Listener, sid: int, name: str, after: int) -> None:
        """Make a consumer of what comes behind a position."""
        self.stream(name)
        self.consumers = [one for one in self.consumers if (one.listener, one.sid) != (listener, sid)]
        self.consumers.append(Consumer(name, listener, sid, after))
        self.serve(self.consumers[-1])

    def has_consumer(self, listener: Listener, sid: int) -> bool:
        return any(one.listener is listener and one.sid == sid for one in self.consumers)

    def serve(self, consumer: Consumer) -> None:
        """Hand over what it has not handed over yet."""
        if self.universe.time < consumer.stalled_until:
            return
        stream = self.streams.get(consumer.stream)
        for position, stored in list(stream.after(consumer.after)) if stream else ():
            consumer.after = position
            consumer.delivered += 1
            behind = stream.last - position if stream else 0
            reply = f"$JS.ACK.{consumer.stream}.c.1.{position}.{consumer.delivered}.{stored.time * 1000}.{behind}"
            consumer.listener.deliver(consumer.sid, stored.subject, reply, stored.data)

    def stall(self, consumer: Consumer, seconds: float) -> None:
        """Let a consumer send nothing for so long."""
        consumer.stalled_until = self.universe.time + seconds
        self.universe.at(consumer.stalled_until, lambda: self.serve(consumer) if consumer in self.consumers else None)

    # faults

    def die(self) -> None:
        """``kill -9``: connections are gone, streams are not."""
        self.up = False
        self._held.clear()
        for listener in list(self.listeners):
            listener.lose()
        self._subscriptions.clear()
        self._patterns.clear()
        self._heard.clear()
        self.consumers.clear()

    def start(self, lost: Callable[[Stream], int] = lambda _: 0) -> None:
        """Come up again; after a power cut, ``lost`` is how many messages at the end of a stream the disk never got."""
        self.up = True
        for stream in self.streams.values():
            count = lost(stream)
            stream.recover(max(stream.first - 1, stream.last - count))
            if count:
                self.on_lost(stream)

    def elect(self, seconds: float) -> None:
        """The server that led the streams is gone: for so long nobody does, and consumers on it are gone."""
        self.electing_until = self.universe.time + seconds
        self._held.clear()
        self.consumers.clear()

    def _leads(self) -> bool:
        return self.universe.time >= self.electing_until

    def _in_time(self, step: Callable[..., None], *args: Any) -> None:
        """Do something with streams: at once, or when slow storage allows it; never before what was asked earlier."""
        if not self.slow and not self._held:
            step(*args)
            return
        self._held.append(functools.partial(step, *args))
        self.universe.after(self.slow, self._next_held)

    def _next_held(self) -> None:
        if self._held:
            self._held.popleft()()

    def _stream_of(self, subject: str) -> Stream | None:
        if (name := self._names.get(subject)) is None:
            name = next((stream.name for stream in self.streams.values() if stream.takes(subject)), "")
            self._names[subject] = name
        return self.streams.get(name)
