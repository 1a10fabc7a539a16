"""What a peer may cause to be told: bytes to recipients, so many at once and so many a second by the log's time."""

from broker.core.limits import Limits
from broker.core.state import Peer
from shared.contract.refusals import TOO_MANY, Refusal

LITTLE = 1024 * 1024  # bytes at once that a peer may cause however much others do
EACH = 256  # bytes that a frame counts for beside its own, for each recipient


def check(peer: Peer, size: int, now: float, limits: Limits, part: float = 1.0) -> None:
    """Make sure that a peer may cause ``size`` bytes. Raises Refusal.

    ``part`` of the limit counts, but never less than a LITTLE.
    """
    most = max(min(LITTLE, limits.output_burst), limits.output_burst * part)
    if size > most - _owed(peer, now, limits):
        raise Refusal(TOO_MANY)


def charge(peer: Peer, size: int, now: float, limits: Limits) -> None:
    """Charge a peer for ``size`` bytes."""
    peer.spent = _owed(peer, now, limits) + size
    peer.spent_at = now


def left(peer: Peer, now: float, limits: Limits) -> float:
    """How many bytes a peer may cause at once now."""
    return limits.output_burst - _owed(peer, now, limits)


def _owed(peer: Peer, now: float, limits: Limits) -> float:
    return max(0.0, peer.spent - (now - peer.spent_at) * limits.output_rate)
