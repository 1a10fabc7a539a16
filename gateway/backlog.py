"""What waits for clients to read, of all those at one address together. Pure."""

from typing import Protocol

LOW_WATER = (
    1 / 16
)  # the part of its bound at which a slow client is fast again, and at which it is slow in a full backlog


class Reader(Protocol):
    """A client that something may wait for."""

    @property
    def unsent(self) -> int:
        """Bytes that wait now."""


class Backlog:
    """What waits for the clients of one address. With more than ``most`` bytes it is full."""

    __slots__ = ("__weakref__", "_most", "_notes", "_of", "_sum")

    def __init__(self, most: float) -> None:
        self._most = most
        self._of: dict[Reader, int] = {}  # as it was when they were written to last
        self._sum = 0
        self._notes = 0

    def note(self, client: Reader, unsent: int) -> None:
        """So much waits for a client now."""
        self._notes += 1
        self._sum += unsent - self._of.pop(client, 0)
        if unsent:
            self._of[client] = unsent

    @property
    def full(self) -> bool:
        """Whether too much waits. That clients have read is seen after as many notes as there are clients."""
        if self._sum > self._most and self._notes >= len(self._of):
            for client in list(self._of):
                self.note(client, client.unsent)
            self._notes = 0
        return self._sum > self._most
