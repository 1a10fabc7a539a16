"""Intake: from a client's event to an entry for the log.

Identity is stamped here; who a client claims to be is ignored.
"""

import logging
from collections.abc import Callable
from typing import Any

from gateway import metrics
from gateway.connection import Connection
from gateway.incoming import door
from gateway.incoming.sessions import Sessions
from gateway.incoming.sizes import Sizes
from gateway.transport.engineio.socket import Argument
from gateway.transport.socketio import EXCESS
from shared.contract import own
from shared.contract.events import EVENTS, AuthRequest, ClientEvent, RoomCreateRequest1, RoomEvent, known
from shared.contract.frames import ack_frame, refusal_frames, relay_frame
from shared.contract.locks import lock_of
from shared.contract.refusals import TOO_MANY, UNAUTHORIZED, UNAVAILABLE, Refusal
from shared.contract.tokens import App
from shared.envelopes.entries import Authenticated, Entry, Identified, Said
from shared.process.world import World

log = logging.getLogger(__name__)

OVERHEAD = 64  # bytes of an entry beside its texts

UNKNOWN = "unknown"  # what metrics call an event that there is not

_TOO_MANY = Refusal(TOO_MANY)
_TOO_MANY_EVENTS = {name: refusal_frames(name, _TOO_MANY, None, {}, event.SINCE) for name, event in EVENTS.items()}
_TOO_MANY_EVENTS[UNKNOWN] = refusal_frames("", _TOO_MANY, None, {})
_TOO_MANY_COUNT = metrics.REFUSALS.labels(TOO_MANY.code)

Taken = Said | Authenticated | Identified
Append = Callable[[Connection, Entry, int], bool]


class Intake:
    """Takes events in. ``append`` puts an entry on its way to the log, and returns False when there is no room."""

    def __init__(self, sessions: Sessions, sizes: Sizes, append: Append, world: World) -> None:
        self._sessions = sessions
        self._sizes = sizes
        self._append = append
        self._world = world

    def take(self, connection: Connection, name: str, body: Argument, ack: int | None) -> None:
        """Forward an event, or answer why not."""
        if body is EXCESS:
            self._refuse_excess(connection, name, ack)
            return
        declared = known(name, connection.version)
        metrics.EVENTS.counts[name if declared is not None else UNKNOWN] += 1
        try:
            event, app, peer_id = self._read(connection, declared, name, body)
            entry = self._entry(connection, event, app, peer_id, ack)
            if not self._append(connection, entry, _size(entry)):
                raise Refusal(UNAVAILABLE)
            connection.logged = True
            connection.app = app
            _note(connection, name, "taken")
        except Refusal as refusal:
            _note(connection, name, refusal.code)
            metrics.REFUSALS.labels(refusal.code).inc()
            # an unknown event's name is given back, as far as it is short
            fields = self._known(name, body, refusal)
            connection.send(refusal_frames(name[:64], refusal, ack, fields, connection.version))

    def _refuse_excess(self, connection: Connection, name: str, ack: int | None) -> None:
        """Refuse what comes too fast, at less than it costs to look into it."""
        label = _label(connection, name)
        metrics.EVENTS.counts[label] += 1
        _TOO_MANY_COUNT.inc()
        _note(connection, name, TOO_MANY.code)
        connection.send(_TOO_MANY_EVENTS[label])
        if ack is not None:
            connection.send([ack_frame(ack, {"ok": False, **_TOO_MANY.fields()})])

    def _known(self, name: str, body: Argument, refusal: Refusal) -> dict[str, Any]:
        """What is given back of a refused event: nothing to those who are not authorized."""
        if refusal.code == UNAUTHORIZED.code and name != AuthRequest.NAME:
            return {}
        return door.known_of(body, self._sizes)

    def _read(
        self, connection: Connection, declared: type[ClientEvent] | None, name: str, body: Argument
    ) -> tuple[ClientEvent, App, str]:
        """The event, the app that stands for it, and the peer that it names, if it names one.

        Who is not authorized learns that and nothing else, and has nothing searched or measured.
        """
        try:
            if isinstance(body, ClientEvent) and type(body) is declared:
                event: ClientEvent = body
            else:
                event = door.decode(name, body, connection.version)
        except Refusal:
            if name != AuthRequest.NAME:
                self._sessions.check(connection, door.auth_of(body))
            raise
        app = connection.app
        if isinstance(event, AuthRequest):
            app = self._sessions.app_for(connection, event.token)
        else:
            self._sessions.check(connection, event.auth)
        return event, app, door.check(event, self._sizes)

    def _entry(self, connection: Connection, event: ClientEvent, app: App, peer_id: str, ack: int | None) -> Taken:
        if isinstance(event, AuthRequest):
            return self._authenticated(connection, event, app, ack)
        n = door.number_of(event, connection.version, ack) if len(event.n) else None
        room = (event.room or "") if isinstance(event, RoomEvent) else ""
        if not room and isinstance(event, RoomCreateRequest1):
            room = self._world.new_uuid()
        body = _relayed(connection, event, room) if event.RELAYED_AS else bytes(event.payload)
        fields = own.pack(event) if event.OWN else b""
        return Said(event.NAME, connection.sid, ack, room, peer_id, body, fields, n)

    def _authenticated(
        self, connection: Connection, event: AuthRequest, app: App, ack: int | None
    ) -> Authenticated | Identified:
        resume = self._sessions.session_of(event.resume) if event.resume is not None else None
        if resume is not None and resume.app != app.name:
            resume = None  # a place is resumed by the app that it was taken with
        connection.returning = event.resume is not None
        peerinfo = bytes(event.peerinfo)
        shown = Authenticated(
            conn=connection.sid,
            ack=ack,
            app=app.name,
            peerinfo=b"" if peerinfo == b"null" else peerinfo,
            resumable=event.resumable,
            resume_id=resume.peer_id if resume else "",
            resume_generation=resume.generation if resume else 0,
            payload=bytes(event.payload),
            received=event.received,
            lock=lock_of(connection.key),
            resume_key=resume.key if resume else "",
            version=event.version_asked(),
            renews=connection.peer_id,
        )
        return shown if app.user is None else Identified(shown, app.user)


def _size(entry: Taken) -> int:
    """What an entry takes up on its way: a relay's is more than came in, the sender's peerinfo is in it."""
    if isinstance(entry, Said):
        named = len(entry.event) + len(entry.conn) + len(entry.room) + len(entry.peer_id)
        return OVERHEAD + named + len(entry.body) + len(entry.fields)
    if isinstance(entry, Identified):
        return (
            _size(entry.authenticated) + OVERHEAD + sum(map(len, (entry.user.id, entry.user.name, *entry.user.rooms)))
        )
    named = len(entry.conn) + len(entry.app) + len(entry.resume_id) + len(entry.resume_key) + len(entry.renews)
    return OVERHEAD + named + len(entry.peerinfo) + len(entry.payload) + len(entry.lock)


def _label(connection: Connection, name: str) -> str:
    return name if known(name, connection.version) is not None else UNKNOWN


def _note(connection: Connection, event: str, outcome: str) -> None:
    if log.isEnabledFor(logging.DEBUG):
        facts = {"event": event[:64], "socket": connection.sid, "peer": connection.peer_id, "outcome": outcome}
        log.debug("event", extra={"facts": facts})


def _relayed(connection: Connection, event: ClientEvent, room: str) -> bytes:
    """The frame that the roommate will read, whole: nobody on the way has to look into it."""
    body = getattr(event, event.BODY)
    return relay_frame(event.NAME, room, connection.peer_id, body, connection.peerinfo, event.payload)
