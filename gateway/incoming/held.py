"""What waits for the log: entries in order, bounded in bytes for all and for each client.

When more waits than one batch holds, clients take turns, so that nobody waits behind all that another has said. What
each of them says stays in order, and nothing overtakes what is no event: that a socket has authenticated, or ended.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from gateway.connection import Connection
from shared.envelopes.entries import Entry, Said

BATCH_BYTES = 512 * 1024  # of several entries; one alone may be longer
BATCH_LIMIT = 2000  # entries
TURNS = 4 * BATCH_LIMIT  # entries among which clients take turns

Waiting = tuple[Entry, int, Connection | None]  # with its size in bytes, and whose it is


class Held:
    """Entries that are in no batch yet: those ``waiting``.

    ``most`` and ``most_per_client`` bound the bytes not yet in the log.
    """

    def __init__(self, most: int, most_per_client: int) -> None:
        self._most = most
        self._most_per_client = most_per_client
        self.waiting: deque[Waiting] = deque()
        self.bytes = 0

    def put(self, entry: Entry, size: int, connection: Connection) -> bool:
        """Take an entry of a client, if that many bytes more of it may wait."""
        if self.bytes + size > self._most or connection.held + size > self._most_per_client:
            return False
        self.bytes += size
        connection.held += size
        self.waiting.append((entry, size, connection))
        return True

    def put_always(self, entry: Entry) -> None:
        """Take an entry that is charged to nobody."""
        self.waiting.append((entry, 0, None))

    def next_batch(self) -> list[Waiting]:
        """Give out the next entries, as many as fit into a batch. The batch before must have been released."""
        if len(self.waiting) > BATCH_LIMIT or self.bytes > BATCH_BYTES:
            self._take_turns()
        taken: list[Waiting] = []
        size = 0
        while self.waiting and len(taken) < BATCH_LIMIT:
            size += self.waiting[0][1]
            if taken and size > BATCH_BYTES:
                break
            taken.append(self.waiting.popleft())
        return taken

    def _take_turns(self) -> None:
        events: list[Waiting] = []
        while self.waiting and len(events) < TURNS and isinstance(self.waiting[0][0], Said):
            events.append(self.waiting.popleft())
        self.waiting.extendleft(reversed(list(_in_turns(events))))

    def release(self, batch: list[Waiting]) -> None:
        """The log has these."""
        for _, size, connection in batch:
            if connection is not None:
                self.bytes -= size
                connection.held -= size


def _in_turns(events: Iterable[Waiting]) -> Iterator[Waiting]:
    """One of each client, then the next one of each."""
    of_clients: dict[str, deque[Waiting]] = {}
    for event in events:
        of_clients.setdefault(event[2].sid if event[2] else "", deque()).append(event)
    turns = deque(of_clients.values())
    while turns:
        client = turns.popleft()
        yield client.popleft()
        if client:
            turns.append(client)
