"""A process's connection to the simulated NATS server: it does what ``shared.messaging.nats.Client`` does."""

import asyncio
import base64
import dataclasses
import functools
import hashlib
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

from nats.errors import ConnectionClosedError, NoRespondersError, OutboundBufferLimitError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import (
    AccountInfo,
    AccountLimits,
    APIStats,
    DiscardPolicy,
    KeyValueConfig,
    ObjectInfo,
    ObjectStoreConfig,
    PubAck,
    RawStreamMsg,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import (
    BadRequestError,
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NotFoundError,
)

from shared.messaging.messaging import EXPECTED_LAST, OnMessage
from tests.sim.loop import Loop
from tests.sim.server import Server
from tests.sim.stream import WRONG_SEQUENCE
from tests.sim.wire import Wire

LATENCY = 0.0003  # seconds
RETRY = 0.2  # seconds between attempts to connect
CHUNK = 128 * 1024
MOST_PENDING = 16 * 1024 * 1024
NOTICED = (10.0, 15.0)  # seconds until a connection that carries nothing is given up

Infos = list[ObjectInfo]
OnReconnect = Callable[[], Awaitable[None]]


@dataclasses.dataclass
class Message:
    """One that came by itself."""

    connection: "Connection"
    subject: str
    reply: str
    data: bytes

    async def respond(self, data: bytes) -> None:
        self.connection.publish_now(self.reply, data)


class Subscription:
    """What comes in on a subject, or from a stream behind position ``after``."""

    def __init__(self, connection: "Connection", sid: int, subject: str, on_message: OnMessage) -> None:
        self.connection = connection
        self.sid = sid
        self.subject = subject
        self.on_message = on_message
        self.stream = ""
        self.after = 0

    async def unsubscribe(self) -> None:
        if self.connection.is_closed:
            raise ConnectionClosedError
        self.connection.forget(self)


class Session:
    """One TCP connection, from its making to its loss."""

    def __init__(self, connection: "Connection", server: Server) -> None:
        self.who = connection.who
        self._connection = connection
        universe = server.universe
        self.up: Wire[Callable[[], None]] = Wire(universe, LATENCY, lambda step: step())
        self.down: Wire[tuple[Any, ...]] = Wire(universe, LATENCY, self._arrive)

    def deliver(self, sid: int, subject: str, reply: str, data: bytes) -> None:
        self.down.send((self._connection.hear, sid, subject, reply, data))

    def answer(self, number: int, result: Any) -> None:
        self.down.send((self._connection.learn, number, result))

    def lose(self) -> None:
        self._connection.lose(self)

    def _arrive(self, item: tuple[Any, ...]) -> None:
        self._connection.loop.call_soon(*item)


class Connection:
    """To be made on the loop of its process."""

    def __init__(
        self,
        loop: Loop,
        server: Server,
        who: str,
        on_reconnect: OnReconnect | None = None,
        on_disconnect: Callable[[], None] = lambda: None,
    ) -> None:
        self.loop = loop
        self.who = who
        self.before_publishing: Callable[[str], None] = lambda _: None
        self._server = server
        self._chance = server.universe.chance
        self._on_reconnect = on_reconnect
        self._on_disconnect = on_disconnect
        self._session: Session | None = None
        self._subscriptions: dict[int, Subscription] = {}
        self._questions: dict[int, asyncio.Future[Any]] = {}
        self._pending: list[Callable[[Session], None]] = []
        self._pending_bytes = 0
        self._numbers = 0
        self._was_connected = False
        self.is_closed = False

    @property
    def is_connected(self) -> bool:
        return self._session is not None

    def connect(self) -> None:
        """Connect, as soon as the server can be reached."""
        if self.is_closed or self._session is not None:
            return
        if not self._server.up:
            self.loop.call_later(RETRY, self.connect)
            return
        session = self._session = Session(self, self._server)
        session.up.send(functools.partial(self._server.welcome, session))
        for subscription in self._subscriptions.values():
            self._announce(subscription)
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        for say in pending:
            say(session)
        if self._was_connected and self._on_reconnect is not None:
            self.loop.create_task(self._on_reconnect())
        self._was_connected = True

    def lose(self, session: Session | None = None) -> None:
        """The connection breaks; what is on its way is lost. The process connects again."""
        broken = session or self._session
        if broken is None:
            return
        broken.up.cut()
        broken.down.cut()
        self._server.part(broken)
        if broken is self._session:
            self._session = None
            self.loop.call_soon(self._on_disconnect)
            self.loop.call_later(self._chance.uniform(0, RETRY), self.connect)

    def cut(self) -> None:
        """The process is dead."""
        self.is_closed = True
        self.lose()

    def partition(self, seconds: float, there: bool, back: bool) -> None:
        """Nothing gets there, or back, for so long; after some time the connection is given up."""
        session = self._session
        if session is None:
            return
        if there:
            session.up.stall(seconds)
        if back:
            session.down.stall(seconds)
        noticed = self._chance.uniform(*NOTICED)
        if seconds > noticed:
            self._server.universe.after(noticed, lambda: self.lose(session))

    # Messaging

    def new_inbox(self) -> str:
        return f"_INBOX.{self._chance.getrandbits(64):016x}"

    def publish_now(self, subject: str, data: bytes, reply: str = "", header: bytes = b"") -> None:
        if self.is_closed:
            raise ConnectionClosedError
        if self._pending_bytes + len(data) > MOST_PENDING:
            raise OutboundBufferLimitError
        self.before_publishing(subject)
        msg_id = header.split(b"Nats-Msg-Id: ")[1].split(b"\r\n")[0].decode() if b"Nats-Msg-Id: " in header else ""
        server = self._server
        self._say(
            lambda session: session.up.send(functools.partial(server.publish, session, subject, data, reply, msg_id)),
            len(data),
        )

    async def request(self, subject: str, payload: bytes, timeout: float) -> Message:
        answered: asyncio.Future[tuple[str, str, bytes]] = self.loop.create_future()
        inbox = await self.subscribe_straight(self.new_inbox(), lambda *message: _resolve(answered, message))
        try:
            self.publish_now(subject, payload, inbox.subject)
            message = Message(self, *await _in_time(answered, timeout))
            if not message.data:
                raise NoRespondersError
            return message
        finally:
            self.forget(inbox)

    async def subscribe(self, subject: str, *, cb: Callable[[Message], Awaitable[None]]) -> Subscription:
        waiting: asyncio.Queue[Message] = asyncio.Queue()

        async def work() -> None:
            while not self.is_closed:
                try:
                    await cb(await waiting.get())
                except Exception as error:  # the library reports it, and goes on
                    self.loop.call_exception_handler({"message": "callback", "exception": error})

        self.loop.create_task(work())
        return await self.subscribe_straight(subject, lambda *message: waiting.put_nowait(Message(self, *message)))

    async def subscribe_straight(self, subject: str, on_message: OnMessage) -> Subscription:
        if self.is_closed:
            raise ConnectionClosedError
        self._numbers += 1
        subscription = self._subscriptions[self._numbers] = Subscription(self, self._numbers, subject, on_message)
        self._announce(subscription)
        return subscription

    async def read_straight(self, stream: str, after: int, on_message: OnMessage, heartbeat: float) -> Subscription:
        self._numbers += 1
        subscription = Subscription(self, self._numbers, "", on_message)
        subscription.stream, subscription.after = stream, after
        self._subscriptions[self._numbers] = subscription
        try:
            await self._consume(subscription, 2.0)
        except BaseException:
            self.forget(subscription)
            raise
        self.loop.call_later(3 * heartbeat, self._look_after, subscription, 3 * heartbeat)
        return subscription

    def jetstream(self, *, timeout: float) -> "JetStream":
        return JetStream(self, timeout)

    async def close(self) -> None:
        if not self.is_closed:
            await asyncio.sleep(10 * LATENCY)  # what is on its way gets there
        self.cut()

    # what comes in

    def hear(self, sid: int, subject: str, reply: str, data: bytes) -> None:
        """A message for a subscription."""
        subscription = self._subscriptions.get(sid)
        if subscription is None:
            return
        if subscription.stream:
            position = int(reply.split(".")[5])
            if position <= subscription.after:
                return
            subscription.after = position
        try:
            subscription.on_message(subject, reply, data)
        except Exception as error:
            self.loop.call_exception_handler({"message": "straight callback", "exception": error})

    def learn(self, number: int, result: Any) -> None:
        """An answer."""
        if (question := self._questions.pop(number, None)) is not None:
            _resolve(question, result)

    def forget(self, subscription: Subscription) -> None:
        """Let no more come for a subscription."""
        if self._subscriptions.pop(subscription.sid, None) is not None and (session := self._session) is not None:
            session.up.send(
                functools.partial(self._server.unsubscribe, session, subscription.sid, subscription.subject)
            )

    async def ask(self, timeout: float, question: Callable[[Server], Any]) -> Any:
        """Ask the server about streams. Raises NatsError, TimeoutError."""
        if self.is_closed:
            raise ConnectionClosedError
        self._numbers += 1
        number = self._numbers
        answer = self._questions[number] = self.loop.create_future()
        server = self._server
        self._say(lambda session: session.up.send(functools.partial(server.ask, session, number, question)), 0)
        try:
            result = await _in_time(answer, timeout)
        finally:
            self._questions.pop(number, None)
        if isinstance(result, Exception):
            raise result
        return result

    def _say(self, say: Callable[[Session], None], size: int) -> None:
        if self._session is not None:
            say(self._session)
        else:
            self._pending.append(say)
            self._pending_bytes += size

    def _announce(self, subscription: Subscription) -> None:
        if (session := self._session) is not None and not subscription.stream:
            session.up.send(functools.partial(self._server.subscribe, session, subscription.sid, subscription.subject))

    async def _consume(self, subscription: Subscription, timeout: float) -> None:
        def question(server: Server) -> None:
            if self._session is not None:
                server.consume(self._session, subscription.sid, subscription.stream, subscription.after)

        await self.ask(timeout, question)

    def _look_after(self, subscription: Subscription, interval: float) -> None:
        """The library notices within some time that a consumer is gone, and makes another one."""
        if self.is_closed or subscription.sid not in self._subscriptions:
            return
        if self._session is not None and not self._server.has_consumer(self._session, subscription.sid):
            self.loop.create_task(self._consume_again(subscription))
        self.loop.call_later(interval, self._look_after, subscription, interval)

    async def _consume_again(self, subscription: Subscription) -> None:
        try:
            await self._consume(subscription, 2.0)
        except (NatsError, TimeoutError):
            return  # until the next look


class JetStream:
    """Streams and stores, over a connection."""

    def __init__(self, connection: Connection, timeout: float) -> None:
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

    async def create_key_value(self, config: KeyValueConfig) -> "KeyValue":
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
        return KeyValue(self, config.bucket)

    async def key_value(self, bucket: str) -> "KeyValue":
        try:
            await self.stream_info(f"KV_{bucket}")
        except NotFoundError:
            raise BucketNotFoundError from None
        return KeyValue(self, bucket)

    async def create_object_store(self, bucket: str, config: ObjectStoreConfig) -> "ObjectStore":
        stream = StreamConfig(
            name=f"OBJ_{bucket}",
            subjects=[f"$O.{bucket}.C.>", f"$O.{bucket}.M.>"],
            discard=DiscardPolicy.NEW,
            storage=config.storage,
            num_replicas=config.replicas,
        )
        await self.add_stream(stream)
        return ObjectStore(self, bucket, self._connection.new_inbox)

    async def object_store(self, bucket: str) -> "ObjectStore":
        try:
            await self.stream_info(f"OBJ_{bucket}")
        except NotFoundError:
            raise BucketNotFoundError from None
        return ObjectStore(self, bucket, self._connection.new_inbox)


@dataclasses.dataclass
class Value:
    """What a key holds."""

    value: bytes | None
    revision: int | None


class KeyValue:
    """A bucket."""

    def __init__(self, js: JetStream, bucket: str) -> None:
        self._js = js
        self._prefix = f"$KV.{bucket}."
        self._stream = f"KV_{bucket}"

    async def get(self, key: str) -> Value:
        found: Value | None = await self._js.ask(lambda server: self._newest(server, key))
        if found is None:
            raise KeyNotFoundError
        return found

    async def create(self, key: str, value: bytes) -> int:
        try:
            return await self._put(key, value, 0)
        except KeyWrongLastSequenceError:
            deleted = await self._js.ask(lambda server: self._mark(server, key))
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
        ack: PubAck = await self._js.ask(lambda server: server.append(self._prefix + key, value, last, deleted))
        return ack.seq


@dataclasses.dataclass
class Found:
    """An object that was read."""

    data: bytes | None


class ObjectStore:
    """A store of objects: parts of them, and then what names the parts."""

    def __init__(self, js: JetStream, bucket: str, new_nuid: Callable[[], str]) -> None:
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


async def _in_time(future: "asyncio.Future[Any]", timeout: float) -> Any:
    try:
        async with asyncio.timeout(timeout):
            return await future
    except TimeoutError:
        raise NatsTimeoutError from None


def _resolve(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)
