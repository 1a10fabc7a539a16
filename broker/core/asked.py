"""A client event as its rule gets it: decoded, allowed to whoever sent it, and with the room that it is about."""

from typing import Generic, TypeVar

import msgspec

from broker.core.state import Room
from shared.contract.events import ClientEvent

E = TypeVar("E", bound=ClientEvent)
R = TypeVar("R", bound=Room | None)


class Asked(msgspec.Struct, Generic[E, R], frozen=True, gc=False):
    """What a peer asks for.

    own        the fields that the event has beside those below, as it is declared
    conn       the socket it came in on; ``ack``: the acknowledgement that was asked for
    room_name  what the client calls the room; ``key``: where such a room is filed; ``room``: the one that is there
    peer_id    the other peer that is named, if any
    body       the payload as JSON, or for a relay the whole frame that the roommate will read
    """

    own: E
    conn: str
    ack: int | None
    room_name: str
    key: str
    room: R
    peer_id: str
    body: bytes


InRoom = Asked[E, Room]  # of an event that takes a right in a room: there is one
Anywhere = Asked[E, Room | None]
