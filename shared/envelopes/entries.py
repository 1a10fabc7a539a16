"""The event log's entries: what gateways and the speaking broker append, and the broker's core applies in order.

One message of the log is a Batch, a msgpack array. Each entry in it is an array that starts with its kind. Bodies are
bytes that nobody between two gateways decodes.

The kinds' numbers never change their meaning. A kind may get new fields, at its end and with defaults: readers pass
over fields that they do not know, and go by the defaults when fields are missing. Types, lengths and ranges are
checked when a batch is read, so that nothing behind it meets a value that cannot be right.
"""

import typing
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from shared.envelopes.subjects import MAX_BODY
from shared.envelopes.users import LONGEST_IDENTITY, User, UserId

LONGEST_ROOM = 1024  # characters of a room's name
LONGEST_APP = 128  # characters of an app's name
LONGEST_NAME = 256  # characters of the name that a gateway gives itself
UNKNOWN = -1

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
MaybeId = Annotated[str, msgspec.Meta(max_length=64)]
EventName = Annotated[str, msgspec.Meta(max_length=64)]
RoomName = Annotated[str, msgspec.Meta(max_length=LONGEST_ROOM)]
RoomKey = Annotated[str, msgspec.Meta(max_length=LONGEST_APP + 1 + LONGEST_ROOM)]
AppName = Annotated[str, msgspec.Meta(max_length=LONGEST_APP)]
GatewayName = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]
Ack = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Seen = Annotated[int, msgspec.Meta(ge=UNKNOWN, le=2**53)]
Body = Annotated[bytes, msgspec.Meta(max_length=MAX_BODY)]
Lock = Annotated[bytes, msgspec.Meta(max_length=32)]
Text = Annotated[str, msgspec.Meta(max_length=256)]  # that people are shown
Seconds = Annotated[float, msgspec.Meta(ge=0, le=2**53)]
Reason = Literal["closed", "lost", "left"]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31)]


class Said(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=0):
    """A client event, validated. ``conn`` is the socket it came in on; ``ack`` the acknowledgement asked for.

    ``body`` is the payload as JSON, or for a relay the whole frame that the roommate will read. ``fields`` are JSON,
    too: what only this event has (``shared/contract/own.py``). They are empty for most. ``n`` is the number under which
    the client may send it again.
    """

    event: EventName
    conn: Id
    ack: Ack | None
    room: RoomName
    peer_id: MaybeId
    body: Body
    fields: Body = b""
    n: Number | None = None


class Authenticated(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=1):
    """A socket showed a good app token (or renewed). ``resume_id`` and ``resume_generation`` are from a session token.

    ``received`` counts the events that the returning client has had on its last socket, if it says so. ``lock`` is the
    lock of the session token that the socket will get, and ``resume_key`` the key in the one that it showed
    (``shared/contract/tokens.py``); both are empty if their gateway, or the token's, knew of no keys. ``version`` is
    that of the contract which the client asked for. ``renews`` is the peer that the socket was when it asked, if it was
    one.
    """

    conn: Id
    ack: Ack | None
    app: AppName
    peerinfo: Body
    resumable: bool | None
    resume_id: MaybeId
    resume_generation: Number
    payload: Body
    received: Number | None
    lock: Lock = b""
    resume_key: MaybeId = ""
    version: Version = 1
    renews: MaybeId = ""


class Identified(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=15):
    """The same for a socket that showed a user token: it is who, and may do what, that says.

    It is an entry of its own, so that a broker which knows nothing of users lets nobody in who is one.
    """

    authenticated: Authenticated
    user: User


class Closed(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=2):
    """A socket is gone. ``seen`` is the number of the last delivery its gateway had handled by then.

    ``reason`` is what its rooms are told; ``for_good`` says that the client said goodbye and will not resume.
    """

    conn: Id
    seen: Seen
    reason: Reason
    for_good: bool


