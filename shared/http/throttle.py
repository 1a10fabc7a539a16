"""How often one address may try. Pure: time is an argument, in seconds of any steady clock."""

import collections


class Throttle:
    """A bucket of tries for each address, filled again at one try in ``period`` seconds.

    At most ``addresses`` buckets are remembered: beyond that the one unused for longest is forgotten, which
    gives its address a full bucket. What costs a try is up to the caller.
    """

    def __init__(self, tries: int, period: float, addresses: int) -> None:
        self._slack = (tries - 1) * period
        self._period = period
        self._addresses = addresses
        # One number says it all: when the bucket of an address will be full again. Least recently used first.
        self._full_at: collections.OrderedDict[str, float] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may try again; 0 if it may now."""
        return max(0.0, self._full_at.get(address, now) - self._slack - now)

    def charge(self, address: str, now: float) -> None:
        """Take one try away from an address that ``wait`` let through."""
        self._full_at[address] = max(self._full_at.get(address, now), now) + self._period
        self._full_at.move_to_end(address)
        self._forget(now)

    def _forget(self, now: float) -> None:
        while len(self._full_at) > self._addresses or self._oldest() <= now:
            self._full_at.popitem(last=False)

    def _oldest(self) -> float:
        return self._full_at[next(iter(self._full_at))]
