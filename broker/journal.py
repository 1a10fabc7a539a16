"""The journal: a line for each entry of the log, at level debug: with the gateways' lines a call can be followed."""

import logging
import typing
from typing import Any

import msgspec

from shared.envelopes import subjects
from shared.envelopes.entries import (
    Agreed,
    AppIssued,
    AppRevoked,
    Authenticated,
    BanLifted,
    Batch,
    Closed,
    Entry,
    GatewayDown,
    GatewayLost,
    GatewayUp,
    Identified,
    Pace,
    PeerKicked,
    PeerRemoved,
    PolicySet,
    RoomClosed,
    Said,
    Speaking,
    Tick,
    UserRestored,
    UserRevoked,
)

# With nothing in them that is not to be shown.
Plain = Pace | GatewayUp | GatewayDown | Speaking | Tick | RoomClosed | PeerRemoved | AppIssued | AppRevoked | Agreed

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
    if isinstance(entry, Identified):
        return _facts(entry.authenticated)  # who it is, is nobody's business here
    if isinstance(entry, Closed):
        return {"event": "closed", "socket": entry.conn, "reason": entry.reason}
    if isinstance(entry, GatewayLost):
        return {"event": "GatewayLost", "term": entry.term, "lost": subjects.public_id(entry.gateway)}
    if isinstance(entry, PeerKicked | PolicySet):
        return {"event": type(entry).__name__, "room": entry.key}
    if isinstance(entry, UserRevoked | UserRestored | BanLifted):
        return {"event": type(entry).__name__}
    if isinstance(entry, Plain):
        return {"event": type(entry).__name__, **msgspec.structs.asdict(entry)}
    typing.assert_never(entry)
