"""Entries of the log, and what else goes over NATS, made by hand: a thief does not keep to anybody's types.

The numbers of the kinds never change their meaning.
"""

from typing import Any

import msgpack

(
    SAID, AUTHENTICATED, CLOSED, GATEWAY_UP, GATEWAY_LOST, SPEAKING, TICK, ROOM_CLOSED, PEER_REMOVED, APP_ISSUED,
    APP_REVOKED, GATEWAY_DOWN,
) = range(12)  # fmt: skip
HEAD, FENCED = 1, 2

Entry = tuple[Any, ...]


def batch(writer: str, number: Any, *entries: Entry) -> bytes:
    """Entries as one message of the log. A broker's has the number 0."""
    packed: bytes = msgpack.packb((writer, number, entries, 0.0))
    return packed


def beat(gateway: str, have: int, gap: bool) -> bytes:
    """A gateway's sign of life."""
    packed: bytes = msgpack.packb((gateway, have, gap, False))
    return packed


def head(number: int) -> bytes:
    """What tells a gateway that it has missed something."""
    packed: bytes = msgpack.packb((HEAD, number))
    return packed


def fenced(gateway: str) -> bytes:
    """What tells a gateway that it is not known any more."""
    packed: bytes = msgpack.packb((FENCED, gateway))
    return packed
