"""What a peer may cause to be told: bytes, a number at once and a number per second of the log's time."""

from collections.abc import Callable

from broker.core.limits import Limits
from broker.core.state import Peer
from shared.contract.refusals import TOO_MANY, Refusal

LITTLE = 1024 * 1024  # bytes at once that a peer may cause however much others do
EACH = 256  # bytes that a frame is charged with beside its own, for each recipient


def spend(peer: Peer, size: int, now: float, limits: Limits, part: Callable[[], float]) -> None:
    """Charge a peer for ``size`` bytes, unless it is too much. Raises Refusal.

    Only ``part`` of the limit can be had, but never less than a LITTLE.
    """
    owed = _owed(peer, now, limits) + size
    if (owed > LITTLE and owed > limits.output_burst * part()) or owed > limits.output_burst:
        raise Refusal(TOO_MANY)
    peer.spent, peer.spent_at = owed, now


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
