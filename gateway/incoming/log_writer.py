"""The way into the log: entries gather while a batch is in flight, and go with the next one, in order."""

import asyncio
import logging
from collections import deque
from typing import Protocol

import msgspec
from nats.errors import Error as NatsError

from gateway.connection import Connection
from gateway.metrics import BATCH_ENTRIES
from shared.envelopes import subjects
from shared.envelopes.entries import UNKNOWN, Batch, Closed, Entry, GatewayDown, GatewayUp, Pace, pack_batch
from shared.messaging.messaging import Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

BATCH_BYTES = 512 * 1024  # of several entries; one alone may be longer
BATCH_LIMIT = 2000  # entries
CONFIRM_BYTES = (
    1024 * 1024
)  # of deliveries handled, after which the log is told so even if there is nothing else to say
ACK_TIMEOUT = 1.0  # seconds until an unanswered batch is sent again
ANSWER_ID_BYTES = 8  # of where an answer goes
RETRY_PAUSE = 0.1  # seconds

Waiting = tuple[Entry, int, Connection | None]  # with its size in bytes, and whose it is


class Progress(Protocol):
    """How far the gateway is with its deliveries: the number of the newest parcel, and the bytes of all so far."""

    have: int
    handled: int


class _Answer(msgspec.Struct):
    """What JetStream says of a message: ``seq`` is its position, 0 when it was not stored."""

    seq: int = 0


_decode_answer = msgspec.json.Decoder(_Answer).decode


