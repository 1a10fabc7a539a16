"""Everything of nats-py that we replace, and why. Pinned to nats-py 2.16.0; tests/shared covers each.

* What is published is written at once, and may be without a coroutine; the library wakes a task for it.
* A message may go straight to its callback as its bytes come in; the library wakes a task for what comes in and another
  one for the subscription.
* An error that the server reports makes the client connect again; the library closes it for good, although a wrong
  password or too many connections may be mended a moment later.
* Where TLS is asked for, a server that does not offer it is sent nothing; the library would show it the password. The
  certificates are read again for each connection. A connection that is given up is not ended in good order: with
  TLS that would wait half a minute for a server that is gone.
* A client that is closed for good says so (``on_closed``), however it came about. It can be closed while there is no
  connection; the library fails over what it could not send.

Where a process wakes up for each message, the first two halve what it does.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

import nats.aio.client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport
from nats.errors import AuthorizationError, ConnectionClosedError, OutboundBufferLimitError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.protocol.parser import AUTHORIZATION_VIOLATION, PERMISSIONS_ERR, STALE_CONNECTION

from shared.messaging.messaging import OnMessage

ASKING_TIMEOUT = 2.0  # seconds for JetStream to make a consumer
CLOSING_TIMEOUT = 1.0  # seconds to end a connection in good order
EVERYTHING = ">"  # all subjects of a stream
STRAIGHT = "parley_straight"  # attribute of a subscription, whose number may change: where its messages go
UNSENT = 65536  # bytes in the transport beyond which the library's own way is gone, which waits

log = logging.getLogger(__name__)


class Client(nats.aio.client.Client):
    """A NATS client with shorter ways."""

    def __init__(self, tls: Callable[[], ssl.SSLContext] | None = None) -> None:
        """With ``tls``, which is asked for each connection, nothing else is spoken."""
        super().__init__()
        self._tls = tls
        self.on_closed: Callable[[], None] = lambda: None

    async def subscribe_straight(self, subject: str, on_message: OnMessage) -> Subscription:
        """Call ``on_message`` with subject, reply and data of each message as it comes in."""
        subscription = await self.subscribe(subject)
        self._lead(subscription, on_message)
        return subscription

    async def read_straight(
        self, stream: str, after: int, on_message: OnMessage, heartbeat: float
    ) -> JetStreamContext.PushSubscription:
        """The same for the messages of a stream behind position ``after``, in order and without a gap.

        It is the library's ordered consumer, which notices within three times ``heartbeat`` seconds that it is gone.
        """
        subscription = await self.jetstream(timeout=ASKING_TIMEOUT).subscribe(
            EVERYTHING,
            stream=stream,
            ordered_consumer=True,
            idle_heartbeat=heartbeat,
            config=ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1),
        )
        self._lead(subscription._sub, on_message)
        return subscription

    def publish_now(self, subject: str, data: bytes, reply: str = "", header: bytes = b"") -> None:
        """Publish without waiting. ``header`` is as it goes over the wire, or empty.

        Raises ConnectionClosedError, and OutboundBufferLimitError when too much waits to be sent already.
        """
        if self.is_closed:
            raise ConnectionClosedError
        transport = self._open_transport() if self.is_connected else None
        unsent = self._pending_data_size + (transport.get_write_buffer_size() if transport else 0)
        if unsent + len(data) > self._max_pending_size:
            raise OutboundBufferLimitError
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += len(data)
        command = _publish_command(subject, reply, header, data)
        if transport is not None and not self._pending:
            transport.write(command)
        else:  # goes when the library sends what waits
            self._pending.append(command)
            self._pending_data_size += len(command)

    def take(self, sid: int, subject: bytes, reply: bytes, header: bytes, data: bytes) -> bool:
        """Hand a message to its straight callback. False if the library has to look at it."""
        subscription = self._subs.get(sid)
        on_message: OnMessage | None = getattr(subscription, STRAIGHT, None)
        if subscription is None or on_message is None:
            return False
        answer_to = reply.decode()
        if subscription._jsi is not None and not _is_next(subscription._jsi, header, answer_to):
            return False
        subscription._received += 1
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        try:
            on_message(subject.decode(), answer_to, data)
        except Exception:  # it must not end the connection
            log.exception("a message could not be handled")
        return True

    def _lead(self, subscription: Subscription, on_message: OnMessage) -> None:
        """Lead a subscription straight to ``on_message`` from now on."""
        while not subscription._pending_queue.empty():
            message = subscription._pending_queue.get_nowait()
            on_message(message.subject, message.reply, message.data)
        setattr(subscription, STRAIGHT, on_message)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        """A message that the library has read."""
        if not self.take(sid, subject, reply, headers or b"", data):
            await super()._process_msg(sid, subject, reply, data, headers)

    async def _read_loop(self) -> None:
        if isinstance(self._transport, TcpTransport) and self._transport._io_reader is not None:
            if self._is_encrypted():  # or asyncio complains when the connection ends
                vars(vars(self._transport._io_writer)["_protocol"])["_over_ssl"] = True
            Feed(self.take, self._transport._io_reader).open()
        await super()._read_loop()

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        if force_flush or not self.is_connected or not isinstance(self._transport, TcpTransport):
            return await super()._flush_pending(force_flush)
        transport = self._open_transport()
        if transport is not None and transport.get_write_buffer_size() > UNSENT:
            return await super()._flush_pending(force_flush)
        if transport is not None and self._pending:  # what has no open transport waits for the next one
            transport.write(b"".join(self._pending))
            self._pending = []
            self._pending_data_size = 0
        return None

    async def _process_err(self, err_msg: str) -> None:
        """The server reports an error; after most of them it closes the connection."""
        if STALE_CONNECTION in err_msg or PERMISSIONS_ERR in err_msg:
            await super()._process_err(err_msg)
            return
        error = AuthorizationError() if AUTHORIZATION_VIOLATION in err_msg else NatsError(f"nats: {err_msg}")
        await self._error_cb(error)
        await self._process_op_err(error)

    @property
    def ssl_context(self) -> ssl.SSLContext:
        return self._tls() if self._tls else super().ssl_context

    def _connect_command(self) -> bytes:
        """What is said first: it has the password in it. Raises NatsError."""
        if self._tls and not self._is_encrypted():
            raise NatsError("the server speaks no TLS")
        return super()._connect_command()

    def _is_encrypted(self) -> bool:
        writer = self._transport._io_writer if isinstance(self._transport, TcpTransport) else None
        return writer is not None and writer.get_extra_info("sslcontext") is not None

    async def _connect_to_server(self, s: Any) -> None:
        self._abort()  # what an attempt before this one has left open
        await super()._connect_to_server(s)

    def _abort(self) -> None:
        if (transport := self._open_transport()) is not None:
            transport.abort()

    async def _attempt_reconnect(self) -> None:
        self._abort()
        try:
            await super()._attempt_reconnect()
        except Exception:  # whatever it is: without this task nobody would try again
            log.exception("cannot connect to NATS again")
            self._reconnection_task = None  # it is this one, which must not be cancelled now
            await self._close(Client.CLOSED)

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        if (transport := self._open_transport()) is None:
            self._pending, self._pending_data_size = [], 0
        else:
            asyncio.get_running_loop().call_later(CLOSING_TIMEOUT if status == Client.CLOSED else 0, transport.abort)
        try:
            await super()._close(status, do_cbs)
        except OSError as error:
            log.debug("the connection was lost as it was closed: %s", error)
        finally:
            if status == Client.CLOSED:
                self.on_closed()

    def _open_transport(self) -> asyncio.WriteTransport | None:
        """What leads to the server, unless it has been closed, which the client may not have noticed yet."""
        writer = self._transport._io_writer if isinstance(self._transport, TcpTransport) else None
        return None if writer is None or writer.transport.is_closing() else writer.transport


class Feed:
    """What comes in on one connection. The library gets whole commands only, and nothing overtakes them."""

    def __init__(self, take: Callable[[int, bytes, bytes, bytes, bytes], bool], reader: asyncio.StreamReader) -> None:
        self._take = take
        self._reader = reader
        self._pass_on = partial(type(reader).feed_data, reader)
        self._rest = b""

    def open(self) -> None:
        """Take over from the reader, with what it has got already."""
        begun: bytearray = vars(self._reader)["_buffer"]
        self._rest = bytes(begun)
        begun.clear()
        self._reader.feed_data = self.feed  # type: ignore[assignment,method-assign]
        self.feed(b"")

    def feed(self, data: bytes) -> None:
        """Take the messages that go straight; from the first other command on, all is the library's."""
        data = self._rest + data if self._rest else bytes(data)
        begin = at = 0
        straight = self._reader._waiter is not None  # type: ignore[attr-defined]  # the library has done all that it got before
        while (end := data.find(b"\r\n", at)) >= 0:
            words = data[at:end].split(b" ")
            stop = end + 2
            if words[0] == b"MSG" or words[0] == b"HMSG":
                stop += int(words[-1]) + 2
                if stop > len(data):
                    break
            if straight and self._goes_straight(words, data, end + 2, stop - 2):
                begin = stop
            else:
                straight = False
            at = stop
        if begin < at:
            self._pass_on(data[begin:at])
        self._rest = data[at:]

    def _goes_straight(self, words: list[bytes], data: bytes, start: int, stop: int) -> bool:
        """``MSG subject sid [reply] size``, or ``HMSG subject sid [reply] header-size size``; optional is the reply."""
        if words[0] == b"MSG":
            reply = words[3] if len(words) == 5 else b""
            return self._take(int(words[2]), words[1], reply, b"", data[start:stop])
        if words[0] == b"HMSG":
            reply = words[3] if len(words) == 6 else b""
            body = start + int(words[-2])
            return self._take(int(words[2]), words[1], reply, data[start:body], data[body:stop])
        return False


def _is_next(consumer: Any, header: bytes, reply: str) -> bool:
    """Note the next message of an ordered consumer, as the library does. False for gaps, heartbeats and the like."""
    if header.startswith(b"NATS/1.0 ") or not reply:
        return False
    fields = Msg.Metadata._get_metadata_fields(reply)
    if int(fields[6]) != consumer._dseq:
        return False
    consumer._active = True
    consumer._sseq = int(fields[5])
    consumer._dseq += 1
    consumer.track_sequences(reply)
    return True


def _publish_command(subject: str, reply: str, header: bytes, data: bytes) -> bytes:
    if header:
        return b"HPUB %s %s %d %d\r\n%s%s\r\n" % (
            subject.encode(), reply.encode(), len(header), len(header) + len(data), header, data,
        )  # fmt: skip
    return b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), reply.encode(), len(data), data)
