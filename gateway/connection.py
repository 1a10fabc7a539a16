"""One client's connection, as the gateway knows it."""

import dataclasses

from aiohttp import WSCloseCode

from gateway.engineio_overrides import Socket
from shared.tokens import App, new_key


@dataclasses.dataclass(slots=True)
class Bucket:
    """A token bucket: so many events at once, so many a second. Time is in seconds, from any clock.

    What is refused costs nothing, so one who sends too much still gets the rate. ``refused`` counts that, and is
    forgotten once the bucket is full again.
    """

    rate: float
    burst: float
    level: float
    last: float
    refused: int = 0

    def take(self, now: float) -> bool:
        """Whether one more event is within the limit."""
        self.level = min(self.burst, self.level + (now - self.last) * self.rate)
        self.last = now
        if self.level < 1:
            self.refused += 1
            return False
        if self.level == self.burst:
            self.refused = 0
        self.level -= 1
        return True


@dataclasses.dataclass(slots=True)
class Connection:
    """A socket and who is behind it.

    ``app`` is what it showed in the handshake. ``peer_id`` is empty until the broker has admitted it. ``token`` is its
    newest session token, good until ``expires`` (seconds since the epoch). ``logged`` says that the log knows of this
    socket, so its end has to go there too. ``held`` counts its bytes on the way to the log. ``resumable`` may come back
    on another socket; ``returning`` has asked to do so on this one. ``key`` is in all session tokens of this socket.
    """

    sid: str
    app: App
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
    key: str = dataclasses.field(default_factory=new_key)

    def send_away(self) -> None:
        """Close the socket in the way that makes its client reconnect at once."""
        self.socket.close_code = int(WSCloseCode.SERVICE_RESTART)
        self.socket.hang_up()

    def send(self, frames: list[bytes]) -> None:
        """Send encoded frames, in order."""
        for frame in frames:
            self.socket.send_frame(frame)