class Pace(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=12):
    """A client has enough to read for now: what comes for it waits at the broker until it is ``slow`` no more."""

    conn: Id
    slow: bool


class GatewayUp(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=3):
    """A gateway introduces itself; always the first entry of its first batch. It knows the levels up to ``level``."""

    name: GatewayName
    level: Number = 1


class GatewayLost(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=4):
    """A gateway has not been heard of for too long. Said by the speaker of ``term``.

    ``seen`` is as in Closed, or UNKNOWN if it died before this speaker had ever heard of it.
    """

    term: Number
    gateway: Id
    seen: Seen


class Speaking(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=5):
    """A broker became the speaker. What time causes counts only if the newest term said it."""

    term: Number


class Tick(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=6):
    """Time has passed: whatever was due by this message's time stamp happens now."""

    term: Number


class RoomClosed(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=7):
    """An operator closes a room, named by its key."""

    key: RoomKey


class PeerRemoved(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=8):
    """An operator removes a peer."""

    peer_id: Id


class AppIssued(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=9):
    """A token was issued for an app, at a time in seconds since the epoch."""

    app: AppName
    issued: Number


class AppRevoked(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=10):
    """Tokens of an app issued until then are invalid."""

    app: AppName
    until: Number


class UserRevoked(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=16):
    """Tokens of an identity issued until then are invalid. ``life`` is the longest of such a token, in seconds."""

    app: AppName
    id: UserId
    until: Number
    life: Number


class UserRestored(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=17):
    """The same tokens are valid again."""

    app: AppName
    id: UserId


class PeerKicked(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=18):
    """An operator puts a peer out of a room, named by its key, and bans it for ``ban`` seconds.

    -1 stands for as long as the room exists, 0 for not at all.
    """

    key: RoomKey
    peer_id: Id
    ban: Annotated[int, msgspec.Meta(ge=-1, le=2**53)]
    text: Text


class PolicySet(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=19):
    """An operator changes a room's policy. ``change`` is JSON: the keys that change (``envelopes/policy.py``)."""

    key: RoomKey
    change: Body


class BanLifted(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=20):
    """An operator lets an identity, or an anonymous peer, ask again to come into a room."""

    key: RoomKey
    user_id: Annotated[str, msgspec.Meta(max_length=LONGEST_IDENTITY)]
    peer_id: MaybeId


class GatewayDown(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=11):
    """A gateway takes its leave, after its sockets. ``seen`` as in Closed."""

    seen: Seen


class LevelRaised(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=13):
    """From here on this level holds (``shared/envelopes/levels.py``). Said by the speaker of ``term``."""

    term: Number
    level: Number


class LimitsSet(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=14):
    """From here on these limits hold (``broker/core/limits.py``). Said by the speaker of ``term``."""

    term: Number
    peers_per_room: Number
    rooms_per_peer: Number
    pending_per_peer: Number
    pending_per_room: Number
    resume_for: Seconds
    kept_deliveries: Number
    kept_bytes: Number
    output_rate: Seconds
    output_burst: Number
    scope_by_app: bool
    history_bytes: Number = 16384
    life_bytes: Number = 268435456
    data_keys: Number = 64
    data_bytes: Number = 16384
    notices: bool = False


Agreed = LevelRaised | LimitsSet
Ordered = (
    RoomClosed | PeerRemoved | AppIssued | AppRevoked | UserRevoked | UserRestored | PeerKicked | PolicySet | BanLifted
)
OfSocket = Authenticated | Identified | Closed | Pace
OfGateway = Said | OfSocket | GatewayUp | GatewayDown
OfBroker = GatewayLost | Speaking | Tick | Ordered | Agreed
Entry = OfGateway | OfBroker
OfAnybody = OfGateway | GatewayLost | Speaking | Tick | Ordered  # all there was when writers shared a subject


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """What one writer appends in one message.

    ``number`` counts a gateway's batches from 1; it is 0 for a broker's. ``taken`` is when the first entry came
    in, in seconds since the epoch by the writer's clock; nothing but a metric depends on it. ``have`` is the number of
    the last parcel that the gateway has handled, UNKNOWN if it does not say; ``handled`` the bytes of all up to that.
    """

    writer: Id
    number: Number
    entries: Sequence[Entry]
    taken: Seconds = 0.0
    have: Seen = UNKNOWN
    handled: Number = 0


