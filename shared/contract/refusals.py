"""The catalogue of refusals: every code a client can be answered with, its sentence, and when it is used."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Code:
    """One stable code. ``message`` is the sentence a person may be shown."""

    code: str
    message: str
    when: str


BAD_REQUEST = Code("bad-request", "The request is not well-formed", "a field is missing, unknown or of the wrong type")
UNAUTHORIZED = Code(
    "unauthorized", "Token is not valid", "the token is missing, forged, expired, revoked or another socket's"
)
TAKEN = Code(
    "taken",
    "Room already taken someone else. Please type another room name or stay it blank.",
    "a room of that name exists",
)
NOT_FOUND = Code("not-found", "Room is not found.", "no room has that name (any more)")
NOT_OWNER = Code("not-owner", "Only the owner of the room may do this", "someone else owns the room")
NOT_PENDING = Code("not-pending", "This peer is not waiting to join the room", "no such join request is pending")
NOT_MEMBER = Code("not-member", "Not a member of this room", "the sender or the one addressed is not in the room")
FULL = Code("full", "No more room", "the room has all the peers or data it may have, or the peer all its rooms")
TOO_LARGE = Code("too-large", "A field is too large", "a field is over its size limit")
TOO_MANY = Code(
    "too-many-requests",
    "Too many requests, slow down",
    "events come too fast, too many requests are pending, or enough waits for the one addressed",
)
UNAVAILABLE = Code(
    "unavailable",
    "Signaling is not available right now, try again",
    "the event log cannot be reached, or the gateway of the one addressed, or of one who comes back, is behind",
)
FORBIDDEN = Code("forbidden", "You may not do this", "who the peer is, or its role in the room, does not allow it")
CLOSED = Code("closed", "The room takes nobody in at the moment", "the room's policy is `closed`")
BANNED = Code("banned", "You are banned from this room", "a host of the room has banned the peer")
CONFLICT = Code("conflict", "Somebody else has changed this meanwhile", "a key of the room's data has another version")
ALREADY_HERE = Code(
    "already-here",
    "You are here already, in another window or on another device",
    "the user token allows one peer only",
)
STALE = Code(
    "stale",
    "This number is too old: it is not known any more whether it was done",
    "the number of an event is older than those that are remembered",
)
REJECTED = Code("rejected", "Room owner rejected your request", "the owner of the room said no")

CATALOGUE = (
    BAD_REQUEST,
    UNAUTHORIZED,
    TAKEN,
    NOT_FOUND,
    NOT_OWNER,
    NOT_PENDING,
    NOT_MEMBER,
    FULL,
    TOO_LARGE,
    TOO_MANY,
    UNAVAILABLE,
    REJECTED,
    FORBIDDEN,
    CLOSED,
    BANNED,
    CONFLICT,
    ALREADY_HERE,
    STALE,
)


class Refusal(Exception):
    """An event is refused. Raised before anything has changed.

    ``detail`` replaces the catalogue's sentence where there is something more exact to say. ``more`` are fields that
    clients get beside it.
    """

    def __init__(self, code: Code, detail: str = "", **more: Any) -> None:
        super().__init__(code.code)
        self.code = code.code
        self.message = detail or code.message
        self.more = more

    def fields(self) -> dict[str, Any]:
        """``code`` and ``message``, and what there is more, as clients get them."""
        return {"code": self.code, "message": self.message, **self.more}
