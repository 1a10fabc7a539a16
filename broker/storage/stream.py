"""The event log as a JetStream stream: made when missing, read in order, appended to, trimmed."""

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
from broker.storage.extent import Extent
from broker.storage.marks import Marks
from shared.envelopes import subjects
from shared.envelopes.entries import Batch, Entry, pack_batch
from shared.messaging.messaging import Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

DUPLICATE_WINDOW = 600.0  # seconds in which a batch that is sent again is known to be the same
IDLE_HEARTBEAT = 0.5  # seconds; with the default of 5 reading takes 13 s to continue after a restart of NATS
ID = "parley-log-id"
# Seconds for which a server of a cluster may take itself for the leader of the log although another one is: it answers
# questions about the log as it was when it lost touch with the others.
STALE = 12.0


class LogRefused(NatsError):
    """NATS does not make the log: it sets aside all the space that the log may take up."""


class Stored(NamedTuple):
    """A message of the log: its position, the time it was stored, the subject that it was stored under, and its bytes.

    The time is in seconds since the epoch, to the microsecond: the same for every broker, in whichever way it reads.
    ``behind`` is how many more come after it, as far as is known.
    """

    position: int
    time: float
    behind: int
    subject: str
    data: bytes


OnStored = Callable[[Stored], None]


class EventLog:
    """The one ordered log."""

    def __init__(self, nc: Messaging, settings: Settings, world: World) -> None:
        self._nc = nc
        self._js = nc.jetstream(timeout=2.0)
        self._settings = settings
        self._world = world
        self.first = 0  # where the log began when that was looked at last
        self.marks = Marks()
        # Seconds for which NATS has to say that the log ends sooner than it did, for that to be believed.
        self.patience = STALE if settings.log_replicas > 1 else 0.0
        self.certain = True  # False while it is not known whether NATS has lost the end of the log

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

    async def readers(self) -> int:
        """How many read the log: brokers, and whoever else has a consumer."""
        return (await self._js.stream_info(subjects.EVENT_STREAM)).state.consumer_count

    async def read(self, after: int, on_stored: OnStored) -> Callable[[], Awaitable[None]]:
        """Call ``on_stored`` for every message after position ``after``, in order. Returns how to stop."""

        def on_message(subject: str, reply: str, data: bytes) -> None:
            on_stored(Stored(*position_time_behind(reply), subject, data))

        subscription = await self._nc.read_straight(subjects.EVENT_STREAM, after, on_message, heartbeat=IDLE_HEARTBEAT)
        return subscription.unsubscribe

    async def append(self, writer: str, entries: list[Entry]) -> int:
        """Append entries of a broker; returns their position."""
        stored = await self._js.publish(
            subjects.BROKER_EVENTS, pack_batch(Batch(writer, 0, entries, self._world.now()))
        )
        return stored.seq

    async def message(self, position: int) -> Stored | None:
        """The message at a position, if it is still there."""
        try:
            message = await self._js.get_msg(subjects.EVENT_STREAM, seq=position)
        except NotFoundError:
            return None
        stored_at = message.time.timestamp() if message.time else 0.0
        return Stored(position, stored_at, 0, message.subject or "", message.data or b"")

    async def trim(self, before: int) -> None:
        """Forget all messages before a position."""
        await self._js.purge_stream(subjects.EVENT_STREAM, seq=before)
        self.first = before

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


def position_time_behind(reply: str) -> tuple[int, float, int]:
    """What JetStream says of a message in its reply subject: position, time, messages after it, as in Stored."""
    tokens = reply.split(".")
    # $JS.ACK.stream.consumer.delivered.position.delivery.nanoseconds.pending, or with domain, account and a last token
    start = 5 if len(tokens) == 9 else 7
    return int(tokens[start]), int(tokens[start + 2]) // 1000 / 1e6, int(tokens[start + 3])


def _log_id(info: StreamInfo) -> str:
    return (info.config.metadata or {}).get(ID, "")
