"""One batch on its way into the log: sent again, under the same id, until the log says that it has it."""

import asyncio
import logging
from collections.abc import Callable

import msgspec
from nats.errors import Error as NatsError

from shared.envelopes import subjects
from shared.messaging.messaging import Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

ACK_TIMEOUT = 1.0  # seconds until an unanswered batch is sent again
ANSWER_ID_BYTES = 8  # of where an answer goes
RETRY_PAUSE = 0.1  # seconds


class _Answer(msgspec.Struct):
    """What JetStream says of a message: ``seq`` is its position, 0 when it was not stored."""

    seq: int = 0


_decode_answer = msgspec.json.Decoder(_Answer).decode


class Flight:
    """The batch in flight, of one gateway. ``stored`` is called with its position when the log has it."""

    def __init__(self, nc: Messaging, gateway: str, world: World, stored: Callable[[int], None]) -> None:
        self._nc = nc
        self._gateway = gateway.encode()
        self._subject = subjects.gateway_events(gateway)
        self._new_id = world.new_id
        self._stored = stored
        self._packed = b""
        self._number = 0
        self._due = 0.0  # when it is to be sent again, in the loop's seconds
        self._look: asyncio.TimerHandle | None = None  # the next look at whether it is due
        self.inbox = nc.new_inbox()
        self.reply = ""  # where its answer goes: other gateways can answer too, but not where nobody has yet
        self.busy = False  # whether one is in flight
        self.writable = False  # whether the last attempt reached the log

    def send(self, number: int, packed: bytes) -> None:
        """Send a batch. Its number makes sure that it is stored once."""
        self._number = number
        self._packed = packed
        self.busy = True
        self.reply = f"{self.inbox}.{self._new_id(ANSWER_ID_BYTES)}"
        self._send()

    def stop(self) -> None:
        """Stop looking after it."""
        if self._look:
            self._look.cancel()

    def on_answer(self, subject: str, _reply: str, data: bytes) -> None:
        """To the batch in flight, or to one before it that was sent more than once."""
        if not self.busy or subject != self.reply:
            return
        if not (position := _position(data)):
            self._fail("it was refused")
            return
        self.writable = True
        self.busy = False
        self._stored(position)

    def _send(self) -> None:
        self._expect_answer(ACK_TIMEOUT)
        header = b"NATS/1.0\r\nNats-Msg-Id: %s:%d\r\n\r\n" % (self._gateway, self._number)
        try:
            self._nc.publish_now(self._subject, self._packed, self.reply, header)
        except NatsError as error:
            self._fail(type(error).__name__)

    def _expect_answer(self, within: float) -> None:
        """Send it again in that many seconds, unless it is answered. One timer for all batches looks once a second."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + within
        if self._look and self._look.when() > self._due:
            self._look.cancel()
            self._look = None
        if self._look is None:
            self._look = loop.call_at(self._due, self._look_after)

    def _look_after(self) -> None:
        self._look = None
        loop = asyncio.get_running_loop()
        if not self.busy:
            return
        if loop.time() < self._due:
            self._look = loop.call_at(self._due, self._look_after)
            return
        self._fail("TimeoutError")
        if self._nc.is_connected:
            self._send()

    def _fail(self, trouble: str) -> None:
        """The log has not taken it."""
        if self.writable:
            log.warning("the event log does not answer, holding events: %s", trouble)
        self.writable = False
        self._expect_answer(RETRY_PAUSE)


def _position(answer: bytes) -> int:
    """Where a message was stored; 0 if it was not."""
    try:
        return _decode_answer(answer).seq
    except msgspec.DecodeError:
        return 0  # nobody listens: NATS says so with an empty message
