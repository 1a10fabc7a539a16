"""NATS names. All of them start with ``parley``, so that permissions can be given by prefix."""

EVENT_STREAM = "parley-events"  # JetStream stream: the one ordered log
EVENTS = "parley.events"  # gateways and the speaker append here
BEATS = "parley.beats"  # gateways -> brokers, not kept
ADMIN = "parley.admin"  # auth_api asks, the speaker answers
LEASE_BUCKET = "parley-lease"  # KV: who speaks
SNAPSHOT_BUCKET = "parley-snapshots"  # object store: the state at a log position

# The whole of a batch or a parcel has to fit into one NATS message; the server must allow this many bytes.
MAX_MESSAGE = 8 * 1024 * 1024


def deliveries(gateway: str) -> str:
    """Where the parcels of a gateway go."""
    return f"parley.deliver.{gateway}"
