"""Notices: what happens in rooms, for the backend of an app. One class for each type; documents follow from them.

To add one: declare it here and in ``AnyNotice``, and say it where it happens (``broker/core/notices.py``). It has
names, times and reasons, and never what clients say or show of themselves.

The speaker stores them in a stream of their own: each message there is a ``Bundle`` of notices that follow each other
in the log's order. A notice's id says where it stands in the log, so it is the same whoever stores it.
"""

import typing
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Meta, Raw

from shared.envelopes.admin import UserLine
from shared.envelopes.entries import Number
from shared.envelopes.policy import Policy

MOST_BYTES = 256 * 1024  # of the notices in one bundle, unless it has only one
LONGEST_ID = 128  # characters of a notice's id

PeerId = Annotated[str, Meta(description="the peer")]
Who = Annotated[UserLine | None, Meta(description="`{id, name}` of its user; null for an anonymous peer")]
RoleName = Literal["owner", "moderator", "member"]
Role = Annotated[RoleName, Meta(description="`owner`, `moderator` or `member`")]
Host = Annotated[str | None, Meta(description="the host who did it; null for anybody else, such as an operator")]


NoticePlace = tuple[int, int]  # in a log: a position, and which of its notices, from 0
RoomEnd = Literal["owner", "operator", "owner-left", "empty"]
Leaving = Literal["left", "closed", "lost", "kicked", "room-closed"]
Decision = Literal["accepted", "rejected", "cancelled", "left", "closed", "lost"]


class NoticeId(NamedTuple):
    """``<log>-<position>-<nth>``: which log, where in it, and which of that position's notices, from 0.

    ``log`` is the log's id. If NATS has lost the end of that log, a dot and a number follow, so that no id is ever used
    twice. ``(log, 0, 0)`` stands before all notices of a log.
    """

    log: str
    position: int
    nth: int

    @classmethod
    def parse(cls, text: str) -> "NoticeId":
        """Reverse of ``str``. Raises ValueError."""
        log, position, nth = text.rsplit("-", 2) if text.count("-") >= 2 and len(text) <= LONGEST_ID else ("", "", "")
        numbers = position.isascii() and position.isdecimal() and nth.isascii() and nth.isdecimal()
        if not log or not all(c.isalnum() or c in "._" for c in log) or not log.isascii() or not numbers:
            raise ValueError("it is no id of a notice")
        return cls(log, int(position), int(nth))

    def __str__(self) -> str:
        return f"{self.log}-{self.position}-{self.nth}"

    @property
    def place(self) -> NoticePlace:
        """Where it stands in its log."""
        return self.position, self.nth


class Notice(msgspec.Struct, kw_only=True, frozen=True, gc=False, tag_field="type"):
    """What all notices have in common. Its tag is its ``type``. It gets its ``id`` when it is stored."""

    DOC: ClassVar[str]  # when it is said

    id: Annotated[str, Meta(description="the same each time that it is read")] = ""
    time: Annotated[int, Meta(description="when it happened, in ms since the epoch: the log's time")]
    app: Annotated[str, Meta(description="the app of the peer, or of the room's owner")]
    room: Annotated[str | None, Meta(description="the room's name")]
    key: Annotated[str | None, Meta(description="the room's key, as in `GET /admin/rooms`")]

    def __init_subclass__(cls) -> None:
        """Raises TypeError for a declaration that is not whole."""
        if "DOC" not in cls.__dict__:
            raise TypeError(f"{cls.__name__} does not say its DOC")


class RoomCreated(Notice, kw_only=True, frozen=True, gc=False, tag="room-created"):
    DOC = "there is a new room; its owner's `peer-joined` follows"

    peer_id: Annotated[str, Meta(description="its owner")]
    identity: Who
    policy: Policy


class RoomClosed(Notice, kw_only=True, frozen=True, gc=False, tag="room-closed"):
    DOC = "a room is gone; a `peer-left` or `request-decided` for everybody who was there has come before"

    reason: Annotated[
        RoomEnd,
        Meta(
            description="`owner` or `operator`: it was closed by one; `owner-left`: by its policy; "
            "`empty`: the last member has gone"
        ),
    ]
    by: Annotated[str | None, Meta(description="the owner who closed it; null otherwise")]
    seconds: Annotated[float, Meta(description="how long it existed")]


class RoomOwner(Notice, kw_only=True, frozen=True, gc=False, tag="room-owner"):
    DOC = "a room has another owner"

    peer_id: Annotated[str, Meta(description="the new owner")]
    identity: Who
    before: Annotated[str, Meta(description="the peer that was the owner")]
    by: Annotated[str | None, Meta(description="the owner who gave it away; null: it passed on, or by a grant")]


class RoomPolicy(Notice, kw_only=True, frozen=True, gc=False, tag="room-policy"):
    DOC = "a room has another policy"

    policy: Annotated[Policy, Meta(description="the whole of it")]
    by: Host


class PeerJoined(Notice, kw_only=True, frozen=True, gc=False, tag="peer-joined"):
    DOC = "a peer is in a room"

    peer_id: PeerId
    identity: Who
    role: Role


class PeerLeft(Notice, kw_only=True, frozen=True, gc=False, tag="peer-left"):
    DOC = "a peer is not in a room any more; there is one for each `peer-joined`"

    peer_id: PeerId
    identity: Who
    reason: Annotated[
        Leaving,
        Meta(
            description="`left`: it wanted to; `closed`: it closed its connection for good, or was removed; `lost`: "
            "its connection was, and it did not come back in time; `kicked`; `room-closed`"
        ),
    ]
    seconds: Annotated[float, Meta(description="how long it was inside")]


