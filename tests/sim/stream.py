"""A stream of a simulated NATS server: messages by position, as far as we use them."""

import copy
import datetime
import itertools
from collections.abc import Iterator
from typing import NamedTuple

from nats.js.api import DiscardPolicy, RawStreamMsg, StreamConfig, StreamInfo, StreamState
from nats.js.errors import BadRequestError, NotFoundError, ServiceUnavailableError

WRONG_SEQUENCE = 10071
OVERHEAD = 24  # bytes that a message takes up beside its subject and data


class Stored(NamedTuple):
    """A message in a stream. ``time`` is in microseconds since the epoch."""

    subject: str
    data: bytes
    time: int
    msg_id: str = ""
    deleted: bool = False  # it marks the end of a key


class Stream:
    """What a file would hold. Times are in seconds since the epoch, by the server's clock."""

    def __init__(self, config: StreamConfig) -> None:
        self.config = config
        self.first = 1
        self.last = 0
        self.size = 0
        self.messages: dict[int, Stored] = {}
        self._seen: dict[str, tuple[int, float]] = {}  # position and time by message id
        self.full = False

    @property
    def name(self) -> str:
        return self.config.name or ""

    def takes(self, subject: str) -> bool:
        """Whether messages of a subject belong here."""
        return any(matches(pattern, subject) for pattern in self.config.subjects or [])

    def append(
        self,
        subject: str,
        data: bytes,
        now: float,
        msg_id: str = "",
        last: int | None = None,
        deleted: bool = False,
        end: int | None = None,
    ) -> tuple[int, bool]:
        """Store a message; returns its position, and whether it was there already. Raises APIError.

        ``last`` is what the position of the subject's newest message must be, 0 if there must be none. ``end`` is what
        that of the stream's newest message must be.
        """
        self.expire(now)
        if msg_id and (position := self._duplicate(msg_id, now)):
            return position, True
        if (last is not None and last != self.last_of(subject)) or (end is not None and end != self.last):
            raise BadRequestError(code=400, err_code=WRONG_SEQUENCE, description="wrong last sequence")
        most = self.config.max_bytes or -1
        while (
            self.messages and self.config.discard is DiscardPolicy.OLD and 0 < most < self.size + _size(subject, data)
        ):
            self._remove(next(iter(self.messages)))
            self._find_first()
        if self.full or 0 < most < self.size + _size(subject, data):
            raise ServiceUnavailableError(code=503, err_code=10077, description="maximum bytes exceeded")
        self.last += 1
        self.messages[self.last] = Stored(subject, data, int(now * 1e6), msg_id, deleted)
        self.size += _size(subject, data)
        if msg_id:
            self._seen[msg_id] = self.last, now
        if self.config.max_msgs_per_subject == 1:
            self._keep_newest(subject)
        return self.last, False

    def get(self, position: int) -> RawStreamMsg:
        """The message at a position. Raises NotFoundError."""
        stored = self.messages.get(position)
        if stored is None:
            raise NotFoundError(code=404, err_code=10037, description="no message found")
        # not by way of a float, which is off by a microsecond now and then
        time = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(microseconds=stored.time)
        return RawStreamMsg(subject=stored.subject, seq=position, data=stored.data, time=time)

    def last_of(self, subject: str) -> int:
        """The position of a subject's newest message; 0 if there is none."""
        return next((position for position in reversed(self.messages) if self.messages[position].subject == subject), 0)

    def after(self, position: int) -> Iterator[tuple[int, Stored]]:
        """What comes behind a position."""
        if not self.messages:
            return
        for number in range(max(position + 1, self.first), self.last + 1):
            if number in self.messages:
                yield number, self.messages[number]

    def info(self, subjects: str | None = None) -> StreamInfo:
        """How it is set up, and what it holds."""
        counts: dict[str, int] = {}
        if subjects:
            for stored in self.messages.values():
                if matches(subjects, stored.subject):
                    counts[stored.subject] = counts.get(stored.subject, 0) + 1
        state = StreamState(len(self.messages), self.size, self.first, self.last, 0, subjects=counts or None)
        return StreamInfo(copy.copy(self.config), state)

    def purge(self, before: int | None, subject: str | None) -> None:
        """Remove what lies before a position, or what is of a subject."""
        if before is not None:
            for position in [number for number in self.messages if number < before]:
                self._remove(position)
            self.first = max(self.first, min(before, self.last + 1))
        if subject is not None:
            for position in [number for number, stored in self.messages.items() if stored.subject == subject]:
                self._remove(position)
        self._find_first()

    def expire(self, now: float) -> None:
        """Remove what is too old."""
        if age := self.config.max_age:
            young = (now - age) * 1e6
            old = itertools.takewhile(lambda position: self.messages[position].time <= young, self.messages)
            for position in list(old):
                self._remove(position)
            self._find_first()

    def recover(self, position: int) -> None:
        """Read it from the disk again, which holds it up to a position: which ids it has seen follows from the rest."""
        for number in [number for number in self.messages if number > position]:
            self._remove(number)
        self.last = min(self.last, position)
        self._seen = {stored.msg_id: (number, stored.time / 1e6) for number, stored in self.messages.items()}
        self._find_first()

    def _duplicate(self, msg_id: str, now: float) -> int:
        position, time = self._seen.get(msg_id, (0, 0.0))
        return position if time > now - (self.config.duplicate_window or 120) else 0

    def _keep_newest(self, subject: str) -> None:
        for position in [number for number, stored in self.messages.items() if stored.subject == subject][:-1]:
            self._remove(position)
        self._find_first()

    def _remove(self, position: int) -> None:
        stored = self.messages.pop(position)
        self.size -= _size(stored.subject, stored.data)

    def _find_first(self) -> None:
        self.first = next(iter(self.messages), self.last + 1)


def matches(pattern: str, subject: str) -> bool:
    """Whether a subject is one of those that a pattern means: ``*`` is a word at its end, ``>`` one or more of them."""
    if pattern[-1] == ">":
        return subject.startswith(pattern[:-1]) and len(subject) >= len(pattern)
    if pattern[-1] == "*":
        start = len(pattern) - 1
        return subject.startswith(pattern[:-1]) and len(subject) > start and "." not in subject[start:]
    return pattern == subject


def _size(subject: str, data: bytes) -> int:
    return len(subject) + len(data) + OVERHEAD
