"""Users: who a peer is and what it may do, as the app's own backend vouches for it.

A user travels from a user token (``shared/contract/user_tokens.py``) through the log into the core. A peer without one
is anonymous.
"""

from typing import Annotated, Literal

import msgspec

LONGEST_IDENTITY = 128  # characters of an identity's id, and of its name
MOST_GRANTS = 64  # rooms that one token names
EVERY_ROOM = "*"  # names all rooms that have no grant of their own

_NO_CONTROLS = r"\A[^\x00-\x1f\x7f-\x9f]*\Z"

# From the least to the most. A moderator may do what one who enters may, and an owner what a moderator may.
Grant = Literal["knock", "create", "enter", "moderate", "own"]
Single = Literal["", "newest", "oldest"]
UserId = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_IDENTITY, pattern=_NO_CONTROLS)]
UserName = Annotated[str, msgspec.Meta(max_length=LONGEST_IDENTITY, pattern=_NO_CONTROLS)]
GrantedRoom = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=_NO_CONTROLS)]
Grants = Annotated[dict[GrantedRoom, Grant], msgspec.Meta(max_length=MOST_GRANTS)]
Epoch = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class User(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An identity and its rights.

    id          the identity, the same over all tokens and devices of a person
    name        what others may call it; can be empty
    issued      when the token was made, in seconds since the epoch
    expires     when the token, and with it the session, ends; in seconds since the epoch
    rooms       what it may do, by the name of the room; EVERY_ROOM stands for all others
    single      which of two peers of this identity stays: the ``newest``, the ``oldest``, or both if empty
    """

    id: UserId
    name: UserName
    issued: Epoch
    expires: Epoch
    rooms: Grants = {}
    single: Single = ""

    def grant(self, room: str) -> Grant | None:
        """What it may do with the room of that name; None if nothing."""
        return self.rooms.get(room) or self.rooms.get(EVERY_ROOM)
