"""What a receiver of webhooks got during a chaos run, and whether that is what the documents promise."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

Notice = dict[str, Any]


class Deliveries:
    """Batches by their ``webhook-id``. One is *taken* when the receiver answers so, even if the answer is lost."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}
        self._taken: dict[str, list[Notice]] = {}  # in the order in which they were taken first
        self._faults: list[str] = []
        self.posts = 0

    def arrive(self, batch: str, body: bytes) -> None:
        """A batch has come, perhaps not for the first time."""
        self.posts += 1
        if batch in self._bodies:  # one that was frozen may be late: another batch may be on its way already
            if body != self._bodies[batch]:
                self._faults.append(f"{batch} came again with another body")
            return
        if waiting := sorted(self._bodies.keys() - self._taken.keys()):
            self._faults.append(f"{batch} came although {waiting} had not been taken")
        self._bodies[batch] = body

    def take(self, batch: str) -> None:
        """One that has come is taken."""
        self._taken.setdefault(batch, json.loads(self._bodies[batch])["data"])

    @property
    def batches(self) -> int:
        """How many were taken."""
        return len(self._taken)

    @property
    def notices(self) -> list[Notice]:
        """Of all batches that were taken, in the order in which they were first."""
        return list(itertools.chain.from_iterable(self._taken.values()))

    def faults(self, stream: Sequence[Notice]) -> Iterator[str]:
        """What is wrong with them. ``stream`` are all notices that there are."""
        yield from self._faults
        came = self.notices
        times, told = Counter(notice["id"] for notice in came), {notice["id"]: notice for notice in stream}
        yield from (f"{name} came in {often} batches" for name, often in times.items() if often > 1)
        yield from (f"{name} never came" for name in told if name not in times)
        yield from (f"{name} came, and is not in the stream" for name in times if name not in told)
        for notice in came:
            if notice != told.get(notice["id"], notice):
                yield f"{notice['id']} came as {notice}, and the stream has {told[notice['id']]}"
        expected = (name for name in told if name in times)
        for first, name in zip((name for name in times if name in told), expected, strict=True):
            if first != name:
                yield f"{first} came in the place of {name}"
                return
