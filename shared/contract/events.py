"""Every event a client may send: one class each, from which validation, routing and the documents follow.

To add an event: declare it here, and give it a rule in ``broker/core/rules`` (``auth-request`` alone has its own way,
because it is what makes a socket a peer). Field types are checked when the event is decoded; sizes, which are
settings, by ``gateway/incoming/door.py``. A declaration that leaves something open is a TypeError at import.

Bodies (``session_description``, ``ice_candidate``, ``payload``, ``peerinfo``) stay encoded JSON all the way. Fields
beside these, the room and the peer go through the log as declared (``own.py``): the rule gets them with their types.
"""

import dataclasses
import enum
import typing
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from shared.contract.bounds import is_bounded
from shared.contract.shapes import Answer, PeerAnswer, RoomAnswer, Shape, leaves_open, shape_of
from shared.envelopes import levels
from shared.envelopes.policy import PolicyChange, PolicyShown, Text
from shared.envelopes.users import Grant, UserId

ABSENT = msgspec.Raw(b"")
NULL = b"null"


@dataclasses.dataclass(frozen=True)
class Body:
    """What bounds a field of any JSON: the gateway's setting ``limit``, in bytes, which is ``default`` by default.

    Where the body is needed, ``null`` says whether JSON's null will do.
    """

    limit: str
    default: int
    null: bool = False


Number = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Payload = Annotated[msgspec.Raw, Body("max_payload", 4096)]
Peerinfo = Annotated[msgspec.Raw, Body("max_peerinfo", 4096)]
PeerinfoOrNull = Annotated[msgspec.Raw, Body("max_peerinfo", 4096, null=True)]
IceCandidate = Annotated[msgspec.Raw, Body("max_ice_candidate", 4096, null=True)]
MessageBody = Annotated[msgspec.Raw, Body("max_payload", 4096, null=True)]
SessionDescription = Annotated[msgspec.Raw, Body("max_session_description", 49152)]
DataSet = Annotated[msgspec.Raw, Body("max_set", 16384), Shape(dict[str, Any])]
MessageKind = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
LONGEST_KEY = 64  # characters of a key in a room's data; peers' ids, which may stand in it, have capital letters
DataKey = Annotated[
    str, msgspec.Meta(min_length=1, max_length=LONGEST_KEY, pattern=r"\A(peer\.[A-Za-z0-9_-]+\.)?[a-z0-9._-]+\Z")
]
DataVersion = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
HOSTS = "hosts"  # whom a message is for, beside peers: their ids are longer


class Right(enum.Enum):
    """Who may send an event; everybody else is refused, before its rule is asked (``broker/core/rights.py``)."""

    ANYONE = "anyone"
    PEER = "every peer"
    CANDIDATE = "members and candidates"
    WAITING = "candidates of the room"
    MEMBER = "members of the room"
    DECIDER = "hosts of the room (version 1 knows them as its owner)"
    HOST = "hosts of the room"
    OWNER = "the owner of the room"


EVENTS: dict[str, type["ClientEvent"]] = {}  # each by its name, as the newest version has it
_EARLIER: dict[str, list[type["ClientEvent"]]] = {}  # as earlier versions have it, the newest first
NEWEST = 2  # version of the contract
_CARRIED = ("auth", "n", "payload", "room", "to", "peer_id")  # what every entry can hold


