"""The batches that are made of notices, and what the sender needs of whoever reads them."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Protocol

from auth_api.notices import Told
from shared.envelopes.notices import NoticeId, time_of

MOST = 100  # notices in one batch
LAST_INDEX = 2**31  # behind those of any position


class Notices(Protocol):
    """The notices that are kept, in their order: a ``Reader``."""

    async def read(self, after: NoticeId | None, limit: int, wait: float) -> Sequence[Told]:
        """Those behind an id, or the oldest; none if none comes in ``wait`` seconds. Raises Gone and Unavailable."""

    async def backlog(self, after: NoticeId | None) -> int:
        """Messages of their stream behind the one that an id is in. Raises Unavailable."""


@dataclasses.dataclass(frozen=True)
class Batch:
    """What is sent at once. Made of the same notices, it has the same id and the same bytes."""

    notices: Sequence[Told]

    @property
    def last(self) -> str:
        """The id of the last notice."""
        return str(self.notices[-1].id)

    @property
    def before(self) -> str:
        """An id that stands before the first notice, and behind all before it."""
        log, position, index = self.notices[0].id
        return str(NoticeId(log, position, index - 1) if index else NoticeId(log, max(0, position - 1), LAST_INDEX))

    @property
    def id(self) -> str:
        """``webhook-id``: those of its first and last notice, without the full stop, which parts what is signed."""
        first = str(self.notices[0].id)
        return (first if first == self.last else f"{first}_{self.last}").replace(".", "~")

    @property
    def since(self) -> float:
        """When the oldest of them happened, in seconds since the epoch."""
        return time_of(self.notices[0].data) / 1000

    @property
    def body(self) -> bytes:
        """As Standard Webhooks recommends: type, timestamp and data."""
        moment = datetime.datetime.fromtimestamp(self.since, datetime.UTC).isoformat(timespec="milliseconds")
        data = b",".join(notice.data for notice in self.notices)
        return b'{"type":"notices","timestamp":"%s","data":[%s]}' % (moment.replace("+00:00", "Z").encode(), data)


def batch(notices: Sequence[Told], last: str) -> Batch:
    """The first of them: up to the one that ended the batch in flight, if it is among them."""
    ends = [number for number, notice in enumerate(notices, 1) if str(notice.id) == last]
    return Batch(notices[: ends[0] if ends else MOST])
