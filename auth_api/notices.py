"""Notices, as they are read from their stream: behind an id, in order, and as they come.

Webhooks and the calls under /admin/notices share one Reader. It keeps nothing but where some ids stand in the stream.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from nats.errors import Error as NatsError
from nats.js.api import StreamState
from nats.js.errors import NotFoundError

from shared.envelopes import subjects
from shared.envelopes.notices import (
    Bundle,
    NoticeId,
    NoticesLost,
    encode_notice,
    id_of,
    time_of,
    unpack_bundle,
    unpack_noticed,
)
from shared.messaging.messaging import JetStream, Messaging
from shared.process.world import World

MOST_NOTICES = 1000  # in one answer
ENOUGH_BYTES = 1024 * 1024  # of notices in one answer, beyond which no more are read for it
TIMEOUT = 2.0  # seconds for NATS to answer
LOOK_INTERVAL = 1.0  # seconds until the stream is looked at, if nobody says that there is more
NO_NOTICES = Bundle("", [])
MOST_KNOWN = 256  # ids whose message in the stream is remembered: each reader goes on where it was


class Told(NamedTuple):
    """A notice: its id, and all of it as JSON."""

    id: NoticeId
    data: bytes


class Gone(Exception):
    """What follows that id is not kept any more. ``oldest`` is the first notice that is.

    ``lost`` says so as a notice: whoever takes that instead can go on behind its id.
    """

    def __init__(self, oldest: NoticeId, lost: Told) -> None:
        super().__init__(f"the oldest notice is {oldest}")
        self.oldest = oldest
        self.lost = lost


class Unavailable(Exception):
    """NATS cannot be reached, or there is no stream of notices."""


class NoNotices(Unavailable):
    """There is no stream of notices: brokers were told not to make any, or have not begun to."""


class Reader:
    """Reads notices. ``connection`` is the one to NATS, None while there is none."""

    def __init__(self, connection: Callable[[], Messaging | None], world: World) -> None:
        self._connection = connection
        self._monotonic = world.monotonic
        self._listening: Messaging | None = None  # the connection on which the speaker is heard
        self._waiting: set[asyncio.Future[None]] = set()
        self._known: dict[NoticeId, int] = {}  # the message in which an id stands, by id

    async def read(self, after: NoticeId | None, limit: int = 100, wait: float = 0.0) -> list[Told]:
        """The first notices behind ``after``, or of all; none if none comes within ``wait`` seconds.

        Raises Gone and Unavailable.
        """
        until = self._monotonic() + wait
        while True:
            more = self._hear_of_more() if wait else None
            try:
                found = await self._read(after, limit)
                if found or more is None or (left := until - self._monotonic()) <= 0:
                    return found
                await asyncio.wait({more}, timeout=min(left, LOOK_INTERVAL))
            except (NatsError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
                raise Unavailable(type(error).__name__) from None
            finally:
                if more is not None:
                    self._waiting.discard(more)

    async def backlog(self, after: NoticeId | None) -> int:
        """Messages of the stream behind the one that an id is in, or all. Raises Unavailable."""
        try:
            state = await self._state()
            if after is None:
                return state.messages
            sequence, bundle = await self._find(after)
            had = bundle is not None and bundle.notices and _is_had(id_of(bundle.notices[-1]), after)
            return max(0, state.last_seq + 1 - sequence - bool(had))
        except (NatsError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
            raise Unavailable(type(error).__name__) from None

    async def _read(self, after: NoticeId | None, limit: int) -> list[Told]:
        await self._listen()
        sequence, bundle = await self._find(after)
        if after is not None and bundle is not None:
            self._check(after, bundle)
        found: list[Told] = []
        size, last = 0, sequence
        while bundle is not None and len(found) < limit and size < ENOUGH_BYTES:
            for raw in bundle.notices:
                notice = Told(id_of(raw), bytes(raw))
                if len(found) < limit and not _is_had(notice.id, after):
                    found.append(notice)
                    size += len(notice.data)
            last, sequence = sequence, sequence + 1
            bundle = await self._bundle(sequence)
        if found:
            self._remember(found[-1].id, last)  # it is what the reader goes on behind
        return found

    async def _find(self, after: NoticeId | None) -> tuple[int, Bundle | None]:
        """The message of the stream in which what follows an id begins, or the one before, and what it has."""
        known = self._known.get(after) if after is not None else None
        bundle = await self._bundle(known) if known is not None else None
        if known is None or bundle is None:
            known = await self._search(after)
            bundle = await self._bundle(known)
            if after is not None and bundle is not None:
                self._remember(after, known)  # whoever waits asks for it again and again
        return known, bundle

    async def _search(self, after: NoticeId | None) -> int:
        state = await self._state()
        if after is None or not state.messages:
            return max(1, state.first_seq)  # 0 before there is anything
        subject = f"{subjects.NOTICES}{after.log}"
        try:
            end = (await self._stream.get_msg(subjects.NOTICE_STREAM, subject=subject)).seq or 0
        except NotFoundError:
            return max(1, state.first_seq)
        begin = state.first_seq
        while begin < end:
            middle = (begin + end) // 2
            newest = await self._newest(middle, end)
            if newest is not None and _is_before(newest, after):
                begin = middle + 1
            else:
                end = middle
        return begin

    async def _newest(self, begin: int, end: int) -> NoticeId | None:
        """The newest notice in the first message, of those from one to before another, that has any."""
        for sequence in range(begin, end):
            if (bundle := await self._bundle(sequence)) is not None and bundle.notices:
                return id_of(bundle.notices[-1])
        return None

    def _check(self, after: NoticeId, bundle: Bundle) -> None:
        """Make sure that nothing is missing between an id and the message that is read next. Raises Gone."""
        if not bundle.notices:
            return
        first = id_of(bundle.notices[0])
        before = NoticeId.parse(bundle.before) if bundle.before else NoticeId(first.log, 0, 0)
        follows = before.log == after.log and before.place <= after.place
        if not follows and not (first.log == after.log != before.log):
            raise Gone(first, _lost(after, before, time_of(bundle.notices[0])))

    async def _bundle(self, sequence: int) -> Bundle | None:
        try:
            message = await self._stream.get_msg(subjects.NOTICE_STREAM, sequence)
        except NotFoundError:
            return None
        try:
            return unpack_bundle(message.data or b"")
        except msgspec.MsgspecError:
            return NO_NOTICES  # whatever it is, readers go on behind it

    async def _state(self) -> StreamState:
        try:
            return (await self._stream.stream_info(subjects.NOTICE_STREAM)).state
        except NotFoundError:
            raise NoNotices("there is no stream of them") from None

    @property
    def _stream(self) -> JetStream:
        if (connection := self._connection()) is None or not connection.is_connected:
            raise TimeoutError("there is no connection")
        return connection.jetstream(timeout=TIMEOUT)

    def _remember(self, notice_id: NoticeId, sequence: int) -> None:
        self._known.pop(notice_id, None)
        self._known[notice_id] = sequence
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    async def _listen(self) -> None:
        connection = self._connection()
        if connection is not None and connection is not self._listening:
            self._listening = connection
            await connection.subscribe_straight(subjects.NOTICED, self._on_noticed)

    def _hear_of_more(self) -> asyncio.Future[None]:
        """Is done when the speaker says that there is more."""
        more: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(more)
        return more

    def _on_noticed(self, _subject: str, _reply: str, data: bytes) -> None:
        with contextlib.suppress(msgspec.MsgspecError):
            unpack_noticed(data)
            for more in self._waiting:
                if not more.done():
                    more.set_result(None)


def _lost(after: NoticeId, before: NoticeId, time: int) -> Told:
    """That what follows ``after`` is gone. Its time is the oldest notice's, so that it is the same whoever says it."""
    notice = NoticesLost(time=time, app="", room=None, key=None)
    return Told(before, encode_notice(before, notice, str(after)))


def _is_before(last: NoticeId, after: NoticeId) -> bool:
    """Whether a message that ends with ``last`` has nothing behind an id. Those of other logs stand before its own."""
    return last.log != after.log or last.place <= after.place


def _is_had(notice_id: NoticeId, after: NoticeId | None) -> bool:
    """Whether a reader that is behind an id has had this notice, in the message that it reads first."""
    return after is not None and notice_id.log == after.log and notice_id.place <= after.place