class ClientEvent(msgspec.Struct, kw_only=True, frozen=True):
    """What all events have in common. A class with a name is an event."""

    NAME: ClassVar[str]
    DOC: ClassVar[str]  # what follows, for PROTOCOL.md
    SINCE: ClassVar[int]  # the version of the contract that brought it
    LEVEL: ClassVar[int]  # from which on brokers know it (shared/envelopes/levels.py); that of the first version is 1
    WHO: ClassVar[Right]
    ANSWER: ClassVar[
        type[Answer] | str
    ]  # what the acknowledgement has; a name: what the server's event of that name has
    ANSWER_AT_LEAST: ClassVar[tuple[str, ...]] = ()  # of these fields, where all of them would be too much
    REFUSED_AS: ClassVar[str] = "request-reject"  # the event that says no
    RELAYED_AS: ClassVar[str] = ""  # the event a roommate gets, for relays
    BODY: ClassVar[str] = ""  # the field a relay carries
    NEEDS: ClassVar[tuple[str, ...]] = ()  # fields that must be there; "peer" stands for to or peer_id
    GRANTS: ClassVar[frozenset[Grant] | None] = None  # of which a user needs one for this room; None: none
    BODIES: ClassVar[dict[str, Body]]  # found in the types of the fields
    OWN: ClassVar[tuple[str, ...]]  # fields that an entry has no place of its own for

    auth: Annotated[Any, Shape(str)] = None
    n: Annotated[
        msgspec.Raw, Shape(Number), msgspec.Meta(description="version 2: the number under which it may be sent again")
    ] = ABSENT  # version 1 had no such field: there, whatever it is is ignored
    payload: Payload = ABSENT

    def __init_subclass__(cls) -> None:
        """Take up an event. Raises TypeError for a declaration that is not whole."""
        hints = typing.get_type_hints(cls, include_extras=True)
        cls.BODIES = {name: body for name, hint in hints.items() if (body := _body_of(cls, name, hint))}
        if "NAME" in cls.__dict__:
            _check_whole(cls, set(hints))
            cls.OWN = _own_fields(cls, hints)
            _check_shapes(cls, hints)
            if cls.NAME in EVENTS:
                _EARLIER.setdefault(cls.NAME, []).insert(0, EVENTS[cls.NAME])
            EVENTS[cls.NAME] = cls


def known(name: str, version: int) -> type[ClientEvent] | None:
    """The event of that name, as a client that asked for ``version`` of the contract may know it."""
    event = EVENTS.get(name)
    if event is None or version >= event.SINCE:
        return event
    return next((earlier for earlier in _EARLIER.get(name, ()) if version >= earlier.SINCE), None)


def first(name: str) -> type[ClientEvent]:
    """The event of that name as the version of the contract had it that brought it."""
    return _EARLIER.get(name, [EVENTS[name]])[-1]


def _body_of(cls: type[ClientEvent], name: str, hint: Any) -> Body | None:
    """What bounds a field, if it holds any JSON."""
    body = next((part for part in getattr(hint, "__metadata__", ()) if isinstance(part, Body)), None)
    if body is None and shape_of(hint) is hint and msgspec.Raw in (hint, *typing.get_args(hint)):
        raise TypeError(f"{cls.__name__}.{name} holds any JSON and has no limit: declare it as a Body")
    return body


def _check_whole(cls: type[ClientEvent], fields: set[str]) -> None:
    for said in ("DOC", "SINCE", "WHO", "ANSWER"):
        if not hasattr(cls, said):
            raise TypeError(f"{cls.__name__} does not say its {said}")
    before = EVENTS.get(cls.NAME)
    if before is not None and not (issubclass(cls, before) and cls.SINCE > before.SINCE):
        raise TypeError(f"{cls.__name__} has the name of {before.__name__}, and is no later version of it")
    if unknown := set(cls.NEEDS) - {"peer"} - fields:
        raise TypeError(f"{cls.__name__} needs what it has not got: {', '.join(sorted(unknown))}")
    if bool(cls.RELAYED_AS) != bool(cls.BODY) or (cls.BODY and cls.BODY not in cls.BODIES):
        raise TypeError(f"{cls.__name__} is relayed without a body, or has a body and is not relayed")
    _check_level(cls)


def _check_shapes(cls: type[ClientEvent], hints: dict[str, Any]) -> None:
    for name, hint in hints.items():
        if typing.get_origin(hint) is not ClassVar and leaves_open(hint, raw=True):
            raise TypeError(f"{cls.__name__}.{name} does not say what it holds: add a Shape to its type")


