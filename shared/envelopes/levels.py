"""Levels: what the room authority does with an entry of the log changes only at a level that stands in the log.

Every process says the highest level that it knows: a gateway as it comes up, a broker once a second. When all that are
up know a higher one than the log is at, the speaker appends it, and from that position on it holds for every broker.

To change what the core does with an entry: raise LEVEL, and do it from that level on (``broker/core/levels.py``).
"""

import msgspec

from shared.envelopes.entries import Id, Number

FIRST = 1  # the level of a log that has none in it, and what processes know that say nothing
RIGHTS = 2  # from here on there are users, and version 2 of the contract
LIFE = 3  # from here on there are messages, data and presence in rooms, events with a number, and notices
LEVEL = LIFE  # the highest that this release knows


class Known(msgspec.Struct, array_like=True, frozen=True):
    """A broker is up, and knows the levels up to ``level``."""

    broker: Id
    level: Number


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Known).decode


def pack_known(known: Known) -> bytes:
    """What a broker says to the others."""
    return _encode(known)


def unpack_known(data: bytes) -> Known:
    """Reverse of pack_known. Raises msgspec.MsgspecError."""
    return _decode(data)
