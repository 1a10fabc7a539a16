"""Rights: who may send an event, as its declaration says. This is the one place where that is enforced.

A stranger does not learn whether a room exists from what only members and candidates may do.
"""

from collections.abc import Callable

from broker.core.state import Peer, Room
from shared.contract.events import Right
from shared.contract.refusals import NOT_FOUND, NOT_MEMBER, NOT_OWNER, Refusal

Check = Callable[[Peer, Room | None], None]


def _everybody(peer: Peer, room: Room | None) -> None:
    """There need not even be such a room."""


def _candidate(peer: Peer, room: Room | None) -> None:
    if room is None or not (peer.peer_id in room.members or peer.peer_id in room.pending):
        raise Refusal(NOT_MEMBER)


def _member(peer: Peer, room: Room | None) -> None:
    if room is None or peer.peer_id not in room.members:
        raise Refusal(NOT_MEMBER)


def _owner(peer: Peer, room: Room | None) -> None:
    if room is None:
        raise Refusal(NOT_FOUND)
    if room.owner != peer.peer_id:
        raise Refusal(NOT_OWNER)


# Each makes sure that a peer has the right in a room. Raises Refusal.
CHECKS: dict[Right, Check] = {
    Right.ANYONE: _everybody,
    Right.PEER: _everybody,
    Right.CANDIDATE: _candidate,
    Right.MEMBER: _member,
    Right.OWNER: _owner,
}

if _open := set(Right) - CHECKS.keys():
    raise TypeError(f"{', '.join(sorted(map(str, _open)))}: nobody checks whether a peer has this right")
