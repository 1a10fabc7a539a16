"""The limits that the room authority enforces."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Counts, bytes, and times in seconds. All brokers go by those that stand in the log (``levels.py``).

    ``kept_deliveries`` and ``kept_bytes`` bound what waits for a peer from each sender. ``output_burst`` is how many
    bytes one peer may cause to be told to others at once, ``output_rate`` how many in each second thereafter; together,
    members may cause as much in one room. ``history_bytes``, ``data_keys`` and ``data_bytes`` bound what is kept
    of a room's messages and data, and ``life_bytes`` what is kept of those of all rooms. ``notices`` says
    whether there are any.
    """

    peers_per_room: int = 64
    rooms_per_peer: int = 16
    pending_per_peer: int = 16
    pending_per_room: int = 64
    resume_for: float = 30.0
    kept_deliveries: int = 256
    kept_bytes: int = 256 * 1024
    output_rate: float = 16.0 * 1024 * 1024
    output_burst: int = 64 * 1024 * 1024
    scope_by_app: bool = False
    history_bytes: int = 16 * 1024
    life_bytes: int = 256 * 1024 * 1024
    data_keys: int = 64
    data_bytes: int = 16 * 1024
    notices: bool = False
