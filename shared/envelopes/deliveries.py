"""Deliveries: what the broker tells one gateway. A Parcel holds all that one log message causes there.

Parcels of a gateway are numbered from 1 without a gap, so a gateway emits each once and in order and sees when one is
missing. Numbers and contents follow from the log alone: whichever broker speaks, it says the same.
"""

from typing import Any, NamedTuple

import msgpack
import msgspec

from shared.envelopes.entries import Id, Number


class Emit(NamedTuple):
    """Send ``frame`` to these sockets. ``origin`` is the log position it came from, if that is not the parcel's."""

    conns: list[str]
    frame: bytes
    origin: int = 0


class Admit(NamedTuple):
    """The socket ``conn`` is peer ``peer_id`` now: make its session token and answer ``auth-accept``.

    ``turn`` goes into the token; ``resume_for`` is in seconds; ``rooms`` is JSON, empty unless ``resumed``.
    """

    conn: str
    ack: int | None
    peer_id: str
    app: str
    turn: int
    peerinfo: bytes
    resume_for: float
    resumed: bool
    rooms: bytes
    payload: bytes


class Close(NamedTuple):
    """Close the socket ``conn``: its peer goes on elsewhere, or is to go.

    It shall not come back by itself, unless ``again``: then it may be that nobody hears of the peer's other socket.
    """

    conn: str
    again: bool = False


class Revoked(NamedTuple):
    """Tokens of ``app`` issued until then (seconds since the epoch) count no more: refuse them, close their sockets."""

    app: str
    until: int


Delivery = Emit | Admit | Close | Revoked
_KINDS: dict[int, type[Any]] = dict(enumerate((Emit, Admit, Close, Revoked)))
_CODES = {kind: code for code, kind in _KINDS.items()}


class Parcel(NamedTuple):
    """Deliveries for one gateway, from the log message at ``position``. ``taken`` is that batch's.

    ``total`` are the bytes of all parcels up to this one, by which a gateway says how far it is.
    """

    number: int
    position: int
    deliveries: list[Delivery]
    taken: float = 0.0
    total: int = 0


class Head(NamedTuple):
    """The number of the newest parcel for a gateway: it has missed something if it has not got that far."""

    number: int


class Fenced(NamedTuple):
    """The broker does not know this gateway (any more): it closes its sockets and starts anew."""


class Beat(msgspec.Struct, array_like=True, frozen=True):
    """A gateway's sign of life. ``have`` is the number of its newest parcel; ``gap`` asks for what comes after it.

    A ``prompt`` one is said between the others, as soon as there is something new to say, and wants no answer.
    """

    gateway: Id
    have: Number
    gap: bool
    prompt: bool = False


_PARCEL, _HEAD, _FENCED = range(3)
_decode_beat = msgspec.msgpack.Decoder(Beat).decode


def pack_parcel(parcel: Parcel) -> bytes:
    """A parcel as a message to its gateway."""
    deliveries = [(_CODES[type(d)], *d) for d in parcel.deliveries]
    packed: bytes = msgpack.packb((_PARCEL, parcel.number, parcel.position, deliveries, parcel.taken, parcel.total))
    return packed


def pack_head(head: Head) -> bytes:
    """A head as a message to its gateway."""
    packed: bytes = msgpack.packb((_HEAD, *head))
    return packed


def pack_fenced() -> bytes:
    """The news that a gateway is not known, as a message to it. The version before looks for an id in it."""
    packed: bytes = msgpack.packb((_FENCED, ""))
    return packed


def unpack_message(data: bytes) -> Parcel | Head | Fenced:
    """A message to a gateway, read."""
    kind, *fields = msgpack.unpackb(data)
    if kind == _HEAD:
        return Head(*fields)
    if kind == _FENCED:
        return Fenced()
    number, position, deliveries, *more = fields
    return Parcel(number, position, [_KINDS[d[0]](*d[1:]) for d in deliveries], *more)


def pack_beat(beat: Beat) -> bytes:
    """A beat as a message to the brokers."""
    return msgspec.msgpack.encode(beat)


def unpack_beat(data: bytes) -> Beat:
    """A beat, read. Raises msgspec.MsgspecError."""
    return _decode_beat(data)
