"""The limits that the room authority enforces."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Counts, bytes, and ``resume_for`` in seconds. All brokers of a deployment must have the same."""

    peers_per_room: int = 64
    rooms_per_peer: int = 16
    pending_per_peer: int = 16
    resume_for: float = 30.0
    kept_deliveries: int = 256
    kept_bytes: int = 256 * 1024
    scope_by_app: bool = False
