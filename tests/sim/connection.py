"""A process's connection to the simulated NATS server: it does what ``shared.messaging.nats.Client`` does."""

import asyncio
import dataclasses
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from nats.errors import ConnectionClosedError, NoRespondersError, OutboundBufferLimitError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError

from shared.messaging.messaging import OnMessage
from tests.sim.jetstream import JetStream
from tests.sim.loop import Loop
from tests.sim.server import Server
from tests.sim.wire import Wire

LATENCY = 0.0003  # seconds
RETRY = 0.2  # seconds between attempts to connect
MOST_PENDING = 16 * 1024 * 1024
NOTICED = (10.0, 15.0)  # seconds until a connection that carries nothing is given up

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
        self.up: Wire[Callable[[], None]] = Wire(universe, LATENCY, _do)
        self.down: Wire[tuple[Any, ...]] = Wire(universe, LATENCY, self._arrive)

    def deliver(self, sid: int, subject: str, reply: str, data: bytes) -> None:
        self.down.send((self._connection.hear, sid, subject, reply, data))

    def answer(self, number: int, result: Any) -> None:
        self.down.send((self._connection.learn, number, result))

    def lose(self) -> None:
        self._connection.lose(self)

    def _arrive(self, item: tuple[Any, ...]) -> None:
        self._connection.loop.arrive(*item)


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
        self._pending: list[tuple[Callable[..., None], tuple[Any, ...]]] = []  # what to ask of the server
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
        for question, args in pending:
            session.up.send(functools.partial(question, session, *args))
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
        self._say(len(data), self._server.publish, subject, data, reply, msg_id)

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

    def jetstream(self, *, timeout: float) -> JetStream:
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
            position = int(reply.split(".", 6)[5])
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
        self._say(0, self._server.ask, number, question)
        try:
            result = await _in_time(answer, timeout)
        finally:
            self._questions.pop(number, None)
        if isinstance(result, Exception):
            raise result
        return result

    def _say(self, size: int, question: Callable[..., None], *args: Any) -> None:
        """Ask something of the server, as soon as it can be reached."""
        if (session := self._session) is not None:
            session.up.send(functools.partial(question, session, *args))
        else:
            self._pending.append((question, args))
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


async def _in_time(future: "asyncio.Future[Any]", timeout: float) -> Any:
    timer = future.get_loop().call_later(timeout, _expire, future)
    try:
        return await future
    finally:
        timer.cancel()


def _expire(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(NatsTimeoutError())


def _resolve(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _do(step: Callable[[], None]) -> None:
    step()