class PeerKicked(Notice, kw_only=True, frozen=True, gc=False, tag="peer-kicked"):
    DOC = "a peer was put out of a room or its waiting line; its `peer-left` or `request-decided` follows"

    peer_id: PeerId
    identity: Who
    by: Host
    banned_until: Annotated[
        float | bool | None,
        Meta(description="seconds since the epoch, true: as long as the room exists, null: it is not banned"),
    ]


class PeerRole(Notice, kw_only=True, frozen=True, gc=False, tag="peer-role"):
    DOC = "a member has another role"

    peer_id: PeerId
    identity: Who
    role: Role
    by: Host


class RequestMade(Notice, kw_only=True, frozen=True, gc=False, tag="request-made"):
    DOC = "a peer waits to be let into a room"

    peer_id: PeerId
    identity: Who


class RequestDecided(Notice, kw_only=True, frozen=True, gc=False, tag="request-decided"):
    DOC = "a peer does not wait any more; there is one for each `request-made`"

    peer_id: PeerId
    identity: Who
    decision: Annotated[
        Decision,
        Meta(
            description="`accepted` or `rejected`; `cancelled`: by the candidate; `left` or `lost`: it has gone; "
            "`closed`: the room is gone"
        ),
    ]
    by: Annotated[str | None, Meta(description="the host who decided; null for anybody else")]


class IdentityRevoked(Notice, kw_only=True, frozen=True, gc=False, tag="identity-revoked"):
    DOC = "an operator has revoked a user's tokens; `room` and `key` are null"

    identity: Annotated[str, Meta(description="the id of the user")]
    until: Annotated[int, Meta(description="tokens issued until then are void, in seconds since the epoch")]


class NoticesLost(Notice, kw_only=True, frozen=True, gc=False, tag="notices-lost", rename={"from_": "from"}):
    DOC = (
        "notices between `from` and `to` could not be stored, were not kept long enough, or were not made: take the "
        "rooms anew; `app` is empty, `room` and `key` are null"
    )

    from_: Annotated[str, Meta(description="the id of the last notice before; empty: it is not known")] = ""
    to: Annotated[str, Meta(description="everything up to this id is lost; it is this notice's own id too")] = ""


AnyNotice = (
    RoomCreated | RoomClosed | RoomOwner | RoomPolicy | PeerJoined | PeerLeft | PeerKicked | PeerRole | RequestMade
    | RequestDecided | IdentityRevoked | NoticesLost
)  # fmt: skip

# Each by its type.
NOTICES: dict[str, type[Notice]] = {str(kind.__struct_config__.tag): kind for kind in typing.get_args(AnyNotice)}

if _odd := set(NOTICES.values()) ^ set(Notice.__subclasses__()):
    raise TypeError(f"{', '.join(sorted(notice.__name__ for notice in _odd))}: a notice belongs in AnyNotice")


class Bundle(msgspec.Struct, frozen=True):
    """One message of the stream, as JSON. Notices are as ``encode_notice`` makes them, in order.

    ``before`` is the id of the last notice that was stored before; empty for the very first one.
    """

    before: str
    notices: Annotated[list[Raw], Meta(min_length=1)]


class Noticed(msgspec.Struct, array_like=True, frozen=True):
    """The speaker says to whoever listens that the stream now ends at a sequence, with the notice of that id."""

    sequence: Number
    id: Annotated[str, Meta(max_length=LONGEST_ID)]


class _Named(msgspec.Struct, frozen=True):
    id: Annotated[str, Meta(max_length=LONGEST_ID)]


class _Timed(msgspec.Struct, frozen=True):
    time: int


_encode = msgspec.json.Encoder().encode
_decode_bundle = msgspec.json.Decoder(Bundle).decode
_decode_named = msgspec.json.Decoder(_Named).decode
_decode_timed = msgspec.json.Decoder(_Timed).decode
_pack = msgspec.msgpack.Encoder().encode
_unpack_noticed = msgspec.msgpack.Decoder(Noticed).decode
_decode_notice = msgspec.json.Decoder(AnyNotice).decode


def encode_notice(notice_id: NoticeId, notice: Notice, before: str = "") -> bytes:
    """A notice as JSON, as everybody gets it. ``before`` is the id of the one before: NoticesLost tells it."""
    name = str(notice_id)
    if isinstance(notice, NoticesLost):
        return _encode(msgspec.structs.replace(notice, id=name, from_=before, to=name))
    return _encode(msgspec.structs.replace(notice, id=name))


def decode_notice(data: bytes) -> AnyNotice:
    """Reverse of encode_notice. Raises msgspec.MsgspecError."""
    notice: AnyNotice = _decode_notice(data)
    return notice


def id_of(notice: bytes | Raw) -> NoticeId:
    """The id of an encoded notice. Raises ValueError."""
    return NoticeId.parse(_decode_named(notice).id)


def time_of(notice: bytes | Raw) -> int:
    """When it happened, in ms since the epoch. Raises msgspec.MsgspecError."""
    return _decode_timed(notice).time


def pack_bundle(before: str, notices: Sequence[bytes]) -> bytes:
    """One message of the stream."""
    return _encode(Bundle(before, [Raw(notice) for notice in notices]))


def unpack_bundle(data: bytes) -> Bundle:
    """Reverse of pack_bundle. Raises msgspec.MsgspecError."""
    return _decode_bundle(data)


def pack_noticed(noticed: Noticed) -> bytes:
    """What the speaker says of the stream."""
    return _pack(noticed)


def unpack_noticed(data: bytes) -> Noticed:
    """Reverse of pack_noticed. Raises msgspec.MsgspecError."""
    return _unpack_noticed(data)
