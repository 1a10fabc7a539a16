"""Who may open a session: by address, before there is anything else to tell callers apart by.

A caller on this machine that is no trusted proxy has no address to count by: it is a program of this machine, or a
proxy that nobody named, whose clients must not share one budget.
"""

import dataclasses
from collections import Counter

from aiohttp import web

from gateway import metrics
from shared.http.client_address import Network, client_address, is_local
from shared.http.throttle import Throttle

ADDRESSES = 20_000  # whose handshakes are remembered
RETRY_LATER = 5.0  # seconds until an address that has too many sockets is to try again
NOBODY = ""  # the address of clients that are not counted by one


@dataclasses.dataclass(frozen=True)
class Limits:
    """``handshakes`` a second in the long run and ``burst`` of them at once, and open ``sockets``, for each address;
    ``strangers`` are the sockets of all addresses that have not authenticated.
    """

    handshakes: float = 50.0
    burst: int = 1000
    sockets: int = 1000
    strangers: int = 2000


class Newcomers:
    """Counts sessions by address, and unauthenticated ones. ``trusted`` proxies tell whose they are."""

    def __init__(self, limits: Limits, trusted: tuple[Network, ...] = ()) -> None:
        self._limits = limits
        self._trusted = trusted
        self._throttle = Throttle(limits.burst, 1 / limits.handshakes, ADDRESSES)
        self._sockets: Counter[str] = Counter()
        self._strangers: dict[str, dict[str, None]] = {}  # by address, the oldest first
        self._count = 0

    @property
    def strangers(self) -> int:
        """How many sockets have not authenticated."""
        return self._count

    def address_of(self, request: web.Request) -> str:
        """What a caller is counted by; ``NOBODY`` if by nothing."""
        address = client_address(request, self._trusted)
        return NOBODY if is_local(address) else address

    def wait(self, address: str, now: float) -> float:
        """Seconds until a handshake from there is welcome; 0, and it is counted, if it is now."""
        if address == NOBODY:
            return 0.0
        if self._sockets[address] >= self._limits.sockets:
            metrics.HANDSHAKES.labels("too many sockets").inc()
            return RETRY_LATER
        if (wait := self._throttle.wait(address, now)) > 0:
            metrics.HANDSHAKES.labels("too fast").inc()
            return wait
        self._throttle.charge(address, now)
        return 0.0

    def came(self, address: str, sid: str) -> str | None:
        """A session has opened. Returns the one that has to make room for it, if there are too many strangers."""
        self._sockets[address] += 1
        self._strangers.setdefault(address, {})[sid] = None
        self._count += 1
        if self._count <= self._limits.strangers:
            return None
        crowd = max(self._strangers.values(), key=len)
        metrics.HANDSHAKES.labels("crowded out").inc()
        return next(iter(crowd))

    def proved(self, address: str, sid: str) -> None:
        """It has authenticated."""
        waiting = self._strangers.get(address, {})
        if sid in waiting:
            del waiting[sid]
            self._count -= 1
            if not waiting:
                del self._strangers[address]

    def left(self, address: str, sid: str) -> None:
        """It has ended."""
        self.proved(address, sid)
        self._sockets[address] -= 1
        if self._sockets[address] <= 0:
            del self._sockets[address]
