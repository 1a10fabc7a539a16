"""Invitations of the demo: links with which somebody comes into a room without asking, until they end.

A host of the room gets one from POST /demo/invitation; the page of whoever follows the link shows it when it asks for
its token (``demo_page.py``). It is a JWT that says what it is for, so no gateway takes it for a token.
"""

from typing import Annotated, ClassVar

import jwt
import msgspec
from msgspec import Meta

from shared.contract.tokens import ALGORITHM, TokenError, signed_claims
from shared.envelopes.admin import Jwt, Room
from shared.envelopes.calls import Call
from shared.envelopes.users import EVERY_ROOM, GrantedRoom

KIND = "invitation"
LIFE = 24 * 3600  # seconds
LONGEST = 4096  # characters


class Invitation(msgspec.Struct, frozen=True):
    """An invitation, for a link."""

    invitation: Jwt
    expires_in: Annotated[int, Meta(description="Seconds until it ends.")]


class Invite(Call, frozen=True):
    NAME = "invite"
    METHOD = "POST"
    PATH = "/demo/invitation"
    DOC = "Get an invitation to a room of the demo"
    NOTE = "For its hosts. Show the visitor's token as a bearer token. 403: you are no host of this room."
    ANSWER = Invitation
    ANSWERS: ClassVar[str] = "The invitation: whoever shows it to /demo/config.json may come into the room."
    REFUSALS: ClassVar[tuple[int, ...]] = (*Call.REFUSALS, 403, 404, 503)

    room: Room


class _Claims(msgspec.Struct, frozen=True):
    room: GrantedRoom
    exp: int


def make_invitation(secret: str, room: str, now: int) -> str:
    """An invitation to a room."""
    return jwt.encode({"typ": KIND, "room": room, "exp": now + LIFE}, secret, ALGORITHM)


def room_in(secret: str, invitation: str, now: float) -> str:
    """The room that one is for. Raises TokenError."""
    claims = signed_claims((secret,), invitation, LONGEST)
    if claims.get("typ") != KIND:
        raise TokenError("This is no invitation")
    try:
        said = msgspec.convert(claims, _Claims)
    except msgspec.ValidationError:
        raise TokenError("This is no invitation") from None
    if said.room == EVERY_ROOM:  # a room may have this name, and a grant for it would be one for all rooms
        raise TokenError("Nobody can be invited to all rooms")
    if said.exp <= now:
        raise TokenError("The invitation has ended")
    return said.room
