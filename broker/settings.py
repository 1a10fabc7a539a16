"""The settings of a broker."""

import dataclasses

from broker.core.limits import Limits
from shared.messaging.settings import NatsSettings
from shared.process.logs import LogSettings
from shared.process.settings import setting

MOST = 2**53  # of a limit, so that it can stand in the log


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(NatsSettings, LogSettings):
    """One field for each environment variable. All brokers go by the limits of the one that speaks."""

    app_host: str = setting("0.0.0.0", "Address to listen on, for probes.")
    app_port: int = setting(9000, "Port to listen on, for probes.", at_least=0, at_most=65535)
    room_scope: str = setting(
        "all",
        "Whether all apps share their rooms (all), or each app has rooms of its own (app).",
        choices=("all", "app"),
    )
    max_peers_per_room: int = setting(64, "Peers in one room.", at_least=1, at_most=MOST)
    max_rooms_per_peer: int = setting(16, "Rooms that one peer may be in.", at_least=1, at_most=MOST)
    max_pending_per_peer: int = setting(16, "Join requests of one peer that may be pending.", at_least=1, at_most=MOST)
    max_pending_per_room: int = setting(64, "Join requests that may be pending in one room.", at_least=1, at_most=MOST)
    output_per_second: float = setting(
        16777216.0,
        "Bytes per second that one peer's requests may cause to be sent, to others and to itself; and that messages, "
        "data and presence of all its members may cause in one room.",
        at_least=1024,
        at_most=MOST,
    )
    output_burst: int = setting(67108864, "The same in a burst.", at_least=1048576, at_most=MOST)
    resume_for: float = setting(
        30.0, "Seconds a resumable peer keeps its place while it is absent.", at_least=0, at_most=MOST
    )
    max_kept_deliveries: int = setting(
        256,
        "Deliveries kept for an absent or slow peer from each sender; four times that in all.",
        at_least=0,
        at_most=MOST,
    )
    max_kept_bytes: int = setting(262144, "The same in bytes.", at_least=0, at_most=MOST)
    max_history_bytes: int = setting(
        16384, "Bytes of a room's messages that are kept for newcomers.", at_least=0, at_most=1048576
    )
    max_data_keys: int = setting(64, "Keys of a room's data.", at_least=0, at_most=1024)
    max_data_bytes: int = setting(
        16384, "Bytes of a room's data: its keys and their values as JSON.", at_least=0, at_most=1048576
    )
    max_life_bytes: int = setting(
        268435456,
        "Bytes of messages kept for newcomers and of data in all rooms: beyond half of it, a room may have less and "
        "less, down to a sixteenth of its own limits.",
        at_least=0,
        at_most=MOST,
    )
    gateway_timeout: float = setting(3.0, "Seconds of silence after which a gateway is considered lost.", at_least=1.5)
    log_storage: str = setting("file", "Where the event log is kept: file or memory.", choices=("file", "memory"))
    log_replicas: int = setting(
        1, "Replicas of the log, the lease and the snapshots in a NATS cluster.", at_least=1, at_most=5
    )
    log_max_bytes: int = setting(
        2147483648,
        "Size of the log at which events are refused. NATS reserves that much disk space.",
        at_least=16777216,
    )
    notices: bool = setting(
        True, "Whether what happens in rooms is said in notices, for the backends of apps and for the console."
    )
    notices_keep: float = setting(259200.0, "Seconds for which notices are kept.", at_least=60, at_most=366 * 86400)
    notices_max_bytes: int = setting(
        268435456,
        "Size of all notices at which the oldest are dropped. NATS reserves that much disk space.",
        at_least=4194304,
    )
    snapshot_interval: float = setting(
        15.0,
        "Seconds between snapshots, for a standby up to a fifth more; less if the log grows by an eighth of "
        "`LOG_MAX_BYTES`.",
        at_least=0.5,
    )

    @property
    def limits(self) -> Limits:
        """What the core needs of it."""
        return Limits(
            peers_per_room=self.max_peers_per_room,
            rooms_per_peer=self.max_rooms_per_peer,
            pending_per_peer=self.max_pending_per_peer,
            pending_per_room=self.max_pending_per_room,
            output_rate=self.output_per_second,
            output_burst=self.output_burst,
            resume_for=self.resume_for,
            kept_deliveries=self.max_kept_deliveries,
            kept_bytes=self.max_kept_bytes,
            scope_by_app=self.room_scope == "app",
            history_bytes=self.max_history_bytes,
            life_bytes=self.max_life_bytes,
            data_keys=self.max_data_keys,
            data_bytes=self.max_data_bytes,
            notices=self.notices,
        )
