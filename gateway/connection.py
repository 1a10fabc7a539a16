"""One client's connection, as the gateway knows it."""

import dataclasses

from aiohttp import WSCloseCode

from gateway.transport.engineio.socket import Socket
from shared.contract.tokens import App

CLOSED_BY_SERVER = [b"41"]  # the Socket.IO packet after which a client does not come back by itself


@dataclasses.dataclass(slots=True)
class Connection:
    """A socket and the client behind it.

    ``app`` is what it showed last: in the handshake, or to authenticate. ``peer_id`` is empty until the broker has
    admitted it. ``token`` is its newest session token, good until ``expires`` (seconds since the epoch). ``logged``
    says that the log knows of this socket, so its end has to go there too. ``held`` counts its bytes on the way to the
    log. ``resumable`` may come back on another socket; ``returning`` has asked to do so on this one; the place of one
    that is ``revoked`` ends with its socket. ``key`` is in all session tokens of this socket. ``version`` of the
    contract is what it asked for.
    """

    sid: str
    app: App
    socket: Socket
    key: str
    peer_id: str = ""
    peerinfo: bytes = b""
    token: str = ""
    expires: float = 0.0
    logged: bool = False
    resumable: bool = False
    revoked: bool = False
    returning: bool = False
    held: int = 0
    version: int = 1

    def send_away(self) -> None:
        """Close the socket in the way that makes its client reconnect at once."""
        self.socket.close_code = int(WSCloseCode.SERVICE_RESTART)
        self.socket.hang_up()

    def part(self) -> None:
        """Tell the client not to reconnect by itself, and ignore whatever else it sends."""
        self.socket.ignore()
        self.send(CLOSED_BY_SERVER)
        self.socket.leave()

    def send(self, frames: list[bytes]) -> None:
        """Send encoded frames, in order."""
        for frame in frames:
            self.socket.send_frame(frame)
