"""One client's connection, as the gateway knows it."""

import dataclasses

from gateway.engineio_overrides import Socket


@dataclasses.dataclass(slots=True)
class Bucket:
    """A token bucket: so many events at once, so many a second. Time is in seconds, from any clock."""

    rate: float
    burst: float
    level: float
    last: float

    def take(self, now: float) -> float:
        """Take one; the level after that. Below zero the event is one too many."""
        self.level = min(self.burst, self.level + (now - self.last) * self.rate)
        self.last = now
        self.level = max(self.level - 1, -self.burst)
        return self.level


@dataclasses.dataclass(slots=True)
class Connection:
    """A socket and who is behind it. ``peer_id`` is empty until the broker has admitted it.

    ``token`` is its newest session token, good until ``expires`` (seconds since the epoch). ``logged`` says that the
    log knows of this socket, so its end has to go there too. ``held`` counts its bytes on the way to the log.
    ``resumable`` may come back on another socket; ``returning`` has asked to do so on this one.
    """

    sid: str
    app: str
    socket: Socket
    bucket: Bucket
    peer_id: str = ""
    peerinfo: bytes = b""
    token: str = ""
    expires: float = 0.0
    logged: bool = False
    resumable: bool = False
    returning: bool = False
    held: int = 0

    def send(self, frames: list[bytes]) -> None:
        """Send encoded frames, in order."""
        for frame in frames:
            self.socket.send_frame(frame)
