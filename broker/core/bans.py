"""Bans: who may not come into a room. They hold identities, or the ids of anonymous peers."""

from broker.core import users
from broker.core.rights import role_of
from broker.core.state import Ban, Peer, Room
from shared.contract.refusals import FORBIDDEN, FULL, Refusal

MOST_BANS = 256  # of one room


def key_of(peer: Peer) -> str:
    """What a ban of this peer is filed under: its identity, or an id of no app."""
    return users.key_of("", peer.peer_id) if peer.user is None else users.key_of(peer.app, peer.user.id)


def is_banned(room: Room, peer: Peer, now: float) -> bool:
    """Whether a peer may not come in. Moderators and owners by grant are banned by the owner alone."""
    if not room.bans or (ban := room.bans.get(key_of(peer))) is None or _is_over(ban, now):
        return False
    return ban.by_owner or peer.user is None or peer.user.grant(room.name) not in ("moderate", "own")


def put(room: Room, peer: Peer, by: str | None, seconds: int | None, now: float) -> Ban:
    """Ban a peer: for some seconds, or for as long as the room exists. ``by`` is a host; None for an operator.

    Raises Refusal.
    """
    for key in [key for key, ban in room.bans.items() if _is_over(ban, now)]:
        del room.bans[key]
    key = key_of(peer)
    by_owner = by is None or role_of(room, by) == "owner"
    before = room.bans.get(key)
    if before is not None and before.by_owner and not by_owner:
        raise Refusal(FORBIDDEN, "The owner has banned this peer")
    if before is None and len(room.bans) >= MOST_BANS:
        raise Refusal(FULL, "As many are banned from this room as can be")
    user_id, name = ("", "") if peer.user is None else (peer.user.id, peer.user.name)
    until = None if seconds is None else now + seconds
    ban = room.bans[key] = Ban(until, by_owner, user_id, name, "" if peer.user else peer.peer_id)
    return ban


def in_force(room: Room, now: float) -> list[Ban]:
    """The bans of a room that are not over, in the order in which they were made."""
    return [ban for ban in room.bans.values() if not _is_over(ban, now)]


def has_place(room: Room, peer: Peer, now: float) -> bool:
    """Whether an operator could ban this peer, too."""
    return key_of(peer) in room.bans or len(in_force(room, now)) < MOST_BANS


def lift(room: Room, user_id: str, peer_id: str, by_owner: bool) -> None:
    """Let an identity, or an anonymous peer, ask again. Raises Refusal for one whom the owner has banned."""
    found = [
        key
        for key, ban in room.bans.items()
        if (user_id and ban.user_id == user_id) or (peer_id and ban.peer_id == peer_id)
    ]
    if not by_owner and any(room.bans[key].by_owner for key in found):
        raise Refusal(FORBIDDEN, "Only the owner may do this: it has banned this peer")
    for key in found:
        del room.bans[key]


def _is_over(ban: Ban, now: float) -> bool:
    return ban.until is not None and ban.until <= now