class LogWriter:
    """Appends the entries of one gateway. One batch is in flight at a time, so that a retry cannot reorder.

    ``max_held`` and ``max_held_per_client`` bound, in bytes, what waits. Each batch says how far ``progress`` is.
    """

    def __init__(
        self,
        nc: Messaging,
        gateway: str,
        max_held: int,
        max_held_per_client: int,
        world: World,
        progress: Progress | None = None,
    ) -> None:
        self._nc = nc
        self._world = world
        self._inbox = nc.new_inbox()
        self._gateway = gateway
        self._subject = subjects.gateway_events(gateway)
        self._max_held = max_held
        self._max_held_per_client = max_held_per_client
        self._progress = progress
        self._confirmed = 0  # bytes of deliveries that the last batch said were handled
        self._waiting: deque[Waiting] = deque()
        self._batch: list[Waiting] = []  # the one in flight, or the last one
        self._packed = b""  # the batch in flight; empty if there is none
        self._reply = ""  # where its answer goes: other gateways can answer too, but not where nobody has yet
        self._gathering = True  # whether the next batch is left to grow
        self._due = 0.0  # when the batch in flight is to be sent again, in the loop's seconds
        self._look: asyncio.TimerHandle | None = None  # the next look at whether it is due
        self._taken = 0.0  # when the oldest of the waiting entries came in
        self._idle = asyncio.Event()
        self._idle.set()
        self.held = 0
        self.batches = 0
        self.writable = False  # whether the last attempt reached the log

    def append(self, connection: Connection, entry: Entry, size: int) -> bool:
        """Take an entry, unless too much is waiting already."""
        if self.held + size > self._max_held or connection.held + size > self._max_held_per_client:
            return False
        self.held += size
        connection.held += size
        self._put(entry, size, connection)
        return True

    def append_always(self, entry: GatewayUp | GatewayDown | Closed | Pace) -> None:
        """Take an entry that nobody could take back."""
        self._put(entry, 0, None)

    def confirm(self, least: int = CONFIRM_BYTES) -> None:
        """Say how far the gateway is, if that is ``least`` bytes further than the log has been told."""
        if not self._packed and not self._waiting and self._is_due(least) and not self._gathering:
            self._idle.clear()
            self._send_next()

    async def flush(self) -> None:
        """Wait until everything is in the log."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        answers = await self._nc.subscribe_straight(f"{self._inbox}.*", self._on_answer)
        try:
            if self._waiting:
                self._send_next()
            self._gathering = False
            await asyncio.get_running_loop().create_future()
        finally:
            self._gathering = True
            try:
                if not self._nc.is_closed:
                    await answers.unsubscribe()
            finally:
                if self._look:
                    self._look.cancel()

    @property
    def waiting(self) -> int:
        """Entries that wait for the batch in flight."""
        return len(self._waiting)

    def _put(self, entry: Entry, size: int, connection: Connection | None) -> None:
        if not self._waiting:
            self._taken = self._world.now()
            self._idle.clear()
        self._waiting.append((entry, size, connection))
        if not self._packed:
            self._go_on()

    def _go_on(self) -> None:
        """Send the next batch: at once, unless the last one shows that there will be more when the loop has turned."""
        if self._gathering:
            return
        if len(self._batch) > 1:
            self._gathering = True
            asyncio.get_running_loop().call_soon(self._send_gathered)
        else:
            self._send_next()

    def _send_gathered(self) -> None:
        self._gathering = False
        self._send_next()

    def _send_next(self) -> None:
        since, self._batch = self._taken, self._take()
        BATCH_ENTRIES.observe(len(self._batch))
        entries = [entry for entry, _, _ in self._batch]
        have, handled = (self._progress.have, self._progress.handled) if self._progress else (UNKNOWN, 0)
        self._confirmed = handled
        self._packed = pack_batch(Batch(self._gateway, self.batches, entries, since, have, handled))
        self._reply = f"{self._inbox}.{self._world.new_id(ANSWER_ID_BYTES)}"
        self._send()

    def _is_due(self, least: int) -> bool:
        return self._progress is not None and self._progress.handled - self._confirmed >= least

    def _take(self) -> list[Waiting]:
        taken: list[Waiting] = []
        size = 0
        while self._waiting and len(taken) < BATCH_LIMIT:
            size += self._waiting[0][1]
            if taken and size > BATCH_BYTES:
                break
            taken.append(self._waiting.popleft())
        self.batches += 1
        self._taken = self._world.now()  # near enough for those that have to wait for the next batch
        return taken

    def _send(self) -> None:
        """Send the batch in flight, once more if need be. Its id makes sure that it is stored once."""
        self._expect_answer(ACK_TIMEOUT)
        header = b"NATS/1.0\r\nNats-Msg-Id: %s:%d\r\n\r\n" % (self._gateway.encode(), self.batches)
        try:
            self._nc.publish_now(self._subject, self._packed, self._reply, header)
        except NatsError as error:
            self._fail(type(error).__name__)

    def _expect_answer(self, within: float) -> None:
        """The batch in flight is sent again in that many seconds. One timer for all looks once a second."""
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
        if not self._packed:
            return
        if loop.time() < self._due:
            self._look = loop.call_at(self._due, self._look_after)
            return
        self._fail("TimeoutError")
        if self._nc.is_connected:
            self._send()

    def _fail(self, trouble: str) -> None:
        """The log has not taken the batch."""
        if self.writable:
            log.warning("the event log does not answer, holding events: %s", trouble)
        self.writable = False
        self._expect_answer(RETRY_PAUSE)

    def _on_answer(self, subject: str, _reply: str, data: bytes) -> None:
        """To the batch in flight, or to one before it that was sent more than once."""
        if not self._packed or subject != self._reply:
            return
        if not _position(data):
            self._fail("it was refused")
            return
        self.writable = True
        self._packed = b""
        for _, size, connection in self._batch:
            self.held -= size
            if connection is not None:
                connection.held -= size
        if self._waiting:
            self._go_on()
        elif self._is_due(CONFIRM_BYTES):
            self._send_next()
        else:
            self._idle.set()


def _position(answer: bytes) -> int:
    """Where a message was stored; 0 if it was not."""
    try:
        return _decode_answer(answer).seq
    except msgspec.DecodeError:
        return 0  # nobody listens: NATS says so with an empty message
