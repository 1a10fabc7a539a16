"""The way into the log: entries gather while a batch is in flight, and go with the next one, in order."""

import asyncio
import math
from typing import Protocol

from gateway.connection import Connection
from gateway.incoming.convoy import Convoy
from gateway.incoming.flight import Flight
from gateway.incoming.held import Held, Waiting
from gateway.metrics import BATCH_ENTRIES
from gateway.witness import Witness
from shared.envelopes.entries import UNKNOWN, Batch, Closed, Entry, GatewayDown, GatewayUp, Pace, pack_batch
from shared.messaging.messaging import Messaging
from shared.process.world import World

# Bytes of deliveries handled, after which the log is told so even if there is nothing else to say.
CONFIRM_BYTES = 1024 * 1024
STILL = 0.001  # seconds by which a clock that is read again may be behind what was read off it


class Progress(Protocol):
    """How far the gateway is with its deliveries: the number of the newest parcel, and the bytes of all so far."""

    have: int
    handled: int


class LogWriter:
    """Appends the entries of one gateway. One batch is in flight at a time, so that a retry cannot reorder.

    ``max_held`` and ``max_held_per_client`` bound, in bytes, what waits. Each batch says how far ``progress`` is.
    The ``witness`` hears where it is stored.
    """

    def __init__(
        self,
        nc: Messaging,
        gateway: str,
        max_held: int,
        max_held_per_client: int,
        world: World,
        progress: Progress | None = None,
        witness: Witness | None = None,
    ) -> None:
        self._nc = nc
        self._now = world.now
        self._gateway = gateway
        self._progress = progress
        self._witness = witness or Witness()
        self._confirmed = 0  # bytes of deliveries that the last batch said were handled
        self._held = Held(max_held, max_held_per_client)
        self._batch: list[Waiting] = []  # the one in flight, or the last one
        self._flight = Flight(nc, gateway, world, self._stored)
        self._convoy = Convoy(self._go_on)
        self._gathering = True  # whether the next batch is left to grow
        self._taken = 0.0  # when the oldest of the waiting entries came in
        self._since = 0.0  # the same of the batch in flight
        self._read = 0.0  # what the clock was last taken to say
        self._idle = asyncio.Event()
        self._idle.set()
        self.batches = 0

    def append(self, connection: Connection, entry: Entry, size: int) -> bool:
        """Take an entry, unless too much is waiting already."""
        if not self._held.put(entry, size, connection):
            return False
        self._one_more_waits(entry)
        return True

    def append_always(self, entry: GatewayUp | GatewayDown | Closed | Pace) -> None:
        """Take an entry however much is waiting: it cannot be refused."""
        self._held.put_always(entry)
        self._one_more_waits(entry)

    def confirm(self, least: int = CONFIRM_BYTES) -> None:
        """Say how far the gateway is, if that is ``least`` bytes further than the log has been told."""
        if not self._flight.busy and not self._held.waiting and self._is_due(least) and not self._gathering:
            self._idle.clear()
            self._send_next()

    async def flush(self) -> None:
        """Wait until everything is in the log."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        answers = await self._nc.subscribe_straight(f"{self._flight.inbox}.*", self._flight.on_answer)
        try:
            if self._held.waiting:
                self._send_next()
            self._gathering = False
            await asyncio.get_running_loop().create_future()
        finally:
            self._gathering = True
            try:
                if not self._nc.is_closed:
                    await answers.unsubscribe()
            finally:
                self._flight.stop()
                self._convoy.stop()

    @property
    def waiting(self) -> int:
        """Entries that wait for the batch in flight."""
        return len(self._held.waiting)

    @property
    def held(self) -> int:
        """Bytes of clients' events that are not in the log yet."""
        return self._held.bytes

    @property
    def writable(self) -> bool:
        """Whether the last attempt reached the log."""
        return self._flight.writable

    def _one_more_waits(self, entry: Entry) -> None:
        self._convoy.note(entry)
        if len(self._held.waiting) == 1:
            self._taken = self._read_clock()
            self._idle.clear()
        self._go_on()

    def _go_on(self) -> None:
        """Send what waits, if nothing is in flight.

        At once, unless the last batch shows that there will be more when the loop has turned, or only newcomers wait.
        """
        if self._gathering or self._flight.busy or not self._held.waiting or self._convoy.gathers():
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
        self._since, self._batch = self._taken, self._held.next_batch()
        self._convoy.left(rest=bool(self._held.waiting))
        self._taken = self._read_clock()  # near enough for the entries that wait for the next batch
        self.batches += 1
        BATCH_ENTRIES.observe(len(self._batch))
        entries = [entry for entry, _, _ in self._batch]
        have, handled = (self._progress.have, self._progress.handled) if self._progress else (UNKNOWN, 0)
        self._confirmed = handled
        batch = Batch(self._gateway, self.batches, entries, self._since, have, handled)
        self._flight.send(self.batches, pack_batch(batch))

    def _read_clock(self) -> float:
        """What time it is, never the same twice: that is how a batch is known from another one in its place."""
        now = self._now()
        self._read = math.nextafter(self._read, math.inf) if now <= self._read < now + STILL else now
        return self._read

    def _is_due(self, least: int) -> bool:
        return self._progress is not None and self._progress.handled - self._confirmed >= least

    def _stored(self, position: int) -> None:
        """The log has the batch that was in flight, at a position."""
        self._witness.note(position, self._since)
        self._held.release(self._batch)
        if self._held.waiting:
            self._go_on()
        elif self._is_due(CONFIRM_BYTES):
            self._send_next()
        else:
            self._idle.set()
