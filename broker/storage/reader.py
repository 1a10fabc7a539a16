"""Reading the log: by a consumer, and past it when it delivers nothing; and noticing that the log was replaced."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from broker.storage.extent import Extent
from broker.storage.stream import EventLog, OnStored, Stored
from shared.messaging.connection import cancelled

log = logging.getLogger(__name__)

CHECK_INTERVAL = 1.0  # seconds between looks at whether the log is still the same, and how far it goes
FETCH_INTERVAL = 0.1  # seconds between these looks while the consumer is behind
CATCH_UP_INTERVAL = 0.02  # seconds between looks at how far the log is read at the start
READING_TIMEOUT = 15.0  # seconds; a paused consumer still sends its heartbeats, so the library sees nothing wrong


class LogReplaced(Exception):
    """The log is not the one that was read so far: all state is void."""


class ReadingStopped(TimeoutError):
    """The log grows, but its consumer has stopped delivering."""


class LeftBehind(TimeoutError):
    """The log has been trimmed beyond what was read of it: what this broker has missed, a snapshot has."""


class Reader:
    """Hands over the messages of one log, some of them twice.

    ``position`` tells up to where they were taken. ``seen`` is the log when it was looked at last, ``answered`` when
    NATS last said something about it, in monotonic seconds.
    """

    def __init__(
        self, event_log: EventLog, position: Callable[[], int], on_stored: OnStored, monotonic: Callable[[], float]
    ) -> None:
        self._log = event_log
        self._position = position
        self._on_stored = on_stored
        self._monotonic = monotonic
        self._consumed = 0  # position of the message that the consumer delivered last
        self._held: list[Stored] = []  # what came in while it was not certain that the log is the same
        self._doubted: tuple[int, float] | None = None  # the newest of that when NATS was away once more, like newest
        self._doubts = 0  # how often it became uncertain
        self._missing_since = 0.0  # monotonic seconds; since then NATS says that it does not have the newest; 0: it has
        self.newest = (0, 0.0)  # position and time of the message that took effect last; 0 before there is one
        self.seen = Extent("", 0, 0)
        self.answered = 0.0

    @property
    def certain(self) -> bool:
        """Whether what took effect is in the log, as far as is known: NATS has not been away since that was seen."""
        return self._log.certain

    async def start(self) -> Callable[[], Awaitable[None]]:
        """Begin to read after the present position. Returns how to stop."""
        self._consumed = self._position()
        return await self._log.read(self._consumed, self._on_consumed)

    async def catch_up(self, log_id: str, last: int, given_up: asyncio.Event) -> None:
        """Wait until the log is read up to ``last``, or reading is given up.

        Raises LogReplaced, LeftBehind, ReadingStopped.
        """
        if self._position() < last:
            log.info("reading the log", extra={"facts": {"position": self._position(), "to": last}})
        moved = self._monotonic()
        while (position := self._position()) < last and not given_up.is_set():
            await asyncio.sleep(CATCH_UP_INTERVAL)
            if not self._log.certain:
                await self._look(log_id)
            if self._position() > position:
                moved = self._monotonic()
            elif self._monotonic() - moved > READING_TIMEOUT:
                raise ReadingStopped
        self.answered = self._monotonic()

    async def check(self, log_id: str) -> None:
        """Look now and then whether the log is still the same, and is read, until cancelled.

        Raises LogReplaced, LeftBehind, ReadingStopped.
        """
        behind = 0.0  # seconds
        while not cancelled():
            interval = FETCH_INTERVAL if behind or not self._log.certain else CHECK_INTERVAL
            consumed = self._consumed
            await asyncio.sleep(interval)
            now = await self._look(log_id)
            if now is None:
                behind = 0.0
                continue
            behind = behind + interval if consumed == self._consumed < now.last else 0.0
            if behind > READING_TIMEOUT:
                raise ReadingStopped
            if behind:
                await self._fetch(now.last)

    async def _look(self, log_id: str) -> Extent | None:
        """See how far the log goes, and let what waited take effect if it is the same; None if NATS does not answer.

        Raises LogReplaced, LeftBehind.
        """
        position, doubts = self._position(), self._doubts  # before the question: they move on meanwhile
        try:
            now = await self._log.extent()
            replaced = now.log_id != log_id or not await self._is_same(now, position)
        except NotFoundError:
            raise LogReplaced from None
        except (NatsError, TimeoutError):
            return None
        self.answered = self._monotonic()
        if replaced:
            raise LogReplaced
        self._check_for_a_gap(now)
        self.seen = now
        if self._doubts == doubts:  # NATS has not been away since it was asked
            self._go_on()
        return now

    def doubt(self) -> None:
        """NATS is away, and may come back without the end of the log: what comes in waits until that is known.

        So may what waits already, if NATS was away before.
        """
        self._log.certain = False
        self._doubts += 1
        if self._held:
            self._doubted = self._held[-1].position, self._held[-1].time

    async def _is_same(self, now: Extent, read: int) -> bool:
        """Whether the log, of which all up to ``read`` was read, still has at its place what took effect last.

        Or what came in last before NATS was away, if that has not taken effect yet. NATS may have lost it, and
        something else be there. Raises TimeoutError while that is not certain.
        """
        position, time = self._doubted or self.newest
        stored = await self._log.message(position) if now.first <= position else None
        if now.last >= read and (stored is not None or now.first > position):  # unless it was trimmed
            self._missing_since = 0.0
            return stored is None or stored.time == time
        self.doubt()
        self._missing_since = self._missing_since or self._monotonic()
        if self._monotonic() - self._missing_since < self._log.patience:
            raise TimeoutError
        return False

    def _check_for_a_gap(self, now: Extent) -> None:
        """Make sure that the log still has what comes next. Raises LeftBehind.

        A broker that was away for long would go on with what there is, and take its state for that of all others.
        """
        if now.first > self._position() + 1:
            raise LeftBehind("the log has been trimmed beyond what was read of it")

    def _go_on(self) -> None:
        """The log is the same: what waited takes effect."""
        self._log.certain = True
        self._doubted = None
        held, self._held = self._held, []
        for stored in held:
            self._on_stored(stored)

    def _on_consumed(self, stored: Stored) -> None:
        if stored.position > max(self._consumed, self._position()) + 1:
            self.doubt()  # trimmed, or somebody has deleted a message
        self._consumed = stored.position
        if self._log.certain:
            self._on_stored(stored)
        else:
            self._held.append(stored)

    async def _fetch(self, last: int) -> None:
        """Read the log up to ``last`` without the consumer, as long as it does not come back.

        The NATS server that it was on may be gone, and NATS needs an election, of up to 9 s, to make another one.
        """
        consumed = self._consumed
        with contextlib.suppress(NatsError, TimeoutError):
            for position in range(self._position() + 1, last + 1):
                stored = await self._log.message(position)
                if stored is None or self._consumed != consumed or not self._log.certain:
                    return
                self.answered = self._monotonic()
                self._on_stored(stored)
