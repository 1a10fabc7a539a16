"""Every event that the server sends: one class each, from which frames, what clients count, and the documents follow.

To add an event: declare it here, and make it where it happens. A relay is an event of its own, made by the sender's
gateway and passed on as bytes; its class says how the frame is laid out.

Bodies are JSON that a client sent, and stay encoded. A field that is UNSET is left out.
"""

import typing
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from shared.contract.events import EVENTS
from shared.contract.refusals import CATALOGUE
from shared.contract.shapes import Shape, leaves_open
from shared.envelopes.policy import PolicyShown
from shared.envelopes.users import User

_encode = msgspec.json.Encoder().encode

MaybeRaw = Raw | UnsetType
PLUS = "+"  # marks a field that the server which Parley replaces does not send

_BODIES = {name for event in EVENTS.values() for name in event.BODIES}
TOLD: dict[str, type["ServerEvent"]] = {}  # each by its name

# What an event is, in bits, for those who have its frame alone. Snapshots have them: they never change their meaning.
COUNTED_BIT, WORDS_BIT, STATE_BIT, COUNTED_LATER_BIT = 1, 2, 4, 8
PLAIN = 0  # neither counted nor anybody's words, as all answers are


class ServerEvent(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What all events have in common. A class with a name is an event; its fields are in the order clients get them."""

    NAME: ClassVar[str]
    DOC: ClassVar[str]  # when it comes, for PROTOCOL.md
    SINCE: ClassVar[int]  # the version of the contract that brought it
    UNTIL: ClassVar[int] = 0  # the last version that has it; 0: the newest does
    ADDED: ClassVar[bool] = False  # whether the server that Parley replaces does not send it
    COUNTED: ClassVar[bool]  # whether a resumable client counts it: what others or time cause, and no answer to itself
    COUNTED_LATER: ClassVar[bool] = False  # whether a client of version 2 counts it as well
    WORDS: ClassVar[bool] = False  # whether it is what somebody else says
    STATE: ClassVar[bool] = False  # whether it only tells what one who comes back finds in its `rooms`
    START: ClassVar[bytes]  # of the frame
    KIND: ClassVar[int]  # the bits that are true of it

    def __init_subclass__(cls) -> None:
        """Take up an event. Raises TypeError for a declaration that is not whole."""
        if "NAME" not in cls.__dict__:
            return
        for said in ("DOC", "SINCE", "COUNTED"):
            if not hasattr(cls, said):
                raise TypeError(f"{cls.__name__} does not say its {said}")
        if cls.NAME in TOLD:
            raise TypeError(f"{cls.__name__} has the name of {TOLD[cls.NAME].__name__}")
        _check_shapes(cls)
        cls.START = b'42["%s",' % cls.NAME.encode()
        cls.KIND = (
            cls.COUNTED * COUNTED_BIT
            | cls.WORDS * WORDS_BIT
            | cls.STATE * STATE_BIT
            | cls.COUNTED_LATER * COUNTED_LATER_BIT
        )
        TOLD[cls.NAME] = cls

    def frame(self) -> bytes:
        """For a client to read."""
        return b"%s%s]" % (self.START, _encode(self))

    def frames(self, ack: int | None) -> list[bytes]:
        """The same, for an answer; and the acknowledgement if one was asked for, which says as much."""
        fields = _encode(self)
        frames = [b"%s%s]" % (self.START, fields)]
        if ack is not None:
            frames.append(b'43%d[{"ok":true,%s]' % (ack, fields[1:]))
        return frames


def _check_shapes(cls: type[ServerEvent]) -> None:
    """A field is encoded already only if it is a body that a client sent, or has a Shape."""
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        if typing.get_origin(hint) is not ClassVar and leaves_open(hint, raw=name in _BODIES):
            raise TypeError(f"{cls.__name__}.{name} does not say what it holds: add a Shape to its type")


def counts(kind: int, version: int) -> int:
    """1 if a client of that version of the contract counts an event of this kind, 0 if not."""
    return kind & COUNTED_BIT or (1 if kind & COUNTED_LATER_BIT and version > 1 else 0)


def is_for(event: type["ServerEvent"], version: int) -> bool:
    """Whether a client of that version of the contract gets an event."""
    return version >= event.SINCE and (not event.UNTIL or version <= event.UNTIL)


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Who a peer is, as the server vouches: nothing that a client sends can set it."""

    id: str
    name: str


class Waiting(msgspec.Struct, frozen=True):
    """One who waits to be let into a room, as a host finds it there."""

    peer_id: str
    identity: Identity | UnsetType = UNSET
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class MessageShown(msgspec.Struct, frozen=True):
    """A message to all from before one came in, as in `room-message`."""

    room: str
    id: int
    peer_id: str
    role: Literal["owner", "moderator", "member"]
    time: int
    kind: str
    body: Any
    identity: Identity | UnsetType = UNSET


class Datum(msgspec.Struct, frozen=True, gc=False):
    """A value in a room's data, who set it, and which version it is."""

    value: Annotated[Raw, Shape(Any)]
    version: int
    by: str


class RoomFound(msgspec.Struct, frozen=True):
    """A room as one who comes back finds it. What stands behind ``peersinfo`` is there in version 2."""

    room: str
    owner: str
    peers: list[str]
    peersinfo: dict[str, Any]
    policy: PolicyShown | UnsetType = UNSET
    roles: dict[str, Literal["owner", "moderator"]] | UnsetType = UNSET
    identities: dict[str, Identity] | UnsetType = UNSET
    data: dict[str, Datum] | UnsetType = UNSET
    data_version: int | UnsetType = UNSET
    history: list[MessageShown] | UnsetType = UNSET
    pending: Annotated[list[Waiting] | UnsetType, Meta(description="for hosts")] = UNSET


class IceServer(msgspec.Struct, frozen=True):
    """A TURN server, as browsers take it."""

    urls: list[str]
    username: str
    credential: str


def identity_of(user: User | None) -> Identity | UnsetType:
    """The identity of a peer; left out for one who is anonymous."""
    return UNSET if user is None else Identity(user.id, user.name)


def raw(body: bytes) -> MaybeRaw:
    """A field whose value is encoded JSON already; left out if there is none."""
    return Raw(body) if body else UNSET


class AuthAccept(ServerEvent, kw_only=True, frozen=True):
    NAME = "auth-accept"
    DOC = "authenticated, or renewed"
    SINCE = 1
    COUNTED = False

    token: Annotated[str, Meta(description="the session token")]
    peer_id: Annotated[str, PLUS]
    expires_in: Annotated[float, PLUS, Meta(description="seconds")]
    resume_for: Annotated[float, PLUS, Meta(description="seconds; 0 if not resumable")]
    resumed: Annotated[bool, PLUS]
    rooms: Annotated[
        MaybeRaw,
        PLUS,
        Shape(list[RoomFound]),
        Meta(
            description="only when resumed: each `{room, owner, peers, peersinfo}`; beyond 256 KiB in all, `peersinfo` "
            "is empty (and in version 2, `data` and `history` are left out), and a `room-join-request` for that room "
            "brings it"
        ),
    ] = UNSET
    payload: MaybeRaw = UNSET
    ice_servers: Annotated[
        list[Any] | UnsetType,
        PLUS,
        Shape(list[IceServer]),
        Meta(
            description="if TURN is set up; the credentials expire after `TURN_LIFETIME`, and with the user "
            "token of the peer; each renewal brings new ones"
        ),
    ] = UNSET
    version: Annotated[int | UnsetType, PLUS, Meta(description="if it was asked for: the highest that both know")] = (
        UNSET
    )


class AuthExpiring(ServerEvent, kw_only=True, frozen=True):
    NAME = "auth-expiring"
    DOC = "the user token ends soon: renew with a newer one"
    SINCE = 2
    COUNTED = True

    expires_in: Annotated[float, Meta(description="seconds")]


class SessionEnded(ServerEvent, kw_only=True, frozen=True):
    NAME = "session-ended"
    DOC = "the peer is removed; the connection is closed next, and its place is gone"
    SINCE = 2
    COUNTED = True

    code: Annotated[
        str,
        Shape(Literal["expired", "replaced", "revoked"]),
        Meta(description="`expired`, `replaced` or `revoked`"),
    ]
    message: str


Code = Literal[tuple(refusal.code for refusal in CATALOGUE)]  # type: ignore[valid-type]  # made from the catalogue


class Refused(ServerEvent, kw_only=True, frozen=True):
    """An event that says no. ``event`` is named where the answer does not show it."""

    event: Annotated[str | UnsetType, PLUS, Meta(description="only in `request-reject`")] = UNSET
    code: Annotated[str, PLUS, Shape(Code)]
    message: str
    room: str | UnsetType = UNSET
    peer_id: str | UnsetType = UNSET
    payload: MaybeRaw = UNSET
    versions: Annotated[
        dict[str, int] | UnsetType, PLUS, Meta(description="only with `conflict`: of the keys that `if` named")
    ] = UNSET

    def frames(self, ack: int | None) -> list[bytes]:
        """As of every answer; the acknowledgement has the code and the sentence."""
        frames = [self.frame()]
        if ack is not None:
            said = {"ok": False, "code": self.code, "message": self.message}
            more = {} if self.versions is UNSET else {"versions": self.versions}
            frames.append(b"43%d[%s]" % (ack, _encode({**said, **more})))
        return frames


class Unauthorized(Refused, kw_only=True, frozen=True):
    NAME = "unauthorized"
    DOC = "the session token is invalid; nothing was done"
    SINCE = 1
    COUNTED = False


class AuthReject(Refused, kw_only=True, frozen=True):
    NAME = "auth-reject"
    DOC = "the token is invalid, or the request is malformed"
    SINCE = 1
    COUNTED = False


class RequestReject(Refused, kw_only=True, frozen=True):
    NAME = "request-reject"
    DOC = "an event that has no reject event of its own was refused"
    SINCE = 1
    ADDED = True
    COUNTED = False


class RoomCreateReject(Refused, kw_only=True, frozen=True):
    NAME = "room-create-reject"
    DOC = "the name is taken, or another refusal"
    SINCE = 1
    COUNTED = False


class RoomJoinReject(Refused, kw_only=True, frozen=True):
    NAME = "room-join-reject"
    DOC = "to the candidate: the owner said no, the room is unknown or has closed, or another refusal"
    SINCE = 1
    COUNTED = False


class RoomCreateAccept(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-create-accept"
    DOC = "the room is the sender's"
    SINCE = 1
    COUNTED = False

    room: str
    payload: MaybeRaw = UNSET


class RoomLeaveAccept(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-leave-accept"
    DOC = "the sender has left, or has taken its request back"
    SINCE = 1
    ADDED = True
    COUNTED = False

    room: str
    payload: MaybeRaw = UNSET


class RoomJoinRequest(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-join-request"
    DOC = "to the hosts: someone asks to be let in"
    SINCE = 1
    COUNTED = True
    STATE = True

    room: str
    peer_id: str
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET
    identity: Annotated[Identity | UnsetType, PLUS, Meta(description="`{id, name}`, unless it is anonymous")] = UNSET


class RoomJoinAccept(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-join-accept"
    DOC = "to the candidate: it is in the room"
    SINCE = 1
    COUNTED = True
    STATE = True

    peer_id: str
    room: str
    owner: Annotated[str, PLUS]
    peers: Annotated[list[str], Meta(description="the others in the room")]
    peersinfo: Annotated[dict[str, Raw | None], Shape(dict[str, Any]), Meta(description="the `peerinfo` of each")]
    payload: MaybeRaw = UNSET
    policy: Annotated[
        dict[str, Any] | UnsetType, PLUS, Shape(PolicyShown), Meta(description="version 2: the whole of it")
    ] = UNSET
    roles: Annotated[
        dict[str, str] | UnsetType,
        PLUS,
        Shape(dict[str, Literal["owner", "moderator"]]),
        Meta(description="version 2: `owner` or `moderator`, by `peer_id`"),
    ] = UNSET
    identities: Annotated[
        dict[str, Identity] | UnsetType, PLUS, Meta(description="version 2: of those who are not anonymous")
    ] = UNSET
    created: Annotated[bool | UnsetType, PLUS, Meta(description="true if the request made the room")] = UNSET
    data: Annotated[
        dict[str, Datum] | UnsetType, PLUS, Meta(description="version 2: `{value, version, by}` by key")
    ] = UNSET
    data_version: Annotated[
        int | UnsetType, PLUS, Meta(description="version 2: changes up to this version are in `data`, or are undone")
    ] = UNSET
    history: Annotated[
        list[Raw] | UnsetType,
        PLUS,
        Shape(list[MessageShown]),
        Meta(description="version 2: messages to all from before it came in, as in `room-message`, the oldest first"),
    ] = UNSET


class RoomUserJoin(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-user-join"
    DOC = "to the other members"
    SINCE = 1
    COUNTED = True
    STATE = True

    room: str
    peer_id: str
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET
    identity: Annotated[Identity | UnsetType, PLUS, Meta(description="`{id, name}`, unless it is anonymous")] = UNSET


class RoomUserLeave(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-user-leave"
    DOC = "a member left, closed its connection, or was lost"
    SINCE = 1
    COUNTED = True
    STATE = True

    room: str
    peer_id: str
    reason: Annotated[
        str,
        PLUS,
        Shape(Literal["left", "closed", "lost", "kicked"]),
        Meta(description="`left`, `closed`, `lost` or `kicked`"),
    ]
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET
    identity: Annotated[Identity | UnsetType, PLUS, Meta(description="`{id, name}`, unless it is anonymous")] = UNSET


class RoomOwner(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-owner"
    DOC = (
        "version 1 only: the room has another owner. Pending join "
        "requests are sent to the new owner. A room without members ceases to exist"
    )
    SINCE = 1
    UNTIL = 1
    ADDED = True
    COUNTED = True
    STATE = True

    room: str
    peer_id: str


class RoomClosed(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-closed"
    DOC = (
        "an operator or the owner closed the room, or its policy did when the owner left. In version 1, each member is "
        "also told `room-user-leave` of every other, before"
    )
    SINCE = 1
    ADDED = True
    COUNTED = False
    COUNTED_LATER = True
    STATE = True

    room: str
    by: Annotated[str | UnsetType, Meta(description="the owner who closed it")] = UNSET
    text: Annotated[str | UnsetType, Meta(description="what the owner said")] = UNSET


class RoomJoinWait(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-join-wait"
    DOC = "to the candidate: a host has to decide"
    SINCE = 2
    COUNTED = False

    room: str
    text: Annotated[str, Meta(description="the policy's `waiting_text`")]


class RoomJoinGone(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-join-gone"
    DOC = "to the hosts: a request does not wait any more"
    SINCE = 2
    COUNTED = True
    STATE = True

    room: str
    peer_id: str
    reason: Annotated[
        str,
        Shape(Literal["accepted", "rejected", "cancelled", "left", "closed", "lost"]),
        Meta(description="`accepted`, `rejected`, `cancelled`, `left`, `closed` or `lost`"),
    ]
    by: Annotated[str | None, Meta(description="the host who decided")] = None


class RoomRole(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-role"
    DOC = "to all members: one of them has another role"
    SINCE = 2
    COUNTED = True
    STATE = True

    room: str
    peer_id: str
    role: Annotated[
        str,
        Shape(Literal["owner", "moderator", "member"]),
        Meta(description="`owner`, `moderator` or `member`"),
    ]
    by: Annotated[str | None, Meta(description="who gave it; null if it followed from a grant or from a leave")] = None


class RoomKicked(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-kicked"
    DOC = "to the one who is put out of the room, or out of its waiting line"
    SINCE = 2
    COUNTED = True

    room: str
    by: str | None
    text: str
    banned_until: Annotated[
        float | bool | None,
        Meta(description="seconds since the epoch; true: as long as the room exists; null: not banned"),
    ]


class RoomPolicy(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-policy"
    DOC = "to all members: the whole of the room's policy, after a change"
    SINCE = 2
    COUNTED = True
    STATE = True

    room: str
    policy: Annotated[dict[str, Any], Shape(PolicyShown)]
    by: Annotated[str | None, Meta(description="the host who changed it; null for an operator")]


class RoomMessage(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-message"
    DOC = "to those whom a message is for"
    SINCE = 2
    COUNTED = True

    room: str
    id: Annotated[int, Meta(description="rises with every message, in all rooms")]
    peer_id: Annotated[str, Meta(description="the sender")]
    identity: Annotated[Identity | UnsetType, Meta(description="`{id, name}`, unless it is anonymous")] = UNSET
    role: Annotated[
        str,
        Shape(Literal["owner", "moderator", "member", "candidate"]),
        Meta(description="the sender's: `owner`, `moderator`, `member` or `candidate`"),
    ]
    time: Annotated[int, Meta(description="milliseconds since the epoch")]
    to: Annotated[str | UnsetType, Meta(description="the one it is for, or `hosts`; left out if it is for all")] = UNSET
    kind: str
    body: Raw


class RoomUserUpdate(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-user-update"
    DOC = "to the other members, and to the hosts of a room that it waits for: a peer shows itself in another way"
    SINCE = 2
    COUNTED = True
    STATE = True

    room: str
    peer_id: str
    peerinfo: Raw


class RoomData(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-data"
    DOC = "to the other members: somebody has changed the room's data"
    SINCE = 2
    COUNTED = True
    STATE = True

    room: str
    set: Annotated[
        dict[str, Raw],
        Shape(dict[str, Any]),
        Meta(description="the new values by key; null: there is no such key any more"),
    ]
    version: Annotated[int, Meta(description="of all these keys from now on; rises in all rooms")]
    by: Annotated[str, Meta(description="the peer that changed it")]


class Relayed(ServerEvent, kw_only=True, frozen=True):
    """A roommate's words. The field after ``peer_id`` is the body that its class declares."""

    WORDS = True

    room: str
    peer_id: Annotated[str, Meta(description="the sender")]


class SessionDescription(Relayed, kw_only=True, frozen=True):
    NAME = "session-description"
    DOC = "from a roommate"
    SINCE = 1
    COUNTED = True

    session_description: Raw
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class IceCandidate(Relayed, kw_only=True, frozen=True):
    NAME = "ice-candidate"
    DOC = "from a roommate"
    SINCE = 1
    COUNTED = True

    ice_candidate: Raw
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


REFUSALS = {name: event for name, event in TOLD.items() if issubclass(event, Refused)}


# What a resumable client counts, so that it can say with ``received`` how many of them it has had.
def counted_in(version: int) -> tuple[str, ...]:
    """The events that a client of that version counts."""
    return tuple(name for name, event in TOLD.items() if is_for(event, version) and counts(event.KIND, version))


COUNTED = counted_in(1)
# How frames of relays begin, whatever may stand behind the name.
RELAY_STARTS = tuple(event.START.removesuffix(b",") for event in TOLD.values() if issubclass(event, Relayed))

for _event in EVENTS.values():
    _refused = TOLD.get(_event.REFUSED_AS)
    if _refused is None or not issubclass(_refused, Refused):
        raise TypeError(f"{_event.__name__} is refused as {_event.REFUSED_AS}, which is no refusal declared here")
    if _event.RELAYED_AS:
        _relayed = TOLD.get(_event.RELAYED_AS)
        if _relayed is None or not issubclass(_relayed, Relayed):
            raise TypeError(f"{_event.__name__} is relayed as {_event.RELAYED_AS}, which is no relay declared here")
        if _relayed.__annotations__.keys() - {"peerinfo", "payload"} != {_event.BODY}:
            raise TypeError(f"{_relayed.__name__} does not carry {_event.BODY}, as {_event.__name__} does")
    if isinstance(_event.ANSWER, str) and _event.ANSWER not in TOLD:
        raise TypeError(f"{_event.__name__} is acknowledged as {_event.ANSWER}, which is no event declared here")
    _acknowledged = TOLD[_event.ANSWER] if isinstance(_event.ANSWER, str) else _event.ANSWER
    if not set(_event.ANSWER_AT_LEAST) <= set(_acknowledged.__struct_fields__):
        raise TypeError(f"{_event.__name__} is acknowledged with at least what its answer has not got")
