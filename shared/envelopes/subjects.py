"""NATS names. All of them start with ``parley``, so that permissions can be given by prefix."""

import functools
import hashlib
import re

EVENT_STREAM = "parley-events"  # JetStream stream: the one ordered log
EVENTS = "parley.events.>"  # what it takes; who may write what is told apart by the subject
BROKER_EVENTS = "parley.events.broker"  # brokers append here
GATEWAY_EVENTS = "parley.events.gateway."  # a gateway appends here, with its id behind
OLD_EVENTS = "parley.events"  # everybody appended here, in versions that told nobody apart
BEATS = "parley.beats"  # gateways -> brokers, not kept
ADMIN = "parley.admin"  # auth_api asks, the speaker answers
ADMIN_INBOX = "_INBOX_auth_api."  # and nowhere else
PRESENCE = "parley.presence."  # brokers ask each other whether they are there
ROLL_CALL = f"{PRESENCE}roll-call"  # brokers say what they know; no broker has this name
NOTICE_STREAM = "parley-notices"  # JetStream stream: what happens in rooms, for the backends of apps
NOTICES = "parley.notices."  # the speaker stores notices here, with the log that they are about behind
NOTICED = "parley.noticed"  # the speaker -> standbys and auth_api, not kept: how far the stream of notices goes
LEASE_BUCKET = "parley-lease"  # KV: who speaks
WEBHOOKS_BUCKET = "parley-webhooks"  # KV: which auth_api sends webhooks, and how far it has got
SNAPSHOT_BUCKET = "parley-snapshots"  # object store: the state at a log position

# The whole of a batch or a parcel has to fit into one NATS message; the server must allow this many bytes.
MAX_MESSAGE = 8 * 1024 * 1024

# Whatever is published fits into this many bytes, NATS' own default: a server that takes less is refused.
LEAST_PAYLOAD = 1024 * 1024
MAX_BODY = 512 * 1024  # bytes of what one client says in one event, with what the gateway adds to it

_WRITERS = re.compile(rf"({re.escape(GATEWAY_EVENTS)})[^\s\"'*]+")
_OLD_ID = re.compile(r"g[0-9a-f]{16}")


def gateway_events(gateway: str) -> str:
    """Where a gateway appends. Its id is a secret: NATS lets every gateway write under every id."""
    return f"{GATEWAY_EVENTS}{gateway}"


def presence(broker: str) -> str:
    """Where a broker is asked whether it is there."""
    return f"{PRESENCE}{broker}"


@functools.lru_cache(maxsize=1024)
def public_id(gateway: str) -> str:
    """What may be said of a gateway's id: nobody gets from here to the id."""
    return hashlib.sha256(gateway.encode()).hexdigest()[:32]


def without_ids(text: str) -> str:
    """A text that others may read, like what NATS says of a subject, without the ids of gateways."""
    return _WRITERS.sub(r"\1…", text)


@functools.lru_cache(maxsize=1024)
def deliveries(gateway: str) -> str:
    """Where the parcels of a gateway go. All gateways may see this subject, so it does not give the id away.

    Ids of the version before are shorter, and no secrets.
    """
    return f"parley.deliver.{gateway if _OLD_ID.fullmatch(gateway) else public_id(gateway)}"
