"""What gateways were sent lately: to repeat what one has missed, and to know what the client of a lost socket missed.

A parcel stays until its gateway has confirmed it in the log, however long that takes, and some time longer, since a
client may know better than its gateway what has arrived. All of it follows from the log alone: every broker that has
read that much of the log has the same.
"""

from collections import deque
from collections.abc import Iterable

import msgspec

from shared.envelopes.deliveries import Emit, Parcel

HISTORY_BYTES = 16 * 1024 * 1024  # of what is confirmed, kept for each gateway
HISTORY_PARCELS = 20_000
HISTORY_SECONDS = 45.0  # longer than it takes to see that a client's network died
SENT_FRAMES = 1024  # of what is confirmed, known for each socket


# A frame for a socket: the number of its parcel, the log position it came from, the delivery it was in, and its kind.
Sent = tuple[int, int, Emit, int]


class History:
    """The newest parcels of one gateway, and by socket what was in them.

    ``have`` is the newest parcel that the gateway has confirmed. What comes after it is bounded by the rules, which
    refuse to send more to a gateway that is too far behind.
    """

    __slots__ = ("_bytes", "_parcels", "_sent", "_unlike", "have")

    def __init__(self, have: int = 0) -> None:
        self._parcels: deque[tuple[Parcel, int, float]] = deque()
        self._bytes = 0
        self._unlike = 0  # the newest parcel that may differ from what was sent
        self._sent: dict[str, list[Sent]] = {}  # lists, since most are short, and a deque is not
        self.have = have

    def note(self, conn: str, sent: Sent) -> None:
        """Remember that a frame goes to ``conn``."""
        known = self._sent.get(conn)
        if known is None:
            self._sent[conn] = [sent]
            return
        known.append(sent)
        if len(known) > SENT_FRAMES and known[0][0] <= self.have:
            del known[0]

    def take(self, conn: str) -> Iterable[Sent]:
        """What is known to have been sent to ``conn``, oldest first; it is forgotten here."""
        return self._sent.pop(conn, ())

    def add(self, parcel: Parcel, size: int, now: float) -> None:
        """Remember ``parcel``; forget the oldest when there are too many."""
        self._parcels.append((parcel, size, now))
        self._bytes += size
        self.forget_old(now)
        while (self._bytes > HISTORY_BYTES or len(self._parcels) > HISTORY_PARCELS) and self._is_confirmed():
            self._drop()

    def forget_old(self, now: float) -> None:
        """Forget what is confirmed and older than HISTORY_SECONDS."""
        while self._parcels and self._parcels[0][2] < now - HISTORY_SECONDS and self._is_confirmed():
            self._drop()

    def after(self, number: int) -> list[Parcel]:
        """The parcels with a higher number than ``number``, oldest first, but for those that are not to be repeated."""
        return self._after(max(number, self._unlike))

    def add_to_totals(self, more: int, position: int) -> None:
        """Add to the totals of what is not confirmed. What follows from the log up to ``position`` is not repeated."""
        parcels = self._parcels
        for place in range(len(parcels) - 1, -1, -1):
            parcel, size, time = parcels[place]
            if parcel.number <= self.have:
                break
            if parcel.position <= position:
                self._unlike = parcel.number
                break
            parcels[place] = (msgspec.structs.replace(parcel, total=parcel.total + more), size, time)

    def oldest_unconfirmed(self) -> int | None:
        """The log position of the oldest parcel that is not confirmed."""
        missing = self._after(self.have)
        return missing[0].position if missing else None

    def _after(self, number: int) -> list[Parcel]:
        found = []
        for parcel, _, _ in reversed(self._parcels):
            if parcel.number <= number:
                break
            found.append(parcel)
        return found[::-1]

    def _is_confirmed(self) -> bool:
        return bool(self._parcels) and self._parcels[0][0].number <= self.have

    def _drop(self) -> None:
        parcel, size, _ = self._parcels.popleft()
        self._bytes -= size
        for delivery in parcel.deliveries:
            if isinstance(delivery, Emit):
                for conn in delivery.conns:
                    known = self._sent.get(conn)
                    if known and known[0][0] <= parcel.number:
                        del known[0]
