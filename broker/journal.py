"""The journal: a line for each entry of the log, at level debug: with the gateways' lines a call can be followed."""

import logging
import typing
from typing import Any

import msgspec

from shared.envelopes import subjects
from shared.envelopes.entries import (
    Agreed,
    Authenticated,
    Batch,
    Closed,
    Entry,
    GatewayDown,
    GatewayLost,
    GatewayUp,
    Ordered,
    Pace,
    Said,
    Speaking,
    Tick,
)

Plain = Pace | GatewayUp | GatewayDown | Speaking | Tick | Ordered | Agreed  # all of it may be shown

log = logging.getLogger(__name__)


def note(position: int, batch: Batch) -> None:
    """Say what a batch holds: who, what, which room; never what was said."""
    if log.isEnabledFor(logging.DEBUG):
        where = {"position": position, "gateway": subjects.public_id(batch.writer)}  # the id itself is a secret
        for entry in batch.entries:
            log.debug("applied", extra={"facts": {**where, **_facts(entry)}})


def _facts(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Said):
        named = {"to": entry.peer_id} if entry.peer_id else {}
        return {"event": entry.event, "socket": entry.conn, "room": entry.room, **named}
    if isinstance(entry, Authenticated):
        returning = {"peer": entry.resume_id} if entry.resume_id else {}
        return {"event": "auth-request", "socket": entry.conn, "app": entry.app, **returning}
    if isinstance(entry, Closed):
        return {"event": "closed", "socket": entry.conn, "reason": entry.reason}
    if isinstance(entry, GatewayLost):
        return {"event": "GatewayLost", "term": entry.term, "lost": subjects.public_id(entry.gateway)}
    if isinstance(entry, Plain):
        return {"event": type(entry).__name__, **msgspec.structs.asdict(entry)}
    typing.assert_never(entry)
