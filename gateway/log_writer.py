"""The way into the log: entries gather while a batch is in flight, and go with the next one, in order."""

import asyncio
import logging
import time
from collections import deque

from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from gateway.connection import Connection
from gateway.metrics import BATCH_ENTRIES
from shared import subjects
from shared.log import Batch, Closed, Entry, GatewayDown, GatewayUp, pack_batch

log = logging.getLogger(__name__)

BATCH_BYTES = 512 * 1024
BATCH_LIMIT = 2000  # entries
ACK_TIMEOUT = 2.0  # seconds until an unanswered batch is sent again
RETRY_PAUSE = 0.1  # seconds


class LogWriter:
    """Appends the entries of one gateway. One batch is in flight at a time, so that a retry cannot reorder.

    ``max_held`` and ``max_held_per_client`` bound, in bytes, what waits.
    """

    def __init__(self, js: JetStreamContext, gateway: str, max_held: int, max_held_per_client: int) -> None:
        self._js = js
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
        while True:
            await self._wake.wait()
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
        headers = {"Nats-Msg-Id": f"{self._gateway}:{self.batches}"}
        while True:
            try:
                await self._js.publish(subjects.EVENTS, data, timeout=ACK_TIMEOUT, headers=headers)
                self.writable = True
                return
            except (NatsError, TimeoutError) as error:
                if self.writable:
                    log.warning("the event log does not answer, holding events: %s", type(error).__name__)
                self.writable = False
                await asyncio.sleep(RETRY_PAUSE)
