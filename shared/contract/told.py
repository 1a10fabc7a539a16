"""Every event that the server sends: one class each, from which frames, what clients count, and the documents follow.

To add an event: declare it here, and make it where it happens. A relay is an event of its own, made by the sender's
gateway and passed on as bytes; its class says how the frame is laid out.

Bodies are JSON that a client sent, and stay encoded. A field that is UNSET is left out.
"""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from shared.contract.events import EVENTS

_encode = msgspec.json.Encoder().encode

MaybeRaw = Raw | UnsetType
PLUS = "+"  # marks a field that the server which Parley replaces does not send

TOLD: dict[str, type["ServerEvent"]] = {}  # each by its name

# What an event is, in bits, for those who have its frame alone. Snapshots have them: they never change their meaning.
COUNTED_BIT, WORDS_BIT = 1, 2
PLAIN = 0  # neither counted nor anybody's words, as all answers are


class ServerEvent(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What all events have in common. A class with a name is an event; its fields are in the order clients get them."""

    NAME: ClassVar[str]
    DOC: ClassVar[str]  # when it comes, for PROTOCOL.md
    SINCE: ClassVar[int]  # the version of the contract that brought it
    ADDED: ClassVar[bool] = False  # whether the server that Parley replaces does not send it
    COUNTED: ClassVar[bool]  # whether a resumable client counts it: what others or time cause, and no answer to itself
    WORDS: ClassVar[bool] = False  # whether it is what somebody else says
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
        cls.START = b'42["%s",' % cls.NAME.encode()
        cls.KIND = cls.COUNTED * COUNTED_BIT | cls.WORDS * WORDS_BIT
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
        Meta(
            description="only when resumed: each `{room, owner, peers, peersinfo}`; beyond 256 KiB in all, `peersinfo` "
            "is empty, and a `room-join-request` for that room brings it"
        ),
    ] = UNSET
    payload: MaybeRaw = UNSET
    ice_servers: Annotated[
        list[Any] | UnsetType,
        PLUS,
        Meta(
            description="if TURN is set up; the credentials expire after `TURN_LIFETIME`, and for the app `demo` after "
            "an hour at most; each renewal brings new ones"
        ),
    ] = UNSET


class Refused(ServerEvent, kw_only=True, frozen=True):
    """An event that says no. ``event`` is named where the answer does not show it."""

    event: Annotated[str | UnsetType, PLUS, Meta(description="only in `request-reject`")] = UNSET
    code: Annotated[str, PLUS]
    message: str
    room: str | UnsetType = UNSET
    peer_id: str | UnsetType = UNSET
    payload: MaybeRaw = UNSET

    def frames(self, ack: int | None) -> list[bytes]:
        """As of every answer; the acknowledgement has the code and the sentence."""
        frames = [self.frame()]
        if ack is not None:
            frames.append(b"43%d[%s]" % (ack, _encode({"ok": False, "code": self.code, "message": self.message})))
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
    DOC = "to the owner: someone asks to be let in"
    SINCE = 1
    COUNTED = True

    room: str
    peer_id: str
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class RoomJoinAccept(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-join-accept"
    DOC = "to the candidate: it is in the room"
    SINCE = 1
    COUNTED = True

    peer_id: str
    room: str
    owner: Annotated[str, PLUS]
    peers: Annotated[list[str], Meta(description="the others in the room")]
    peersinfo: Annotated[dict[str, Raw | None], Meta(description="the `peerinfo` of each")]
    payload: MaybeRaw = UNSET


class RoomUserJoin(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-user-join"
    DOC = "to the other members"
    SINCE = 1
    COUNTED = True

    room: str
    peer_id: str
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class RoomUserLeave(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-user-leave"
    DOC = "a member left, closed its connection, or was lost"
    SINCE = 1
    COUNTED = True

    room: str
    peer_id: str
    reason: Annotated[str, PLUS, Meta(description="`left`, `closed` or `lost`")]
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class RoomOwner(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-owner"
    DOC = (
        "the owner has gone, and the member who has been in the room longest is the owner now. Pending join "
        "requests are sent to the new owner. A room without members ceases to exist"
    )
    SINCE = 1
    ADDED = True
    COUNTED = True

    room: str
    peer_id: str


class RoomClosed(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-closed"
    DOC = "an operator closed the room. Each member is also told `room-user-leave` of every other"
    SINCE = 1
    ADDED = True
    COUNTED = False

    room: str


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
COUNTED = tuple(name for name, event in TOLD.items() if event.COUNTED)
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
