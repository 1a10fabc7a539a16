"""The speaker stores notices in their stream, once each and in order; a standby keeps those that may not be stored yet.

There is one end of the stream, which says itself what is stored. A broker that begins to store looks there first, and
so does one whose attempt failed, or was overtaken: NATS takes a message only if the stream still ends where its sender
thinks. What a broker does not have any more, or never had, is said by `notices-lost`.

Notices never hold anything up: they are stored while the log is read on, as much at a time as has come meanwhile.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import msgspec
from nats.errors import Error as NatsError
from prometheus_client import Counter

from broker.core.machine import Core
from broker.speaking.lease import Lease
from broker.speaking.unstored import Unstored
from broker.storage.notice_stream import End, NoticeStream
from broker.storage.stream import EventLog
from shared.envelopes import subjects
from shared.envelopes.notices import (
    Notice,
    Noticed,
    NoticeId,
    NoticePlace,
    NoticesLost,
    id_of,
    pack_noticed,
    unpack_noticed,
)
from shared.messaging.connection import cancelled
from shared.messaging.messaging import Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

LOOK_INTERVAL = 1.0  # seconds between looks at whether there is anything to store, if nobody says so
PAUSE = 0.5  # seconds until it is tried again
GATHERING = (
    0.02  # seconds in which more may come: one message of the stream costs as much with many notices as with one
)
BEGINNING = (0, 0)  # stands before all notices
NOTHING = (0, -1)  # stands before that, too

NOTICES_STORED = Counter("parley_broker_notices_stored", "Notices that this broker has stored.")
NOTICES_LOST = Counter("parley_broker_notices_lost", "Times that this broker had to say that notices are lost.")


class NoticeWriter:
    """Stores notices while this broker holds the lease. They are kept for ``keep`` seconds."""

    def __init__(
        self,
        nc: Messaging,
        stream: NoticeStream,
        event_log: EventLog,
        core: Core,
        lease: Lease,
        log_id: str,
        keep: float,
        world: World,
    ) -> None:
        self._nc = nc
        self._stream = stream
        self._log = event_log
        self._core = core
        self._lease = lease
        self._log_id = log_id or "log"
        self._name = self._log_id  # what ids begin with
        self._monotonic = world.monotonic
        self._keep = keep
        self._end: End | None = None  # where the stream ends; None if that is not known
        self._unstored = Unstored(core.state.noticed)
        self._more = asyncio.Event()
        self._failing = False
        self._distrusted = False
        self._cut_since = 0.0  # monotonic seconds; since then the log seems to end too soon; 0: it does not

    def add(self, position: int, notices: Sequence[Notice]) -> None:
        """Take what follows from a message of the log."""
        self._unstored.add(position, notices)
        self._more.set()

    def id_of_newest(self) -> NoticeId | None:
        """The id of the newest notice that is in the state: what comes behind it is not. None without notices."""
        return NoticeId(self._name, *self._core.state.noticed) if self._core.notices.on else None

    @property
    def waiting(self) -> int:
        """How many are not stored yet, if it is this broker that stores them."""
        return len(self._unstored) if self._lease.held else 0

    def oldest(self, now: float) -> float:
        """How old the first of those is, in seconds, where the log's time is ``now``."""
        time = self._unstored.oldest if self._lease.held else None
        return max(0.0, now - time / 1000) if time is not None else 0.0

    def look_again(self) -> None:
        """Others may have stored notices, or NATS may have lost some: see what is stored before storing more."""
        self._end = None
        self._more.set()

    def distrust(self) -> None:
        """The state follows from a part of the log."""
        self._distrusted = True

    async def run(self) -> None:
        """Store what there is, until cancelled."""
        subscription = await self._nc.subscribe_straight(subjects.NOTICED, self._hear)
        try:
            while not cancelled():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_INTERVAL):
                        await self._more.wait()
                await asyncio.sleep(GATHERING)
                self._more.clear()
                await self._store()
        finally:
            if not self._nc.is_closed:
                await subscription.unsubscribe()

    def _hear(self, _subject: str, _reply: str, data: bytes) -> None:
        """What the speaker says that it has stored, a standby need not keep."""
        with contextlib.suppress(msgspec.MsgspecError, ValueError):
            newest = NoticeId.parse(unpack_noticed(data).id)
            if not self._lease.held and self._is_ours(newest):
                self._name = newest.log
                self._unstored.note_stored(newest.place)

    @property
    def _is_due(self) -> bool:
        unknown = self._end is None and self._core.notices.on
        return self._lease.held and self._log.certain and self._nc.is_connected and (unknown or len(self._unstored) > 0)

    async def _store(self) -> None:
        try:
            while self._is_due:
                if self._end is None:
                    await self._begin()
                else:
                    await self._store_next(self._end)
                self._failing = False
        except (NatsError, TimeoutError) as error:
            self._end = None  # what was sent may be stored all the same
            if not self._failing:
                log.warning("notices cannot be stored, and wait: %s", str(error) or type(error).__name__)
            self._failing = True
            await asyncio.sleep(PAUSE)

    async def _store_next(self, end: End) -> None:
        """Store the first ones that wait."""
        bundle = self._unstored.bundle(self._name, str(end.newest or ""))
        newest = id_of(bundle[-1])
        sequence = await self._stream.append(end, bundle)
        self._end = End(sequence, newest)
        self._unstored.note_stored(newest.place)
        NOTICES_STORED.inc(len(bundle))
        self._nc.publish_now(subjects.NOTICED, pack_noticed(Noticed(sequence, str(newest))))

    async def _begin(self) -> None:
        """Find out what is stored, and what this broker has to say about the rest."""
        await self._stream.open()
        end = await self._stream.end()
        newest = end.newest
        if newest is not None and self._is_ours(newest):
            self._name = newest.log
            if self._distrusted or await self._is_cut(end):
                self._start_anew()
            else:
                self._continue(newest.place)
        elif newest is None and end.sequence:  # all that was stored was too old to be kept
            self._unstored.drop_older(round((self._core.state.now - self._keep) * 1000))
            end = End(end.sequence, NoticeId(self._name, *self._unstored.floor))
        else:
            self._name = self._log_id
            self._unstored.note_end(NOTHING)
            if newest is not None or self._unstored.floor > BEGINNING:  # of a log that was lost; or of this one
                self._lose()
        self._end = end

    def _continue(self, stored: NoticePlace) -> None:
        self._unstored.note_end(stored)
        if stored < self._unstored.floor:
            self._lose()

    def _lose(self) -> None:
        """Say that everything up to the floor that is not stored is lost."""
        notice = NoticesLost(time=round(self._core.state.now * 1000), app="", room=None, key=None)
        self._unstored.put_first(notice)
        NOTICES_LOST.inc()
        log.error("notices are lost", extra={"facts": {"up_to": self._unstored.floor[0]}})

    async def _is_cut(self, end: End) -> bool:
        """Whether the log has lost the end from which the newest notices follow.

        In a cluster, a server that was away may say for some time that the log ends sooner than it does: wait then.
        """
        assert end.newest is not None  # noqa: S101 - for the type checker
        position = end.newest.position
        if not position:
            return False
        last = (await self._log.extent()).last
        stored = await self._log.message(position) if position <= last else None
        if position <= last and (stored is None or round(stored.time * 1000) <= end.time):
            self._cut_since = 0.0
            return False
        now = self._monotonic()
        self._cut_since = self._cut_since or now
        if now - self._cut_since < self._log.patience:
            raise TimeoutError("the log ends sooner than its notices")
        return True

    def _start_anew(self) -> None:
        """What was stored may not be the case: say so, and let no id come twice."""
        self._distrusted = False
        self._name = _next_name(self._log_id, self._name)
        self._unstored.forget(self._core.state.noticed)
        self._lose()

    def _is_ours(self, notice: NoticeId) -> bool:
        return notice.log == self._log_id or notice.log.startswith(f"{self._log_id}.")


def _next_name(log_id: str, name: str) -> str:
    """What ids begin with after the end of the log was lost."""
    number = name.removeprefix(log_id).removeprefix(".")
    return f"{log_id}.{int(number or 0) + 1}"
