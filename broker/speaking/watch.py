"""The watch over gateways: who has been heard of, and how far it has got. Pure: time is an argument, in seconds."""

import dataclasses
import math

from shared.envelopes.deliveries import Beat
from shared.envelopes.entries import UNKNOWN

NATS_PATIENCE = 2 / 3  # of the timeout; NATS is asked so often that it must have answered by then
STUCK = 30.0  # seconds in which a gateway that has not got all there is must get on


@dataclasses.dataclass
class Heard:
    """When a gateway was heard of last, and the newest parcel it had then and before.

    ``moved`` is when it last had all there was, or more than before.
    """

    at: float
    moved: float
    have: int = 0
    had: int = -1
    repeated: float = -math.inf  # when parcels were last sent to it once more


class Watch:
    """Signs of life of all gateways. ``timeout`` is in seconds."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._heard: dict[str, Heard] = {}
        self._looked = 0.0

    def note(self, beat: Beat, now: float, newest: int = 0) -> Heard:
        """A gateway has been heard of; ``newest`` is the number of the newest parcel for it."""
        heard = self._heard.setdefault(beat.gateway, Heard(now, now))
        if beat.have >= newest or beat.have > heard.have:
            heard.moved = now
        heard.at, heard.had, heard.have = now, heard.have, beat.have
        return heard

    def note_alive(self, gateway: str, now: float) -> None:
        """A gateway has said something in the log."""
        if gateway in self._heard:
            self._heard[gateway].at = now

    def have(self, gateway: str) -> int:
        """The newest parcel that a gateway is known to have; UNKNOWN if it has not been heard of yet."""
        return self._heard[gateway].have if self.has_heard(gateway) else UNKNOWN

    def has_heard(self, gateway: str) -> bool:
        """Whether this gateway has said how far it is."""
        return gateway in self._heard and self._heard[gateway].had >= 0

    def grant_grace(self, now: float) -> None:
        """Nobody could be heard for a while: count from now on."""
        for heard in self._heard.values():
            heard.at = heard.moved = now

    def excuse(self, unanswered: float, now: float) -> None:
        """NATS itself has not answered for that many seconds. Nobody can be heard then, and nobody is to blame."""
        if unanswered > self._timeout * NATS_PATIENCE:
            self.grant_grace(now)

    def silent(self, gateways: list[str], now: float) -> list[str]:
        """Those of ``gateways`` that have been silent for too long, or stuck. To be called several times a second."""
        if now - self._looked > self._timeout / 3:
            self.grant_grace(now)  # this process was held up itself, or has just begun to watch
        self._looked = now
        for gone in self._heard.keys() - set(gateways):
            del self._heard[gone]
        for gateway in gateways:
            self._heard.setdefault(gateway, Heard(now, now))
        return [gateway for gateway in gateways if self._is_lost(self._heard[gateway], now)]

    def _is_lost(self, heard: Heard, now: float) -> bool:
        return now - heard.at > self._timeout or now - heard.moved > STUCK
