"""Deliveries: what the broker tells one gateway. A Parcel holds all that one log message causes there.

Parcels of a gateway are numbered from 1 without a gap, so a gateway emits each once and in order and sees when one is
missing. Numbers and contents follow from the log alone: whichever broker speaks, it says the same.

As in the log, tags never change their meaning, and new fields go to the end and have defaults: readers ignore fields
that they do not know.
"""

import msgspec

from shared.envelopes.entries import Id, Number, Seconds


class Emit(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=0):
    """Send ``frame`` to these sockets. ``origin`` is the log position it came from, if that is not the parcel's."""

    conns: list[str]
    frame: bytes
    origin: int = 0


class Admit(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=1):
    """The socket ``conn`` is peer ``peer_id`` now: make its session token and answer ``auth-accept``.

    ``generation`` goes into the token; ``resume_for`` is in seconds; ``rooms`` is JSON, empty unless ``resumed``.
    """

    conn: str
    ack: int | None
    peer_id: str
    app: str
    generation: int
    peerinfo: bytes
    resume_for: float
    resumed: bool
    rooms: bytes
    payload: bytes


class Close(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=2):
    """Close the socket ``conn``: its peer continues elsewhere, or has to go.

    Its client is told not to reconnect, unless ``again``: then perhaps nobody knows of the peer's other socket.
    """

    conn: str
    again: bool = False


class Revoked(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=3):
    """Tokens of ``app`` issued until then (seconds since the epoch) are invalid: refuse them, close their sockets."""

    app: str
    until: int


class LevelHolds(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=4):
    """This level holds in the log (``levels.py``). Only gateways are told that know of levels."""

    level: int


class Speaks(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=5):
    """The peer on the socket ``conn``, which is admitted next, has another version of the contract than the first."""

    conn: str
    version: int


class Shows(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=6):
    """The peer on the socket ``conn`` shows this of itself from now on, as JSON; nothing if it is empty."""

    conn: str
    peerinfo: bytes


Delivery = Emit | Admit | Close | Revoked | LevelHolds | Speaks | Shows


class Parcel(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=0):
    """Deliveries for one gateway, from the log message at ``position``. ``taken`` is that batch's.

    ``total`` are the bytes of all parcels up to this one, by which a gateway says how far it has got.
    """

    number: int
    position: int
    deliveries: list[Delivery]
    taken: float = 0.0
    total: int = 0


class Head(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """The number of the newest parcel for a gateway: it has missed something if it has not got that far."""

    number: int


class Fenced(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """The broker does not know this gateway (any more): it closes its sockets and restarts under a new id.

    ``id`` is empty. The version before looks for one.
    """

    id: str = ""


class Beat(msgspec.Struct, array_like=True, frozen=True):
    """A gateway's sign of life. ``have`` is the number of its newest parcel; ``gap`` asks for what comes after it.

    A ``prompt`` one is said between the others, as soon as there is something new to say, and wants no answer.
    ``position`` is a place that the gateway knows of in the log, and ``taken`` that of the batch there; both are 0 if
    it knows of none.
    """

    gateway: Id
    have: Number
    gap: bool
    prompt: bool = False
    position: Number = 0
    taken: Seconds = 0.0


_encode = msgspec.msgpack.Encoder().encode
_decode_message = msgspec.msgpack.Decoder(Parcel | Head | Fenced).decode
_decode_beat = msgspec.msgpack.Decoder(Beat).decode


def pack_message(message: Parcel | Head | Fenced) -> bytes:
    """A message to a gateway."""
    return _encode(message)


def unpack_message(data: bytes) -> Parcel | Head | Fenced:
    """A message to a gateway, read. Raises msgspec.MsgspecError."""
    message: Parcel | Head | Fenced = _decode_message(data)
    return message


def pack_beat(beat: Beat) -> bytes:
    """A beat as a message to the brokers."""
    return _encode(beat)


def unpack_beat(data: bytes) -> Beat:
    """A beat, read. Raises msgspec.MsgspecError."""
    return _decode_beat(data)
