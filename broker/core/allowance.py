"""What a peer may cause to be told: bytes, a number at once and a number per second of the log's time.

What is said in a room is also charged to that room. While it owes no more than half of what it may, everybody may go
on; beyond that, only those who owe less than their equal part of that half. So those who say much share what there is,
and cannot silence those who say little.
"""

from collections.abc import Callable

from broker.core import life
from broker.core.limits import Limits
from broker.core.state import Debt, Peer, Room
from shared.contract.refusals import TOO_MANY, Refusal

LITTLE = 1024 * 1024  # bytes at once that a peer may cause while a gateway is much behind; the less, the further it is
EACH = 256  # bytes that a frame is charged with beside its own, for each recipient

Owed = tuple[Room, float, float]  # what all owe in a room, and what one of them does


def spend(peer: Peer, size: int, now: float, limits: Limits, part: Callable[[], float]) -> None:
    """Charge a peer for ``size`` bytes, unless it is too much. Raises Refusal.

    Only ``part`` of the limit can be had, but no less than a LITTLE; below 0, only a part of that.
    """
    peer.spent, peer.spent_at = _with(peer, size, now, limits, part), now


def spend_in(room: Room, peer: Peer, size: int, now: float, limits: Limits, part: Callable[[], float]) -> None:
    """Charge a peer for ``size`` bytes that are said in a room, and the room too. Raises Refusal."""
    charge_in_all(check_in_all([room], peer, size, now, limits, part), peer, size, now, limits)


def check_in_all(
    rooms: list[Room], peer: Peer, size: int, now: float, limits: Limits, part: Callable[[], float]
) -> list[Owed]:
    """What these rooms, and a peer in each, owe once it has said ``size`` bytes, all together. Raises Refusal.

    The whole is charged to each room. Often the same people are in all of them, and would have as much again to bear
    for each room more.
    """
    owed = [(room, *_in_room(room, peer, size, now, limits)) for room in rooms]
    _with(peer, size, now, limits, part)
    return owed


def charge_in_all(owed: list[Owed], peer: Peer, size: int, now: float, limits: Limits) -> None:
    """Charge a peer, and rooms, for what ``check_in_all`` has found to be allowed."""
    charge(peer, size, now, limits)
    for room, whole, mine in owed:
        known = life.of(room)
        if not _left_of(known.spent, now, limits.output_rate):
            known.shares = {}
        known.spent, known.shares[peer.peer_id] = Debt(whole, now), Debt(mine, now)


def _with(peer: Peer, size: int, now: float, limits: Limits, part: Callable[[], float]) -> float:
    """What a peer owes with ``size`` bytes more. Raises Refusal."""
    owed = _owed(peer, now, limits) + size
    if owed > limits.output_burst or owed > _allowed(part(), limits):
        raise Refusal(TOO_MANY)
    return owed


def _allowed(part: float, limits: Limits) -> float:
    return max(LITTLE, limits.output_burst * part) if part > 0 else LITTLE * (1 + part)


def _in_room(room: Room, peer: Peer, size: int, now: float, limits: Limits) -> tuple[float, float]:
    """What a room and a peer in it owe with ``size`` bytes more. Raises Refusal."""
    equal = 1 / len(room.members)
    spent, share = (room.life.spent, room.life.shares.get(peer.peer_id)) if room.life is not None else (None, None)
    whole = _left_of(spent, now, limits.output_rate) + size
    mine = _left_of(share, now, limits.output_rate * equal) + size
    half = limits.output_burst / 2
    if whole > half and mine > half * equal:
        raise Refusal(TOO_MANY, "Too much is said in this room, slow down")
    return whole, mine


def _left_of(debt: Debt | None, now: float, rate: float) -> float:
    return 0.0 if debt is None else max(0.0, debt.owed - (now - debt.at) * rate)


def charge(peer: Peer, size: int, now: float, limits: Limits) -> None:
    """Charge a peer for ``size`` bytes."""
    peer.spent = _owed(peer, now, limits) + size
    peer.spent_at = now


def left(peer: Peer, now: float, limits: Limits) -> float:
    """How many bytes a peer may cause at once now."""
    return limits.output_burst - _owed(peer, now, limits)


def _owed(peer: Peer, now: float, limits: Limits) -> float:
    if not peer.spent:
        return 0.0
    return max(0.0, peer.spent - (now - peer.spent_at) * limits.output_rate)
