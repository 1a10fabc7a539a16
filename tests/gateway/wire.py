"""Connections without a network: what is done to their sockets is written down."""

from typing import cast

from gateway.connection import Bucket, Connection
from gateway.engineio_overrides import Socket
from shared.tokens import App


class Wire:
    """In place of a socket. ``acts`` are what was done to it, in order: frames, and the names of calls."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    @property
    def frames(self) -> list[str]:
        return [act for act in self.acts if act[:1].isdigit()]

    def send_frame(self, frame: bytes) -> None:
        self.acts.append(frame.decode())

    def stay(self) -> None:
        self.acts.append("stay")

    def leave(self) -> None:
        self.acts.append("leave")

    def cut_off(self, reason: str) -> None:
        self.acts.append(f"cut off: {reason}")


APP = App("app", 0)


def connection(sid: str, app: App = APP, bucket: Bucket | None = None) -> Connection:
    """A connection on a Wire, in the state right after its handshake."""
    bucket = bucket or Bucket(rate=1e6, burst=1e6, level=1e6, last=0.0)
    return Connection(sid, app, cast("Socket", Wire()), bucket)


def wire(connection: Connection) -> Wire:
    """What was done to the socket of a connection made here."""
    return cast("Wire", connection.socket)
