"""Rights: who may send an event, as its declaration says. This is the one place where that is enforced.

A user also needs a grant for the room, where the declaration asks for one. A stranger does not learn whether a room
exists from what only members and candidates may do.
"""

from collections.abc import Callable
from typing import Literal

from broker.core.state import Peer, Room
from shared.contract.events import Right
from shared.contract.refusals import FORBIDDEN, NOT_FOUND, NOT_MEMBER, NOT_OWNER, NOT_PENDING, Refusal
from shared.envelopes.users import Grant

Check = Callable[[Peer, Room | None], None]
RoleOf = Literal["owner", "moderator", "member"]
RANKS = {"member": 0, "moderator": 1, "owner": 2}


def role_of(room: Room, peer_id: str) -> RoleOf:
    """The role of a member; of anybody else, a member's, which is the least."""
    if peer_id == room.owner:
        return "owner"
    member = room.members.get(peer_id)
    return "member" if member is None else member.role


def is_host(room: Room, peer_id: str) -> bool:
    """Whether a peer is the owner of a room, or one of its moderators."""
    return peer_id == room.owner or (peer_id in room.members and room.members[peer_id].role != "member")


def check_grant(peer: Peer, room_name: str, grants: frozenset[Grant]) -> None:
    """Make sure that a user may do something with the room of that name. Raises Refusal."""
    if peer.user is not None and peer.user.grant(room_name) not in grants:
        raise Refusal(FORBIDDEN, "Your token does not allow this with that room")


def check_rank(room: Room, actor_id: str, peer_id: str) -> None:
    """Make sure that one acts on a lower role than its own. Raises Refusal."""
    if RANKS[role_of(room, actor_id)] <= RANKS[role_of(room, peer_id)]:
        raise Refusal(FORBIDDEN, "You may do this to lower roles than yours only")


def _everybody(peer: Peer, room: Room | None) -> None:
    """There need not even be such a room."""


def _candidate(peer: Peer, room: Room | None) -> None:
    if room is None or not (peer.peer_id in room.members or peer.peer_id in room.pending):
        raise Refusal(NOT_MEMBER)


def _waiting(peer: Peer, room: Room | None) -> None:
    if room is None or peer.peer_id not in room.pending:
        raise Refusal(NOT_PENDING, "You are not waiting to join this room")


def _member(peer: Peer, room: Room | None) -> None:
    if room is None or peer.peer_id not in room.members:
        raise Refusal(NOT_MEMBER)


def _decider(peer: Peer, room: Room | None) -> None:
    if room is None:
        raise Refusal(NOT_FOUND)
    if room.owner != peer.peer_id and not is_host(room, peer.peer_id):
        raise Refusal(NOT_OWNER)


def _host(peer: Peer, room: Room | None) -> None:
    if room is None or peer.peer_id not in room.members:
        raise Refusal(NOT_MEMBER)
    if not is_host(room, peer.peer_id):
        raise Refusal(FORBIDDEN, "Only hosts of the room may do this")


def _owner(peer: Peer, room: Room | None) -> None:
    if room is None or peer.peer_id not in room.members:
        raise Refusal(NOT_MEMBER)
    if room.owner != peer.peer_id:
        raise Refusal(NOT_OWNER)


# Each makes sure that a peer has the right in a room. Raises Refusal.
CHECKS: dict[Right, Check] = {
    Right.ANYONE: _everybody,
    Right.PEER: _everybody,
    Right.CANDIDATE: _candidate,
    Right.WAITING: _waiting,
    Right.MEMBER: _member,
    Right.DECIDER: _decider,
    Right.HOST: _host,
    Right.OWNER: _owner,
}

if _open := set(Right) - CHECKS.keys():
    raise TypeError(f"{', '.join(sorted(map(str, _open)))}: nobody checks whether a peer has this right")
