"""What snapshots of earlier brokers have in another form, read as what it is now."""

from typing import Any

import msgspec

from broker.core.state import Kept, Peer, Room
from shared.contract.told import COUNTED_BIT, PLAIN, TOLD

# What can still be read, beside the present version.
NAMES_VERSION = 3  # of a room's members it has nothing but their ids
LIST_VERSION = 2  # as the one after it; and what waits for a peer is a list, and all of it was counted
OLDEST = LIST_VERSION

_WORDS_KIND = TOLD["session-description"].KIND  # and of all words, in the versions that did not say kinds
_KINDS = {event.START.removesuffix(b","): event.KIND for event in TOLD.values()}


def decode_peers(part: msgspec.Raw, version: int) -> list[Peer]:
    """Peers of a snapshot of that version. Raises msgspec.MsgspecError and LookupError, as for rooms."""
    if version > LIST_VERSION:
        return msgspec.msgpack.decode(part, type=list[Peer])
    return [_from_list(fields) for fields in msgspec.msgpack.decode(part, type=list[dict[str, Any]])]


def decode_rooms(part: msgspec.Raw, version: int) -> list[Room]:
    """Rooms of a snapshot of that version."""
    if version > NAMES_VERSION:
        return msgspec.msgpack.decode(part, type=list[Room])
    found = msgspec.msgpack.decode(part, type=list[dict[str, Any]])
    return [msgspec.convert(_with_members(fields), Room, builtin_types=(bytes,)) for fields in found]


def kind_of(kept: Kept) -> int:
    """The kind of a frame that was kept without it. Those that are not here but in the log are words."""
    if kept.digest:
        return _WORDS_KIND
    return next((kind for start, kind in _KINDS.items() if kept.frame.startswith(start)), PLAIN)


def _with_members(fields: dict[str, Any]) -> dict[str, Any]:
    """A room of NAMES_VERSION, whose members count as having been there from its beginning."""
    return {**fields, "members": {peer_id: {"joined": fields["created"]} for peer_id in fields["members"]}}


def _from_list(fields: dict[str, Any]) -> Peer:
    """A peer of LIST_VERSION. Its newest counted events are those that wait, and before them those of the past."""
    kept = dict(enumerate(fields.pop("kept", ()), 1))
    peer = msgspec.convert({**fields, "kept": kept}, Peer, builtin_types=(bytes,))
    number = peer.told
    for waiting in (*reversed(peer.kept.values()), *reversed(peer.past)):
        if kind_of(waiting) & COUNTED_BIT:
            waiting.count, number = number, number - 1
    return peer
