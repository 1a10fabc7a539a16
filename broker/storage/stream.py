"""The event log as a JetStream stream: made when missing, read in order, appended to, cut off behind a snapshot."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from nats.errors import Error as NatsError
from nats.js.api import (
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import BadRequestError, NotFoundError, ServerError

from broker.settings import Settings
from shared.envelopes import subjects
from shared.envelopes.entries import Batch, Entry, pack_batch
from shared.messaging.connection import cancelled
from shared.messaging.messaging import Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

DUPLICATE_WINDOW = 600.0  # seconds in which a batch that is sent again is known to be the same
IDLE_HEARTBEAT = 0.5  # seconds; with the default of 5 reading takes 13 s to go on after a restart of NATS
# Cutting the log off holds NATS up: for 8 MiB some 5 ms, sometimes 12. NATS keeps so much in one file, and to drop a
# part of one costs no less for a byte. That should not be felt. So it is done when it is quiet, for which it waits a
# while; if traffic does not end, so seldom that what is released is gone in time, more often when the log gets full.
CUT_BYTES = 8 * 1024 * 1024  # at a time
LITTLE = 8  # the part of that which is cut off at once, in 1 ms
PATIENCE = 30.0  # seconds that what is released may wait for a quiet moment
CUT_WITHIN = 60.0  # seconds in which it is cut off thereafter
REST = 20  # times as long as a cut took NATS is to be left in peace afterwards, unless the log is nearly full
SHORTEST_PAUSE = 0.05  # seconds in which traffic would be noticed
LONGEST_PAUSE = 1.0  # seconds between looks at whether there is anything to cut off
# The parts of its space that are in use from which on a log is crowded, and nearly full.
CROWDED = 0.5
NEARLY_FULL = 0.8
ID = "parley-log-id"


class LogRefused(NatsError):
    """NATS does not make the log: it sets aside all the space that the log may take up."""


class Stored(NamedTuple):
    """A message of the log: its position, the time it was stored, the subject that it was stored under, and its bytes.

    The time is in seconds since the epoch, to the microsecond: the same for every broker, in whichever way it reads.
    ``pending`` is how many more there are behind it, as far as is known.
    """

    position: int
    time: float
    pending: int
    subject: str
    data: bytes


class Extent(NamedTuple):
    """Which log this is, the positions that it holds, and the bytes that it takes up and may take up."""

    log_id: str
    first: int
    last: int
    size: int = 0
    space: int = 1

    @property
    def crowding(self) -> float:
        """From 0, when there is space enough, to 1, when there may be none at any moment."""
        return min(1.0, max(0.0, (self.size / self.space - CROWDED) / (NEARLY_FULL - CROWDED)))

    def part_behind(self, position: int) -> float:
        """The part of the space that messages behind a position take up, on average."""
        return self.size / self.space * (self.last - position) / max(1, self.last - self.first + 1)


OnStored = Callable[[Stored], None]


class EventLog:
    """The one ordered log."""

    def __init__(self, nc: Messaging, settings: Settings, world: World) -> None:
        self._nc = nc
        self._js = nc.jetstream(timeout=2.0)
        self._settings = settings
        self._world = world
        self._released = 0
        self.first = 0  # where the log began when that was looked at last

    async def open(self) -> Extent:
        """Make the log if there is none. Raises LogRefused."""
        try:
            await self._renew()
        except NotFoundError:
            with contextlib.suppress(BadRequestError):  # another broker was faster
                await self._make()
        return await self.extent()

    async def extent(self) -> Extent:
        """Which log there is now. Raises NotFoundError when there is none."""
        info = await self._js.stream_info(subjects.EVENT_STREAM)
        self.first = info.state.first_seq
        space = info.config.max_bytes or self._settings.log_max_bytes
        return Extent(_log_id(info), self.first, info.state.last_seq, info.state.bytes, space)

    async def read(self, after: int, on_stored: OnStored) -> Callable[[], Awaitable[None]]:
        """Call ``on_stored`` for every message behind position ``after``, in order. Returns how to stop."""

        def on_message(subject: str, reply: str, data: bytes) -> None:
            on_stored(Stored(*position_time_pending(reply), subject, data))

        subscription = await self._nc.read_straight(subjects.EVENT_STREAM, after, on_message, heartbeat=IDLE_HEARTBEAT)
        return subscription.unsubscribe

    async def append(self, writer: str, entries: list[Entry]) -> int:
        """Append entries of a broker; returns their position."""
        stored = await self._js.publish(subjects.BROKER_EVENTS, pack_batch(Batch(writer, 0, entries)))
        return stored.seq

    async def message(self, position: int) -> Stored | None:
        """The message at a position, if it is still there."""
        try:
            message = await self._js.get_msg(subjects.EVENT_STREAM, seq=position)
        except NotFoundError:
            return None
        stored_at = message.time.timestamp() if message.time else 0.0
        return Stored(position, stored_at, 0, message.subject or "", message.data or b"")

    def release(self, before: int) -> None:
        """Nothing that lies before a position is needed any more."""
        self._released = max(self._released, before)

    async def keep_cutting(self) -> None:
        """Forget what is released, bit by bit, until cancelled."""
        last, since, interval, pause = 0, self._world.monotonic(), CUT_WITHIN, LONGEST_PAUSE
        patience = PATIENCE  # seconds from ``since`` to the next cut, if there is space
        while not cancelled():
            await asyncio.sleep(pause)
            pause = LONGEST_PAUSE
            if self.first >= self._released:
                since, interval, patience = self._world.monotonic(), CUT_WITHIN, PATIENCE
                continue
            try:
                extent = await self.extent()
                quiet, last = extent.last == last, extent.last
                interval = min(interval, _interval(extent, self._released))  # so that what there was is gone in time
                wait = since + patience * (1 - extent.crowding) - self._world.monotonic()
                little = self._released - extent.first <= _bit(extent) // LITTLE
                if wait > 0 and not quiet and not little:
                    pause = min(wait, LONGEST_PAUSE)
                else:
                    held_up = await self.cut(extent)
                    since, patience = self._world.monotonic(), interval
                    pause = max(SHORTEST_PAUSE, held_up * REST * (1 - extent.crowding))
            except (NatsError, TimeoutError) as error:
                log.warning("the log could not be cut off: %s", type(error).__name__)

    async def cut(self, extent: Extent) -> float:
        """Forget a bit of what is released. Returns the seconds that it took: so long NATS hands out nothing."""
        before = min(extent.first + _bit(extent), self._released)
        if before <= extent.first:
            return 0.0
        await self.message(before)  # NATS holds nothing up while it reads a file for this, and then it has read it
        began = self._world.monotonic()
        await self._js.purge_stream(subjects.EVENT_STREAM, seq=before)
        self.first = before
        return self._world.monotonic() - began

    async def _renew(self) -> None:
        """Let a log of the version before take what is written now. Raises NotFoundError when there is none."""
        config = (await self._js.stream_info(subjects.EVENT_STREAM)).config
        if subjects.EVENTS not in (config.subjects or []):
            # gateways of that version may still be there, while they are replaced
            await self._js.update_stream(config.evolve(subjects=[subjects.OLD_EVENTS, subjects.EVENTS]))
            log.info("the log of the version before takes subjects of gateways and brokers now")

    async def _make(self) -> None:
        try:
            await self._js.add_stream(self._config())
        except ServerError as error:
            size = self._settings.log_max_bytes
            raise LogRefused(f"NATS makes no log of LOG_MAX_BYTES={size}: {error.description}") from None

    def _config(self) -> StreamConfig:
        return StreamConfig(
            name=subjects.EVENT_STREAM,
            subjects=[subjects.EVENTS],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType(self._settings.log_storage),
            num_replicas=self._settings.log_replicas,
            max_bytes=self._settings.log_max_bytes,
            discard=DiscardPolicy.NEW,  # a full log refuses what comes, instead of losing what it has
            duplicate_window=DUPLICATE_WINDOW,
            metadata={ID: self._world.new_id()},
        )


async def wait_for_jetstream(nc: Messaging) -> None:
    """Wait until JetStream answers; in a cluster that takes a leader."""
    while True:
        try:
            await nc.jetstream(timeout=1.0).account_info()
            return
        except Exception:
            await asyncio.sleep(0.1)


def position_time_pending(reply: str) -> tuple[int, float, int]:
    """What JetStream says of a message in its reply subject: position, time, messages behind it, as in Stored."""
    tokens = reply.split(".")
    # $JS.ACK.stream.consumer.delivered.position.delivery.nanoseconds.pending, or with domain, account and a last token
    start = 5 if len(tokens) == 9 else 7
    return int(tokens[start]), int(tokens[start + 2]) // 1000 / 1e6, int(tokens[start + 3])


def _bit(extent: Extent) -> int:
    """How many messages make CUT_BYTES, on average."""
    return 1 + CUT_BYTES * (extent.last - extent.first) // max(1, extent.size)


def _interval(extent: Extent, released: int) -> float:
    """Seconds from one cut to the next, at most, for all that is released to be gone in time."""
    bits = (released - extent.first) / _bit(extent)
    return CUT_WITHIN / max(1.0, bits)


def _log_id(info: StreamInfo) -> str:
    return (info.config.metadata or {}).get(ID, "")
