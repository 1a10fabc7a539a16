"""Every event a client may send: one class each, from which validation, routing and the documents follow.

To add an event: declare it here, and give it a rule in ``broker/core/rules`` (``auth-request`` alone has its own way,
because it is what makes a socket a peer). Field types are checked when the event is decoded; sizes, which are
settings, by ``gateway/incoming/door.py``.

Bodies (``session_description``, ``ice_candidate``, ``payload``, ``peerinfo``) stay encoded JSON all the way.
"""

from typing import Annotated, Any, ClassVar

import msgspec

ABSENT = msgspec.Raw(b"")
NULL = b"null"


class ClientEvent(msgspec.Struct, kw_only=True, frozen=True):
    """What all events have in common."""

    NAME: ClassVar[str]
    DOC: ClassVar[str]  # what follows, for PROTOCOL.md
    REFUSED_AS: ClassVar[str] = "request-reject"  # the event that says no
    RELAYED_AS: ClassVar[str] = ""  # the event a roommate gets, for relays
    BODY: ClassVar[str] = ""  # the field a relay carries
    NEEDS: ClassVar[tuple[str, ...]] = ()  # fields that must be there; "peer" stands for to or peer_id

    auth: Any = None
    payload: msgspec.Raw = ABSENT


class AuthRequest(ClientEvent, kw_only=True, frozen=True):
    NAME = "auth-request"
    DOC = "`auth-accept` or `auth-reject {message, payload}`"
    REFUSED_AS = "auth-reject"

    token: Any = None
    peerinfo: msgspec.Raw = ABSENT
    resumable: bool | None = None
    resume: Any = None
    received: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None = None


class RoomEvent(ClientEvent, kw_only=True, frozen=True):
    """An event about one room."""

    NEEDS: ClassVar[tuple[str, ...]] = ("room",)

    room: str | None = None


class RoomCreateRequest(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-create-request"
    DOC = (
        "`room-create-accept {room, payload}`, or `room-create-reject {message, payload}` if the name is taken; "
        "the owner of the room gets the same acceptance again"
    )
    REFUSED_AS = "room-create-reject"
    NEEDS: ClassVar[tuple[str, ...]] = ()  # absent or empty: a UUID is chosen


class RoomJoinRequest(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-join-request"
    DOC = (
        "the owner gets `room-join-request {room, peer_id, peerinfo, payload}`; unknown room: "
        "`room-join-reject {message, room, payload}`; a member gets its `room-join-accept` again"
    )
    REFUSED_AS = "room-join-reject"


class RoomLeaveRequest(RoomEvent, kw_only=True, frozen=True):
    NAME = "room-leave-request"
    DOC = (
        "`room-leave-accept {room, payload}`; the others get `room-user-leave`. From a candidate who still waits: "
        "its request is taken back, and answered with `not-pending`"
    )


class PeerEvent(RoomEvent, kw_only=True, frozen=True):
    """An event about one room and one other peer in it, named by ``to`` or ``peer_id`` or both."""

    NEEDS: ClassVar[tuple[str, ...]] = ("room", "peer")

    to: str | None = None
    peer_id: str | None = None


class RoomJoinAccept(PeerEvent, kw_only=True, frozen=True):
    NAME = "room-join-accept"
    DOC = (
        "owner only, for a pending request. The candidate gets "
        "`room-join-accept {room, peer_id, peers, peersinfo, payload, owner}`; "
        "the other members get `room-user-join {room, peer_id, peerinfo, payload}`"
    )


class RoomJoinReject(PeerEvent, kw_only=True, frozen=True):
    NAME = "room-join-reject"
    DOC = "owner only, for a pending request. The candidate gets `room-join-reject {message, room, peer_id, payload}`"


class RelaySessionDescription(PeerEvent, kw_only=True, frozen=True):
    NAME = "relay-session-description"
    DOC = "the roommate gets `session-description {room, peer_id, session_description, peerinfo, payload}`"
    RELAYED_AS = "session-description"
    BODY = "session_description"
    NEEDS: ClassVar[tuple[str, ...]] = ("room", "peer", "session_description")

    session_description: msgspec.Raw = ABSENT


class RelayIceCandidate(PeerEvent, kw_only=True, frozen=True):
    NAME = "relay-ice-candidate"
    DOC = "the roommate gets `ice-candidate {room, peer_id, ice_candidate, peerinfo, payload}`"
    RELAYED_AS = "ice-candidate"
    BODY = "ice_candidate"
    NEEDS: ClassVar[tuple[str, ...]] = ("room", "peer", "ice_candidate")

    ice_candidate: msgspec.Raw = ABSENT


EVENTS: dict[str, type[ClientEvent]] = {
    event.NAME: event
    for event in (
        AuthRequest,
        RoomCreateRequest,
        RoomJoinRequest,
        RoomJoinAccept,
        RoomJoinReject,
        RoomLeaveRequest,
        RelaySessionDescription,
        RelayIceCandidate,
    )
}

RELAYS = frozenset(name for name, event in EVENTS.items() if event.RELAYED_AS)

# What a resumable client counts, so that it can say with ``received`` how many of them it has had: events that others
# cause. Answers to its own events are not among them.
COUNTED = (
    "room-join-request",
    "room-join-accept",
    "room-user-join",
    "room-user-leave",
    "room-owner",
    *(event.RELAYED_AS for event in EVENTS.values() if event.RELAYED_AS),
)
