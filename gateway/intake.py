"""Intake: from a client's event to an entry for the log.

Identity is stamped here; who a client claims to be counts nothing.
"""

import logging
import time
import uuid
from collections.abc import Callable

import msgspec

from gateway import door, metrics
from gateway.connection import Connection
from gateway.engineio_overrides import FLOOD
from gateway.session import Sessions
from shared.events import EVENTS, AuthRequest, ClientEvent, PeerEvent, RoomCreateRequest, RoomEvent
from shared.frames import event_frame, refusal_frames
from shared.log import Authenticated, Entry, Said
from shared.refusals import TOO_MANY, UNAUTHORIZED, UNAVAILABLE, Refusal
from shared.tokens import lock_of

log = logging.getLogger(__name__)

OVERHEAD = 64  # bytes of an entry beside its texts
PATIENCE = 10  # bursts of refused events, after which a client is parted with

Append = Callable[[Connection, Entry, int], bool]


class Intake:
    """Takes events in. ``append`` puts an entry on its way to the log, and returns False when there is no room."""

    def __init__(self, sessions: Sessions, sizes: door.Sizes, append: Append) -> None:
        self._sessions = sessions
        self._sizes = sizes
        self._append = append

    def take(self, connection: Connection, name: str, body: msgspec.Raw | None, ack: int | None) -> None:
        """Forward an event, or answer why not."""
        metrics.EVENTS.counts[name if name in EVENTS else "unknown"] += 1
        try:
            self._meter(connection)
            event = self._read(connection, name, body)
            entry = self._entry(connection, event, ack)
            if not self._append(connection, entry, _size(entry)):
                raise Refusal(UNAVAILABLE)
            connection.logged = True
            _note(connection, name, "taken")
        except Refusal as refusal:
            _note(connection, name, refusal.code)
            metrics.REFUSALS.labels(refusal.code).inc()
            known = door.known_of(body, self._sizes)
            # an unknown event's name is given back, as far as it is short
            connection.send(refusal_frames(name[:64], refusal, ack, known))

    def _meter(self, connection: Connection) -> None:
        """Refuse what comes too fast, and part with a client that does not heed it."""
        bucket = connection.bucket
        if not bucket.take(time.monotonic()):
            if bucket.refused > PATIENCE * bucket.burst:
                connection.socket.cut_off(FLOOD)
            raise Refusal(TOO_MANY)

    def _read(self, connection: Connection, name: str, body: msgspec.Raw | None) -> ClientEvent:
        """Who is not authorized learns that and nothing else."""
        try:
            event = door.read(name, body, self._sizes)
        except Refusal:
            if name != AuthRequest.NAME:
                self._sessions.check(connection, door.auth_of(body))
            raise
        if not isinstance(event, AuthRequest):
            self._sessions.check(connection, event.auth)
        return event

    def _entry(self, connection: Connection, event: ClientEvent, ack: int | None) -> Said | Authenticated:
        if isinstance(event, AuthRequest):
            return self._authenticated(connection, event, ack)
        if not isinstance(event, RoomEvent):
            raise Refusal(UNAUTHORIZED)
        room = event.room or (str(uuid.uuid4()) if isinstance(event, RoomCreateRequest) else "")
        peer_id = door.peer_named(event) if isinstance(event, PeerEvent) else ""
        body = _relayed(connection, event, room) if event.RELAYED_AS else bytes(event.payload)
        return Said(event.NAME, connection.sid, ack, room, peer_id, body)

    def _authenticated(self, connection: Connection, event: AuthRequest, ack: int | None) -> Authenticated:
        app = self._sessions.app_for(connection, event.token)
        resume = self._sessions.session_of(event.resume)
        connection.returning = event.resume is not None
        peerinfo = bytes(event.peerinfo)
        return Authenticated(
            conn=connection.sid,
            ack=ack,
            app=app,
            peerinfo=b"" if peerinfo == b"null" else peerinfo,
            resumable=event.resumable,
            resume_id=resume.peer_id if resume else "",
            resume_turn=resume.turn if resume else 0,
            payload=bytes(event.payload),
            received=event.received,
            lock=lock_of(connection.key),
            resume_key=resume.key if resume else "",
        )


def _size(entry: Said | Authenticated) -> int:
    """What an entry takes up on its way: a relay's is more than came in, the sender's peerinfo is in it."""
    if isinstance(entry, Said):
        return OVERHEAD + len(entry.event) + len(entry.conn) + len(entry.room) + len(entry.peer_id) + len(entry.body)
    return OVERHEAD + sum(len(field) for field in msgspec.structs.astuple(entry) if isinstance(field, str | bytes))


def _note(connection: Connection, event: str, outcome: str) -> None:
    if log.isEnabledFor(logging.DEBUG):
        facts = {"event": event[:64], "socket": connection.sid, "peer": connection.peer_id, "outcome": outcome}
        log.debug("event", extra={"facts": facts})


def _relayed(connection: Connection, event: ClientEvent, room: str) -> bytes:
    """The frame that the roommate will read, whole: nobody on the way has to look into it."""
    fields = {"room": room, "peer_id": connection.peer_id, event.BODY: getattr(event, event.BODY)}
    if connection.peerinfo:
        fields["peerinfo"] = msgspec.Raw(connection.peerinfo)
    if len(event.payload):
        fields["payload"] = event.payload
    return event_frame(event.RELAYED_AS, fields)