class GatewayBatch(Batch, array_like=True, frozen=True):
    """A batch with nothing in it but what gateways may say."""

    entries: Sequence[OfGateway]


class BrokerBatch(Batch, array_like=True, frozen=True):
    """A batch with nothing in it but what brokers may say."""

    entries: Sequence[OfBroker]


class OldBatch(Batch, array_like=True, frozen=True):
    """A batch with what there was to say when writers were not told apart."""

    entries: Sequence[OfAnybody]


class _Loose(msgspec.Struct, array_like=True, frozen=True):
    """A batch whose entries nobody has looked at."""

    writer: Id
    number: Number
    entries: list[msgspec.Raw]
    taken: Seconds = 0.0
    have: Seen = UNKNOWN
    handled: Number = 0


class Malformed(ValueError):
    """These bytes are no batch, or not wholly."""


_TROUBLE = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
_encode = msgspec.msgpack.Encoder().encode
_decode_loose = msgspec.msgpack.Decoder(_Loose).decode


class Reader:
    """Reads batches of one form, whose entries are of certain kinds."""

    def __init__(self, form: type[Batch], kinds: Any) -> None:
        self._form = form
        self._decode = msgspec.msgpack.Decoder(form).decode
        self._decode_entry = msgspec.msgpack.Decoder(kinds).decode

    def read(self, data: bytes) -> Batch:
        """All of a batch. Raises Malformed."""
        try:
            return self._decode(data)
        except _TROUBLE as error:
            raise Malformed(str(error)) from None

    def read_part(self, data: bytes) -> Batch:
        """A batch without the entries that cannot be right, or are of other kinds. Raises Malformed.

        What is wrong with one of them may be one client's doing: the others of its gateway do not suffer for it.
        """
        try:
            batch = _decode_loose(data)
        except _TROUBLE as error:
            raise Malformed(str(error)) from None
        entries = [entry for raw in batch.entries if (entry := self._read_entry(raw)) is not None]
        return self._form(batch.writer, batch.number, entries, batch.taken, batch.have, batch.handled)

    def _read_entry(self, raw: msgspec.Raw) -> Entry | None:
        try:
            entry: Entry = self._decode_entry(raw)
        except _TROUBLE:
            return None
        return entry


def newer_kinds(data: bytes) -> set[int]:
    """The numbers of all kinds in a batch that are not known here: of a later release, if its writer is believed."""
    try:
        kinds = {_kind(raw) for raw in _decode_loose(data).entries}
    except _TROUBLE:
        return set()
    return kinds - _KINDS - {UNKNOWN}


def _kind(raw: msgspec.Raw) -> int:
    try:
        return msgspec.msgpack.decode(msgspec.msgpack.decode(raw, type=list[msgspec.Raw])[0], type=int)
    except (*_TROUBLE, IndexError):
        return UNKNOWN


_KINDS = {kind.__struct_config__.tag for kind in typing.get_args(Entry)}
ANYBODY = Reader(Batch, Entry)
OLD = Reader(OldBatch, OfAnybody)
GATEWAY = Reader(GatewayBatch, OfGateway)
BROKER = Reader(BrokerBatch, OfBroker)


def pack_batch(batch: Batch) -> bytes:
    """The bytes that go into the log."""
    return _encode(batch)


def unpack_batch(data: bytes) -> Batch:
    """Reverse of pack_batch, whoever wrote it, without entries that cannot be right. Raises Malformed."""
    try:
        return ANYBODY.read(data)
    except Malformed:
        return ANYBODY.read_part(data)