def _check_level(cls: type[ClientEvent]) -> None:
    if cls.SINCE == 1 and not hasattr(cls, "LEVEL"):
        cls.LEVEL = levels.FIRST
    if not hasattr(cls, "LEVEL"):
        raise TypeError(f"{cls.__name__} does not say its LEVEL, from which on brokers know it")
    if cls.LEVEL > levels.LEVEL:
        raise TypeError(f"{cls.__name__} is of a level that this release does not know: raise levels.LEVEL")


def _own_fields(cls: type[ClientEvent], hints: dict[str, Any]) -> tuple[str, ...]:
    """The fields that the log takes as they are declared; ``auth-request`` has an entry of its own."""
    if cls.WHO is Right.ANYONE:
        return ()
    fields = [name for name, hint in hints.items() if typing.get_origin(hint) is not ClassVar]
    own = tuple(name for name in fields if name not in (*_CARRIED, cls.BODY))
    for name in own:
        if not is_bounded(hints[name]):
            raise TypeError(f"{cls.__name__}.{name} has no bound: say how long or how large it may be")
    return own


class AuthRequest(ClientEvent, kw_only=True, frozen=True):
    NAME = "auth-request"
    SINCE = 1
    WHO = Right.ANYONE
    ANSWER = "auth-accept"
    DOC = "`auth-accept` or `auth-reject {message, payload}`"
    REFUSED_AS = "auth-reject"

    token: Annotated[Any, Shape(str)] = None
    peerinfo: Peerinfo = ABSENT
    resumable: bool | None = None
    resume: Annotated[Any, Shape(str | None)] = None
    received: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None = None
    version: Annotated[Any, Shape(int | None)] = (
        None  # version 1 had no such field: whatever is no number from 2 on means it
    )

    def version_asked(self) -> int:
        """The version of the contract that the client wants and this server knows."""
        asked = self.version
        return min(asked, NEWEST) if isinstance(asked, int) and asked > 1 else 1


class RoomEvent(ClientEvent, kw_only=True, frozen=True):
    """An event about one room."""

    NEEDS: ClassVar[tuple[str, ...]] = ("room",)

    room: str | None = None


