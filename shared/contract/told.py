"""Every event that the server sends: one class each, from which frames, what clients count, and the documents follow.

To add an event: declare it here, and make it where it happens. A relay is an event of its own, made by the sender's
gateway and passed on as bytes; its class says how the frame is laid out.

Bodies are JSON that a client sent, and stay encoded. A field that is UNSET is left out.
"""

from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from shared.contract.events import EVENTS

_encode = msgspec.json.Encoder().encode

MaybeRaw = Raw | UnsetType

TOLD: dict[str, type["ServerEvent"]] = {}  # each by its name

# What an event is, in bits, for those who have its frame alone. Snapshots have them: they never change their meaning.
COUNTED_BIT, WORDS_BIT = 1, 2
PLAIN = 0  # neither counted nor anybody's words, as all answers are


class ServerEvent(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What all events have in common. A class with a name is an event; its fields are in the order clients get them."""

    NAME: ClassVar[str]
    DOC: ClassVar[str]
    SINCE: ClassVar[int]  # the version of the contract that brought it
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
    DOC = "the socket is a peer"
    SINCE = 1
    COUNTED = False

    token: str
    peer_id: str
    expires_in: float
    resume_for: float
    resumed: bool
    rooms: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET
    ice_servers: list[Any] | UnsetType = UNSET


class Refused(ServerEvent, kw_only=True, frozen=True):
    """An event that says no. ``event`` is named where the answer does not show it."""

    event: str | UnsetType = UNSET
    code: str
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
    DOC = "the socket has no valid session token: nothing was done"
    SINCE = 1
    COUNTED = False


class AuthReject(Refused, kw_only=True, frozen=True):
    NAME = "auth-reject"
    DOC = "no token, or none that is valid"
    SINCE = 1
    COUNTED = False


class RequestReject(Refused, kw_only=True, frozen=True):
    NAME = "request-reject"
    DOC = "an event without a refusal of its own was refused"
    SINCE = 1
    COUNTED = False


class RoomCreateReject(Refused, kw_only=True, frozen=True):
    NAME = "room-create-reject"
    DOC = "the room was not created"
    SINCE = 1
    COUNTED = False


class RoomJoinReject(Refused, kw_only=True, frozen=True):
    NAME = "room-join-reject"
    DOC = "the request to join is over, or cannot be made"
    SINCE = 1
    COUNTED = False


class RoomCreateAccept(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-create-accept"
    DOC = "the room is the peer's"
    SINCE = 1
    COUNTED = False

    room: str
    payload: MaybeRaw = UNSET


class RoomLeaveAccept(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-leave-accept"
    DOC = "the peer is out of the room, or does not wait for it any more"
    SINCE = 1
    COUNTED = False

    room: str
    payload: MaybeRaw = UNSET


class RoomJoinRequest(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-join-request"
    DOC = "the owner is asked to let a peer in"
    SINCE = 1
    COUNTED = True

    room: str
    peer_id: str
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class RoomJoinAccept(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-join-accept"
    DOC = "the peer is in the room"
    SINCE = 1
    COUNTED = True

    peer_id: str
    room: str
    owner: str
    peers: list[str]
    peersinfo: dict[str, Raw | None]
    payload: MaybeRaw = UNSET


class RoomUserJoin(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-user-join"
    DOC = "somebody has come in"
    SINCE = 1
    COUNTED = True

    room: str
    peer_id: str
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class RoomUserLeave(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-user-leave"
    DOC = "somebody has left"
    SINCE = 1
    COUNTED = True

    room: str
    peer_id: str
    reason: str
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class RoomOwner(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-owner"
    DOC = "the room has another owner"
    SINCE = 1
    COUNTED = True

    room: str
    peer_id: str


class RoomClosed(ServerEvent, kw_only=True, frozen=True):
    NAME = "room-closed"
    DOC = "an operator has closed the room, after everybody was told that the others have left"
    SINCE = 1
    COUNTED = False

    room: str


class Relayed(ServerEvent, kw_only=True, frozen=True):
    """A roommate's words. The field after ``peer_id`` is the body that its class declares."""

    WORDS = True

    room: str
    peer_id: str


class SessionDescription(Relayed, kw_only=True, frozen=True):
    NAME = "session-description"
    DOC = "a roommate's session description"
    SINCE = 1
    COUNTED = True

    session_description: Raw
    peerinfo: MaybeRaw = UNSET
    payload: MaybeRaw = UNSET


class IceCandidate(Relayed, kw_only=True, frozen=True):
    NAME = "ice-candidate"
    DOC = "a roommate's ICE candidate"
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
