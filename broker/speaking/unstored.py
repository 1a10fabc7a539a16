"""Notices that are not known to be stored, and some of those that are, since NATS may lose them again. Pure."""

from collections import deque
from collections.abc import Sequence

from shared.envelopes.notices import MOST_BYTES, Notice, NoticeId, NoticePlace, encode_notice

MOST = 100_000  # notices that wait to be stored; beyond that the oldest are lost
RECENT = 10_000  # notices that were stored last


class Unstored:
    """In order of their places. ``floor`` is the place up to which this broker has none of them (any more)."""

    def __init__(self, floor: NoticePlace) -> None:
        self.floor = floor
        self._stored: deque[tuple[NoticePlace, Notice]] = deque()
        self._waiting: deque[tuple[NoticePlace, Notice]] = deque()
        self._until = (0, -1)  # what is stored, as far as is known

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def oldest(self) -> int | None:
        """The time of the first one that waits, in ms since the epoch."""
        return self._waiting[0][1].time if self._waiting else None

    def add(self, position: int, notices: Sequence[Notice]) -> None:
        """What was said at the next position of the log."""
        for nth, notice in enumerate(notices):
            place = (position, nth)
            (self._stored if place <= self._until else self._waiting).append((place, notice))
        self._bound()

    def note_stored(self, until: NoticePlace) -> None:
        """Everything up to a place is stored."""
        self._until = max(self._until, until)
        while self._waiting and self._waiting[0][0] <= until:
            self._stored.append(self._waiting.popleft())
        self._bound()

    def note_end(self, until: NoticePlace) -> None:
        """Everything up to a place is stored, and nothing behind it."""
        self.note_stored(until)
        self._until = until
        while self._stored and self._stored[-1][0] > until:
            self._waiting.appendleft(self._stored.pop())

    def forget(self, until: NoticePlace) -> None:
        """Have none of those up to a place any more."""
        self.note_stored(until)
        self._stored.clear()
        self.floor = max(self.floor, until)

    def drop_older(self, time: int) -> None:
        """Have none of those that wait and are older, in ms since the epoch."""
        while self._waiting and self._waiting[0][1].time < time:
            self.floor, _ = self._waiting.popleft()

    def put_first(self, notice: Notice) -> None:
        """Let a notice stand for all of those up to the floor, unless one does already."""
        if not self._waiting or self._waiting[0][0] > self.floor:
            self._waiting.appendleft((self.floor, notice))

    def bundle(self, log: str, before: str) -> list[bytes]:
        """The first ones that wait, for one message of the stream. ``before`` is the id of the one before them."""
        bundle: list[bytes] = []
        size = 0
        for (position, nth), notice in self._waiting:
            notice_id = NoticeId(log, position, nth)
            encoded = encode_notice(notice_id, notice, before)
            size += len(encoded)
            if bundle and size > MOST_BYTES:
                break
            bundle.append(encoded)
            before = str(notice_id)
        return bundle

    def _bound(self) -> None:
        while len(self._stored) > RECENT:
            self.floor = max(self.floor, self._stored.popleft()[0])
        while len(self._waiting) > MOST:
            self.floor = max(self.floor, self._waiting.popleft()[0])
