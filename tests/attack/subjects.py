"""NATS subjects that somebody with a stolen password may try: today's, and whatever their names may become."""

from shared.envelopes import subjects

PURGE = f"$JS.API.STREAM.PURGE.{subjects.EVENT_STREAM}"
DELETE = f"$JS.API.STREAM.DELETE.{subjects.EVENT_STREAM}"
BEATS = "parley.beats"
ADMIN = "parley.admin"
LEASE = f"$KV.{subjects.LEASE_BUCKET}.speaker"


def events(own: str, gateways: list[str]) -> list[str]:
    """Where entries of the log may be written: by anybody, by a gateway, by the broker."""
    return ["parley.events", "parley.events.broker", *(f"parley.events.gateway.{name}" for name in (own, *gateways))]


def beats(gateway: str) -> list[str]:
    """Where signs of life of a gateway may be said."""
    return [BEATS, f"{BEATS}.{gateway}"]


def deliveries(gateways: list[str]) -> list[str]:
    """Where gateways are told what to do."""
    return [f"parley.deliver.{name}" for name in gateways]


def replies(gateways: list[str]) -> list[str]:
    """Where somebody else's answer would do harm."""
    return [PURGE, DELETE, LEASE, *events("x", gateways), *deliveries(gateways)]


def ears() -> list[str]:
    """What all gateways are told, in one."""
    return ["parley.deliver.*", "parley.deliver.>", "parley.>", ">"]