class RoomCreateRequest1(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-create-request"
    SINCE = 1
    WHO = Right.PEER
    ANSWER = "room-create-accept"
    GRANTS = frozenset[Grant](("create", "own"))
    DOC = (
        "`room-create-accept {room, payload}`, or `room-create-reject {message, payload}` if the name is taken; "
        "the owner of the room gets the same acceptance again"
    )
    REFUSED_AS = "room-create-reject"
    NEEDS: ClassVar[tuple[str, ...]] = ()  # absent or empty: a UUID is chosen


class RoomCreateRequest(RoomCreateRequest1, kw_only=True, frozen=True):
    NAME = "room-create-request"
    SINCE = 2
    LEVEL = levels.RIGHTS

    policy: PolicyChange = PolicyChange()


class RoomJoinRequest1(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-join-request"
    SINCE = 1
    WHO = Right.PEER
    ANSWER = "room-join-accept"
    ANSWER_AT_LEAST = ("room", "peer_id")
    GRANTS = frozenset[Grant](("knock", "create", "enter", "moderate", "own"))
    DOC = (
        "the owner gets `room-join-request {room, peer_id, peerinfo, payload}`; unknown room: "
        "`room-join-reject {message, room, payload}`; a member gets its `room-join-accept` again"
    )
    REFUSED_AS = "room-join-reject"


class RoomJoinRequest(RoomJoinRequest1, kw_only=True, frozen=True):
    NAME = "room-join-request"
    SINCE = 2
    LEVEL = levels.RIGHTS
    DOC = RoomJoinRequest1.DOC + (
        ". By grant and policy it may be in at once, or be refused; if it has to wait, it gets `room-join-wait {room, "
        "text}`. With `create: true`, a room that does not exist is made if the peer may make it, which the acceptance "
        "says with `created: true`"
    )

    create: bool = False


class RoomJoinCancel(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-join-cancel"
    SINCE = 2
    LEVEL = levels.RIGHTS
    WHO = Right.WAITING
    ANSWER = RoomAnswer
    DOC = "the request is taken back: it is answered with `not-pending`, and the hosts get `room-join-gone`"


class PeerEvent(RoomEvent, kw_only=True, frozen=True):
    """An event about one room and one other peer in it, named by ``to`` or ``peer_id`` or both."""

    NEEDS: ClassVar[tuple[str, ...]] = ("room", "peer")

    to: str | None = None
    peer_id: str | None = None


class RoomJoinAccept(PeerEvent, kw_only=True, frozen=True):
    NAME = "room-join-accept"
    SINCE = 1
    WHO = Right.DECIDER
    ANSWER = PeerAnswer
    DOC = (
        "hosts only, for a pending request. The candidate gets "
        "`room-join-accept {room, peer_id, peers, peersinfo, payload, owner}`; "
        "the other members get `room-user-join {room, peer_id, peerinfo, payload}`"
    )


class RoomJoinReject(PeerEvent, kw_only=True, frozen=True):
    NAME = "room-join-reject"
    SINCE = 1
    WHO = Right.DECIDER
    ANSWER = PeerAnswer
    DOC = "hosts only, for a pending request. The candidate gets `room-join-reject {message, room, peer_id, payload}`"


class RoomLeaveRequest(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-leave-request"
    SINCE = 1
    WHO = Right.CANDIDATE
    ANSWER = "room-leave-accept"
    DOC = (
        "`room-leave-accept {room, payload}`; the others get `room-user-leave`. From a candidate who still waits: "
        "its request is taken back, and answered with `not-pending`"
    )


class RelaySessionDescription(PeerEvent, kw_only=True, frozen=True):
    NAME = "relay-session-description"
    SINCE = 1
    WHO = Right.MEMBER
    ANSWER = Answer
    DOC = "the roommate gets `session-description {room, peer_id, session_description, peerinfo, payload}`"
    RELAYED_AS = "session-description"
    BODY = "session_description"
    NEEDS: ClassVar[tuple[str, ...]] = ("room", "peer", "session_description")

    session_description: SessionDescription = ABSENT


class RelayIceCandidate(PeerEvent, kw_only=True, frozen=True):
    NAME = "relay-ice-candidate"
    SINCE = 1
    WHO = Right.MEMBER
    ANSWER = Answer
    DOC = "the roommate gets `ice-candidate {room, peer_id, ice_candidate, peerinfo, payload}`"
    RELAYED_AS = "ice-candidate"
    BODY = "ice_candidate"
    NEEDS: ClassVar[tuple[str, ...]] = ("room", "peer", "ice_candidate")

    ice_candidate: IceCandidate = ABSENT


class RoleAnswer(PeerAnswer, kw_only=True, frozen=True):
    role: Literal["owner", "moderator", "member"]


class RoomRoleRequest(PeerEvent, kw_only=True, frozen=True):
    NAME = "room-role-request"
    SINCE = 2
    LEVEL = levels.RIGHTS
    WHO = Right.OWNER
    ANSWER = RoleAnswer
    DOC = (
        "all members get `room-role {room, peer_id, role, by}`. With `owner`, the former one becomes a moderator. "
        "A new host gets the requests that are pending"
    )

    role: Literal["owner", "moderator", "member"]


class KickAnswer(PeerAnswer, kw_only=True, frozen=True):
    banned_until: float | bool | None


class RoomKickRequest(PeerEvent, kw_only=True, frozen=True):
    NAME = "room-kick-request"
    SINCE = 2
    LEVEL = levels.RIGHTS
    WHO = Right.HOST
    ANSWER = KickAnswer
    DOC = (
        "on lower roles only. The one gets `room-kicked {room, by, text, banned_until}` (in version 1: as when an "
        "operator closes the room), the others `room-user-leave` with the reason `kicked`. `ban` is a number of "
        "seconds, or true for as long as the room exists; it holds for the identity, or for an anonymous peer's "
        "`peer_id`. With it, candidates can be sent away as well"
    )

    ban: Annotated[int, msgspec.Meta(ge=1, le=366 * 86400)] | bool = False
    text: Text = ""


class UnbanAnswer(RoomAnswer, kw_only=True, frozen=True):
    """Whom the request named."""

    id: str | msgspec.UnsetType = msgspec.UNSET
    peer_id: str | msgspec.UnsetType = msgspec.UNSET


class RoomUnbanRequest(PeerEvent, kw_only=True, frozen=True):
    NAME = "room-unban-request"
    SINCE = 2
    LEVEL = levels.RIGHTS
    WHO = Right.HOST
    ANSWER = UnbanAnswer
    DOC = "the identity `id`, or the anonymous peer `peer_id`, may ask to come in again"
    NEEDS: ClassVar[tuple[str, ...]] = ("room",)  # and the one or the other

    id: UserId | None = None


class PolicyAnswer(RoomAnswer, kw_only=True, frozen=True):
    """One who sends it again may not be in the room any more."""

    policy: PolicyShown | msgspec.UnsetType = msgspec.UNSET


class RoomPolicyRequest(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-policy-request"
    SINCE = 2
    LEVEL = levels.RIGHTS
    WHO = Right.HOST
    ANSWER = PolicyAnswer
    DOC = "the keys that are given change; all members get `room-policy {room, policy, by}`"

    policy: PolicyChange


class RoomCloseRequest(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-close-request"
    SINCE = 2
    LEVEL = levels.RIGHTS
    WHO = Right.OWNER
    ANSWER = RoomAnswer
    DOC = "as when an operator closes the room: all members get `room-closed {room, by, text}`"

    text: Text = ""


class MessageAnswer(RoomAnswer, kw_only=True, frozen=True):
    id: int
    time: int


class RoomMessageRequest(PeerEvent, kw_only=True, frozen=True):
    NAME = "room-message-request"
    SINCE = 2
    LEVEL = levels.LIFE
    WHO = Right.CANDIDATE
    ANSWER = MessageAnswer
    DOC = (
        "all other members get `room-message {room, id, peer_id, identity, role, time, to, kind, body}`; with `to`, "
        "that member alone, or the other hosts if it is `hosts`. A candidate may write to `hosts` alone. Acknowledged "
        "with `{id, time}`. `kind` is `chat` if it is left out, and up to 64 characters"
    )
    NEEDS: ClassVar[tuple[str, ...]] = ("room", "body")

    kind: MessageKind = "chat"
    body: MessageBody = ABSENT


class PeerUpdateRequest(ClientEvent, kw_only=True, frozen=True):
    NAME = "peer-update-request"
    SINCE = 2
    LEVEL = levels.LIFE
    WHO = Right.PEER
    ANSWER = Answer
    DOC = (
        "the other members of all its rooms get `room-user-update {room, peer_id, peerinfo}`, and so do the hosts of "
        "those that it waits for. What it says to others from then on comes with the new `peerinfo`"
    )
    NEEDS: ClassVar[tuple[str, ...]] = ("peerinfo",)

    peerinfo: PeerinfoOrNull = ABSENT


class DataAnswer(RoomAnswer, kw_only=True, frozen=True):
    version: int


class RoomDataRequest(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-data-request"
    SINCE = 2
    LEVEL = levels.LIFE
    WHO = Right.MEMBER
    ANSWER = DataAnswer
    DOC = (
        "all other members get `room-data {room, set, version, by}`. `set` maps keys to values; null removes a key. "
        "All of them change or none. `if` maps keys to the versions that they must have (0: there must be no such "
        "key); else the answer is `conflict`, with the present `versions` of those keys. Acknowledged with `{version}`"
    )
    NEEDS: ClassVar[tuple[str, ...]] = ("room", "set")

    set: DataSet = ABSENT
    expected: Annotated[dict[DataKey, DataVersion], msgspec.Meta(max_length=64)] | None = msgspec.field(
        default=None, name="if"
    )
