"""The event log's entries: what gateways and the speaking broker append, and the broker's core applies in order.

One message of the log is a Batch, a msgpack array. Each entry in it is an array that starts with its kind. Bodies are
bytes that nobody between two gateways decodes.
"""

from typing import Any, NamedTuple

import msgpack


class Said(NamedTuple):
    """A client event, validated. ``conn`` is the socket it came in on; ``ack`` the acknowledgement asked for.

    ``body`` is the payload as JSON, or for a relay the whole frame that the roommate will read.
    """

    event: str
    conn: str
    ack: int | None
    room: str
    peer_id: str
    body: bytes


class Authenticated(NamedTuple):
    """A socket showed a good app token (or renewed). ``resume_id`` and ``resume_turn`` are from a session token.

    ``received`` counts the events that the returning client has had on its last socket, if it says so.
    """

    conn: str
    ack: int | None
    app: str
    peerinfo: bytes
    resumable: bool | None
    resume_id: str
    resume_turn: int
    payload: bytes
    received: int | None


class Closed(NamedTuple):
    """A socket is gone. ``seen`` is the number of the last delivery its gateway had handled by then.

    ``reason`` is what its rooms are told; ``for_good`` says that the client said goodbye and will not resume.
    """

    conn: str
    seen: int
    reason: str
    for_good: bool


class Pace(NamedTuple):
    """A client has enough to read for now: what comes for it waits at the broker until it is ``slow`` no more."""

    conn: str
    slow: bool


class GatewayUp(NamedTuple):
    """A gateway introduces itself; always the first entry of its first batch."""

    name: str


class GatewayDown(NamedTuple):
    """A gateway takes its leave, after its sockets. ``seen`` as in Closed."""

    seen: int


UNKNOWN = -1


class GatewayLost(NamedTuple):
    """A gateway has not been heard of for too long. Said by the speaker of ``term``.

    ``seen`` is as in Closed, or UNKNOWN if it died before this speaker had ever heard of it.
    """

    term: int
    gateway: str
    seen: int


class Speaking(NamedTuple):
    """A broker became the speaker. What time causes counts only if the newest term said it."""

    term: int


class Tick(NamedTuple):
    """Time has passed: whatever was due by this message's time stamp happens now."""

    term: int


class RoomClosed(NamedTuple):
    """An operator closes a room, named by its key."""

    key: str


class PeerRemoved(NamedTuple):
    """An operator removes a peer."""

    peer_id: str


class AppIssued(NamedTuple):
    """A token was issued for an app, at a time in seconds since the epoch."""

    app: str
    issued: int


class AppRevoked(NamedTuple):
    """Tokens of an app issued until then count no more."""

    app: str
    until: int


Ordered = RoomClosed | PeerRemoved | AppIssued | AppRevoked
Entry = Said | Authenticated | Closed | Pace | GatewayUp | GatewayDown | GatewayLost | Speaking | Tick | Ordered
_KINDS: dict[int, type[Any]] = dict(
    enumerate(
        (
            Said,
            Authenticated,
            Closed,
            GatewayUp,
            GatewayLost,
            Speaking,
            Tick,
            RoomClosed,
            PeerRemoved,
            AppIssued,
            AppRevoked,
            GatewayDown,
            Pace,
        )
    )
)
_CODES = {kind: code for code, kind in _KINDS.items()}


class Batch(NamedTuple):
    """What one writer appends in one message.

    ``number`` counts a gateway's batches from 1; it is 0 for a broker's. ``taken`` is when the first entry came
    in, in seconds since the epoch by the writer's clock; nothing but a metric depends on it. ``have`` is the number of
    the last parcel that the gateway has handled, UNKNOWN if it does not say; ``handled`` the bytes of all up to that.
    """

    writer: str
    number: int
    entries: list[Entry]
    taken: float = 0.0
    have: int = UNKNOWN
    handled: int = 0


class Malformed(ValueError):
    """These bytes are no batch of this version."""


def pack_batch(batch: Batch) -> bytes:
    """The bytes that go into the log."""
    entries = [(_CODES[type(entry)], *entry) for entry in batch.entries]
    packed: bytes = msgpack.packb((batch.writer, batch.number, entries, batch.taken, batch.have, batch.handled))
    return packed


def unpack_batch(data: bytes) -> Batch:
    """Reverse of pack_batch. Raises Malformed."""
    try:
        writer, number, entries, *more = msgpack.unpackb(data)
        return Batch(writer, number, [_KINDS[fields[0]](*fields[1:]) for fields in entries], *more)
    except (ValueError, TypeError, KeyError, IndexError, msgpack.UnpackException) as error:
        raise Malformed(str(error)) from None
