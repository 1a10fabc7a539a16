"""The way into the log: entries gather while a batch is in flight, and go with the next one, in order."""

import asyncio
import logging
import time
from collections import deque

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from gateway.connection import Connection
from gateway.metrics import BATCH_ENTRIES
from shared import subjects
from shared.log import Batch, Closed, Entry, GatewayDown, GatewayUp, pack_batch
from shared.nats_overrides import Client

log = logging.getLogger(__name__)

BATCH_BYTES = 512 * 1024
BATCH_LIMIT = 2000  # entries
ACK_TIMEOUT = 1.0  # seconds until an unanswered batch is sent again
RETRY_PAUSE = 0.1  # seconds


class _Answer(msgspec.Struct):
    """What JetStream says of a message: ``seq`` is its position, 0 when it was not stored."""

    seq: int = 0


_decode_answer = msgspec.json.Decoder(_Answer).decode


class LogWriter:
    """Appends the entries of one gateway. One batch is in flight at a time, so that a retry cannot reorder.

    ``max_held`` and ``max_held_per_client`` bound, in bytes, what waits.
    """

    def __init__(self, nc: Client, gateway: str, max_held: int, max_held_per_client: int) -> None:
        self._nc = nc
        self._inbox = nc.new_inbox()
        self._answer: asyncio.Future[Msg] | None = None
        self._gateway = gateway
        self._max_held = max_held
        self._max_held_per_client = max_held_per_client
        self._waiting: deque[tuple[Entry, int, Connection | None]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._taken = 0.0  # when the oldest of the waiting entries came in
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

    def append_always(self, entry: GatewayUp | GatewayDown | Closed) -> None:
        """Take an entry that nobody could take back."""
        self._put(entry, 0, None)

    async def flush(self) -> None:
        """Wait until everything is in the log."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        answers = await self._nc.subscribe_straight(f"{self._inbox}.*", self._on_answer)
        try:
            while True:
                await self._wake.wait()
                await self._write()
        finally:
            if not self._nc.is_closed:
                await answers.unsubscribe()

    async def _write(self) -> None:
        """Bring the next batch into the log."""
        since, taken = self._taken, self._take()
        BATCH_ENTRIES.observe(len(taken))
        await self._store(pack_batch(Batch(self._gateway, self.batches, [entry for entry, _, _ in taken], since)))
        for _, size, connection in taken:
            self.held -= size
            if connection is not None:
                connection.held -= size
        if not self._waiting:
            self._wake.clear()
            self._idle.set()

    def _put(self, entry: Entry, size: int, connection: Connection | None) -> None:
        if not self._waiting:
            self._taken = time.time()
        self._waiting.append((entry, size, connection))
        self._wake.set()
        self._idle.clear()

    def _take(self) -> list[tuple[Entry, int, Connection | None]]:
        taken: list[tuple[Entry, int, Connection | None]] = []
        size = 0
        while self._waiting and len(taken) < BATCH_LIMIT and size < BATCH_BYTES:
            taken.append(self._waiting.popleft())
            size += taken[-1][1]
        self.batches += 1
        self._taken = time.time()  # near enough for those that have to wait for the next batch
        return taken

    @property
    def waiting(self) -> int:
        """Entries that wait for the batch in flight."""
        return len(self._waiting)

    async def _store(self, data: bytes) -> None:
        """Send a batch until the log has it. Its id makes sure that it is stored once."""
        while trouble := await self._send(data):
            if self.writable:
                log.warning("the event log does not answer, holding events: %s", trouble)
            self.writable = False
            await asyncio.sleep(RETRY_PAUSE)
        self.writable = True

    async def _send(self, data: bytes) -> str:
        """Send a batch once; returns why the log has not taken it, or nothing."""
        self._answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ACK_TIMEOUT):
                await self._nc.publish(
                    subjects.EVENTS,
                    data,
                    reply=f"{self._inbox}.{self.batches}",
                    headers={"Nats-Msg-Id": f"{self._gateway}:{self.batches}"},
                )
                answer = await self._answer
        except (NatsError, TimeoutError) as error:
            return type(error).__name__
        return "" if _position(answer) else "it was refused"

    async def _on_answer(self, message: Msg) -> None:
        """To the batch in flight, or to one before it that was sent more than once."""
        number = message.subject.rpartition(".")[2]
        if self._answer is not None and not self._answer.done() and number == str(self.batches):
            self._answer.set_result(message)


def _position(answer: Msg) -> int:
    """Where a message was stored; 0 if it was not."""
    try:
        return _decode_answer(answer.data).seq
    except msgspec.DecodeError:
        return 0  # nobody listens: NATS says so with an empty message
