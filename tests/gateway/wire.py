"""Connections without a network: what is done to their sockets is written down."""

from typing import cast

from gateway.connection import Connection
from gateway.rate import Allowance, Stranger
from gateway.transport.engineio.socket import Socket
from shared.contract.tokens import App


class Wire:
    """In place of a socket. ``acts`` are what was done to it, in order: frames, and the names of calls."""

    def __init__(self) -> None:
        self.address = ""
        self.acts: list[str] = []
        self.budget: Allowance = Stranger(65536)

    @property
    def frames(self) -> list[str]:
        return [act for act in self.acts if act[:1].isdigit()]

    def send_frame(self, frame: bytes) -> None:
        self.acts.append(frame.decode())

    def stay(self) -> None:
        self.acts.append("stay")

    def leave(self) -> None:
        self.acts.append("leave")

    def ignore(self) -> None:
        self.acts.append("ignore")

    def disconnect(self, reason: str) -> None:
        self.acts.append(f"cut off: {reason}")


APP = App("app", 0)


def connection(sid: str, app: App = APP) -> Connection:
    """A connection on a Wire, in the state right after its handshake."""
    return Connection(sid, app, cast("Socket", Wire()), "key")


def wire(connection: Connection) -> Wire:
    """What was done to the socket of a connection made here."""
    return cast("Wire", connection.socket)
