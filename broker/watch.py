"""The watch over gateways: who has been heard of, and how far it has got. Pure: time is an argument, in seconds."""

import dataclasses

from shared.deliveries import Beat
from shared.log import UNKNOWN


@dataclasses.dataclass
class Heard:
    """When a gateway was heard of last, and the newest parcel it had then and before."""

    at: float
    have: int = 0
    had: int = -1


class Watch:
    """Signs of life of all gateways. ``timeout`` is in seconds."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._heard: dict[str, Heard] = {}
        self._looked = 0.0

    def note(self, beat: Beat, now: float) -> Heard:
        """A gateway has been heard of."""
        heard = self._heard.setdefault(beat.gateway, Heard(now))
        heard.at, heard.had, heard.have = now, heard.have, beat.have
        return heard

    def have(self, gateway: str) -> int:
        """The newest parcel that a gateway is known to have; UNKNOWN if it has not been heard of yet."""
        return self._heard[gateway].have if self.has_heard(gateway) else UNKNOWN

    def has_heard(self, gateway: str) -> bool:
        """Whether this gateway has said how far it is."""
        return gateway in self._heard and self._heard[gateway].had >= 0

    def grant_grace(self, now: float) -> None:
        """Nobody could be heard for a while: count from now on."""
        for heard in self._heard.values():
            heard.at = now

    def silent(self, gateways: list[str], now: float) -> list[str]:
        """Those of ``gateways`` that have been silent for too long. To be called several times a second."""
        if now - self._looked > self._timeout / 3:
            self.grant_grace(now)  # this process was held up itself, or has just begun to watch
        self._looked = now
        for gone in self._heard.keys() - set(gateways):
            del self._heard[gone]
        for gateway in gateways:
            self._heard.setdefault(gateway, Heard(now))
        return [gateway for gateway in gateways if now - self._heard[gateway].at > self._timeout]
