"""What is on its way to one gateway."""

from broker.core.history import History
from broker.core.state import Gateway
from shared.envelopes.deliveries import Delivery

PARCEL_BYTES = 256 * 1024  # of several deliveries; one alone may be longer, and is bounded as MAX_BODY and views are


class Part:
    """A parcel in the making."""

    __slots__ = ("deliveries", "size", "total")

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.size = 0
        self.total = 0  # as in Parcel


class Line:
    """What is on its way to one gateway: the parcels in the making, and those that were sent.

    It puts itself into ``busy`` when the first parcel is begun.
    """

    __slots__ = ("busy", "gateway", "history", "name", "open")

    def __init__(self, name: str, gateway: Gateway, busy: list["Line"]) -> None:
        self.name = name
        self.gateway = gateway
        self.busy = busy
        self.history = History(gateway.have)
        self.open: list[Part] = []

    def add(self, delivery: Delivery, size: int, to_write: int) -> int:
        """Put a delivery of ``size`` bytes into a parcel; returns the parcel's number.

        It makes the gateway write ``to_write`` bytes.
        """
        parts = self.open
        if not parts:
            self.busy.append(self)
            parts.append(Part())
        elif parts[-1].size + size > PARCEL_BYTES:
            parts.append(Part())
        part = parts[-1]
        part.deliveries.append(delivery)
        part.size += size
        gateway = self.gateway
        gateway.sealed = part.total = gateway.sealed + to_write
        return gateway.parcel + len(parts)

    def adopt(self, gateway: Gateway, strayed: int | None) -> bool:
        """Go on with the gateway's numbers in a newer state; False if something else was told than we know of.

        Up to log position ``strayed``, one of those on it may have been told more, or less, when it came back.
        """
        more = gateway.sealed - self.gateway.sealed
        if gateway.parcel != self.gateway.parcel or (more and strayed is None):
            return False
        self.history.have = gateway.have
        if more and strayed is not None:
            self.history.add_to_totals(more, strayed)
        self.gateway = gateway
        return True
