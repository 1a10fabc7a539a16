"""The journal: a line for each entry of the log, at level debug: with the gateways' lines a call can be followed."""

import logging
from typing import Any

import msgspec

from shared.envelopes.entries import Authenticated, Batch, Closed, Entry, Said

log = logging.getLogger(__name__)


def note(position: int, batch: Batch) -> None:
    """Say what a batch holds: who, what, which room; never what was said."""
    if log.isEnabledFor(logging.DEBUG):
        for entry in batch.entries:
            log.debug("applied", extra={"facts": {"position": position, "gateway": batch.writer, **_facts(entry)}})


def _facts(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Said):
        named = {"to": entry.peer_id} if entry.peer_id else {}
        return {"event": entry.event, "socket": entry.conn, "room": entry.room, **named}
    if isinstance(entry, Authenticated):
        returning = {"peer": entry.resume_id} if entry.resume_id else {}
        return {"event": "auth-request", "socket": entry.conn, "app": entry.app, **returning}
    if isinstance(entry, Closed):
        return {"event": "closed", "socket": entry.conn, "reason": entry.reason}
    return {"event": type(entry).__name__, **msgspec.structs.asdict(entry)}
