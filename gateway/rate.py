"""How much a client may send. Pure: time is an argument, in seconds of any steady clock.

Every frame is charged to the budget of its sender. A stranger has a small one for each socket; a peer's fills up
again all the time, and outlives its sockets.
"""

import collections
import dataclasses
import weakref
from typing import Protocol

MAX_PATIENCE = 2000  # frames beyond its budget, after which a peer is disconnected
STRANGER_FRAMES = 64  # until it is admitted as a peer
STRANGER_MESSAGES = 2  # of the largest size; that is how many bytes a stranger may send
REFILL = 0.05  # seconds from one time that a peer's budget is filled up to the next
AT_ONCE = 1 / 16  # the part of the clients of one address that may send a burst, or all their bytes, at the same moment
REMEMBERED = 50_000  # budgets of peers that have gone


class Allowance(Protocol):
    """What one socket may send."""

    def take(self, size: int, now: float, frames: int = 1) -> bool:
        """Whether ``frames`` frames of ``size`` bytes in all are within the limit."""

    @property
    def exhausted(self) -> bool:
        """Whether no more is to be heard from this client."""


class Stranger:
    """What a socket may send before it is a peer: a fixed number of frames and bytes."""

    __slots__ = ("bytes", "frames")

    def __init__(self, max_message: int) -> None:
        self.frames = STRANGER_FRAMES
        self.bytes = STRANGER_MESSAGES * max_message

    def take(self, size: int, now: float, frames: int = 1) -> bool:
        """Whether ``frames`` frames of ``size`` bytes in all are within the limit."""
        self.frames -= frames
        self.bytes -= size
        return not self.exhausted

    @property
    def exhausted(self) -> bool:
        """Whether no more is to be heard from this client."""
        return self.frames < 0 or self.bytes < 0


@dataclasses.dataclass(frozen=True, slots=True)
class Rates:
    """What a peer may send: frames and bytes per second on average, and in a burst."""

    frames: float = 200.0
    frames_burst: float = 2000.0
    bytes: float = 1048576.0
    bytes_burst: float = 4194304.0

    @property
    def patience(self) -> float:
        """How many frames beyond that it may send before it is disconnected."""
        return min(MAX_PATIENCE, self.frames_burst)

    def of_address(self, clients: float) -> "Rates":
        """What an address may send: the frames of that many clients, and as many bytes as a part of them."""
        at_once = max(1.0, clients * AT_ONCE)
        return Rates(
            self.frames * clients, self.frames_burst * at_once, self.bytes * at_once, self.bytes_burst * at_once
        )


class Budget:
    """What one peer may send: a bucket of frames and one of bytes, both filled again all the time.

    What is refused costs nothing, so a client that sends too much still gets its rate. ``refused`` counts that, and is
    forgotten once both buckets are full again. What it takes it also takes from ``shared``, if its address has one.
    """

    __slots__ = ("__weakref__", "_bytes", "_frames", "_last", "_rates", "refused", "shared")

    def __init__(self, rates: Rates, now: float) -> None:
        self._rates = rates
        self._frames = rates.frames_burst
        self._bytes = rates.bytes_burst
        self._last = now
        self.refused = 0
        self.shared: Budget | None = None

    def take(self, size: int, now: float, frames: int = 1) -> bool:
        """Whether ``frames`` frames of ``size`` bytes in all are within the limit."""
        if now - self._last > REFILL or self._frames < frames or self._bytes < size:
            self._refill(now)
        # what is larger than a whole bucket takes a full one
        if self._frames < frames or (self._bytes < size and self._bytes < self._rates.bytes_burst):
            self.refused += frames
            return False
        if self.shared is not None and not self.shared.take(size, now, frames):
            self.refused += frames
            return False
        self._frames -= frames
        self._bytes -= size
        return True

    def full(self, now: float) -> bool:
        """Whether there is nothing left to remember."""
        self._refill(now)
        return self._frames == self._rates.frames_burst and self._bytes == self._rates.bytes_burst

    def _refill(self, now: float) -> None:
        """Fill the buckets as far as they are due."""
        rates, passed = self._rates, now - self._last
        self._last = now
        self._frames = min(rates.frames_burst, self._frames + passed * rates.frames)
        self._bytes = min(rates.bytes_burst, self._bytes + passed * rates.bytes)
        if self._frames == rates.frames_burst and self._bytes == rates.bytes_burst:
            self.refused = 0

    @property
    def exhausted(self) -> bool:
        """Whether this peer has been refused so often that it is to be disconnected."""
        return self.refused > self._rates.patience


class Budgets:
    """The budgets of all peers by ``peer_id``, of present ones and of those that may come back.

    All peers at one address share the rates of ``clients`` clients.
    """

    def __init__(self, rates: Rates, clients: float = 16.0) -> None:
        self._rates = rates
        self._shared_rates = rates.of_address(clients)
        self._shared: weakref.WeakValueDictionary[str, Budget] = weakref.WeakValueDictionary()
        self._here: dict[str, Budget] = {}
        self._gone: collections.OrderedDict[str, Budget] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._here) + len(self._gone)

    def take_up(self, peer_id: str, now: float, address: str = "") -> Budget:
        """The budget of a peer on its newest socket: what is left of it, if it has been here before.

        Without an ``address``, which is whom its caller is counted by, it shares with nobody.
        """
        budget = self._here.get(peer_id) or self._gone.pop(peer_id, None) or Budget(self._rates, now)
        self._here[peer_id] = budget
        budget.shared = self._of_address(address, now) if address else None
        return budget

    def _of_address(self, address: str, now: float) -> Budget:
        shared = self._shared.get(address)
        if shared is None:
            shared = self._shared[address] = Budget(self._shared_rates, now)
        return shared

    def leave(self, peer_id: str, budget: Allowance, now: float) -> None:
        """A socket of a peer has ended."""
        if isinstance(budget, Budget) and self._here.get(peer_id) is budget:
            self._gone[peer_id] = self._here.pop(peer_id)
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget the oldest, as long as they are full again or too many are remembered."""
        while self._gone:
            oldest = next(iter(self._gone))
            if len(self._gone) <= REMEMBERED and not self._gone[oldest].full(now):
                return
            del self._gone[oldest]
