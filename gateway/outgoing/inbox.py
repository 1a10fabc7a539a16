"""What the broker delivers: taken once and in order, and emitted to the sockets it is for."""

import functools
import logging
import typing

from msgspec import UNSET

from gateway import metrics
from gateway.connection import Connection
from gateway.incoming.revocations import Revocations
from gateway.incoming.sessions import Sessions
from gateway.outgoing.pacing import Pacing
from gateway.rate import Budgets, Rates
from gateway.turn import Turn
from gateway.witness import Witness
from shared.contract.frames import can_be_read
from shared.contract.told import AuthAccept, raw
from shared.envelopes.deliveries import Admit, Close, Emit, LevelHolds, Parcel, Revoked, Shows, Speaks
from shared.envelopes.levels import FIRST
from shared.process.world import World

log = logging.getLogger(__name__)

_ADMISSIONS = {outcome: metrics.ADMISSIONS.labels(outcome) for outcome in ("new", "resumed", "not resumed")}


class Inbox:
    """The parcels of one gateway.

    ``have`` is the number of the newest one taken, ``position`` its place in the log, ``handled`` the bytes of all.
    """

    def __init__(
        self,
        connections: dict[str, Connection],
        sessions: Sessions,
        revocations: Revocations,
        world: World,
        turn: Turn | None = None,
        pacing: Pacing | None = None,
        budgets: Budgets | None = None,
        witness: Witness | None = None,
    ) -> None:
        self._connections = connections
        self._sessions = sessions
        self._revocations = revocations
        self._world = world
        self._turn = turn
        self._pacing = pacing
        self._budgets = Budgets(Rates()) if budgets is None else budgets  # which is false while nobody is here
        self.witness = Witness() if witness is None else witness
        self.have = 0
        self.position = 0
        self.handled = 0
        self.level = FIRST  # of the log, as far as the broker has said it
        self.told_resumable = False  # whether one who may come back has been told something

    def take(self, parcel: Parcel) -> bool:
        """Emit what is in a parcel. One that was taken before is dropped; False if one before it is missing."""
        if parcel.number <= self.have:
            return True
        if parcel.number != self.have + 1:
            return False
        self.have = parcel.number
        self.position = parcel.position
        self.witness.note(parcel.position, parcel.taken)
        if log.isEnabledFor(logging.DEBUG):
            facts = {"position": parcel.position, "number": parcel.number, "deliveries": len(parcel.deliveries)}
            log.debug("delivered", extra={"facts": facts})
        for delivery in parcel.deliveries:
            if isinstance(delivery, Emit):  # most of them
                self._emit(delivery)
            else:
                self._deliver(delivery)
        self.handled = parcel.total
        if parcel.taken:
            metrics.RELAY_SECONDS.observe(max(0.0, self._world.now() - parcel.taken))
        return True

    def _deliver(self, delivery: Admit | Close | Revoked | LevelHolds | Speaks | Shows) -> None:
        if isinstance(delivery, Revoked):
            self._revoke(delivery)
        elif isinstance(delivery, LevelHolds):
            self.level = delivery.level
        elif (connection := self._connections.get(delivery.conn)) is not None:
            self._handle(connection, delivery)

    def _emit(self, emit: Emit) -> None:
        if not can_be_read(emit.frame):
            log.error("a relay that no client could read was dropped: its gateway does not do as it should")
            return
        for conn in emit.conns:
            if (connection := self._connections.get(conn)) is not None:
                connection.socket.send_frame(emit.frame)
                self.told_resumable |= connection.resumable

    def _handle(self, connection: Connection, delivery: Admit | Close | Speaks | Shows) -> None:
        """What is about one socket that is here."""
        if isinstance(delivery, Admit):
            self._admit(connection, delivery)
        elif isinstance(delivery, Close):
            self._close(connection, delivery)
        elif isinstance(delivery, Speaks):
            connection.version = delivery.version
        elif isinstance(delivery, Shows):
            connection.peerinfo = delivery.peerinfo
        else:
            typing.assert_never(delivery)

    def _close(self, connection: Connection, close: Close) -> None:
        connection.logged = False  # the log knows already
        if close.again:
            connection.send_away()
        else:
            connection.part()

    def _revoke(self, revoked: Revoked) -> None:
        self._revocations.revoke(revoked.app, revoked.until)
        for connection in list(self._connections.values()):
            if self._revocations.covers(connection.app):
                connection.revoked = True
                connection.part()

    def _admit(self, connection: Connection, admit: Admit) -> None:
        """The socket is a peer from here on: give it its session token."""
        user, now = connection.app.user, self._world.now()
        token, lifetime, expires = self._sessions.grant(
            admit.app, admit.peer_id, admit.generation, connection.key, user
        )
        connection.peer_id, connection.peerinfo = admit.peer_id, admit.peerinfo
        connection.token, connection.expires = token, expires
        connection.resumable = admit.resume_for > 0
        connection.socket.on_slow = functools.partial(self._pacing.note, connection) if self._pacing else None
        connection.socket.stay()
        connection.socket.budget = self._budgets.take_up(
            admit.peer_id, self._world.monotonic(), connection.socket.address
        )
        outcome = "resumed" if admit.resumed else "not resumed" if connection.returning else "new"
        _ADMISSIONS[outcome].inc()
        log.debug("admitted", extra={"facts": {"socket": connection.sid, "peer": admit.peer_id, "outcome": outcome}})
        turn, ends = self._turn, user.expires if user is not None else None
        accept = AuthAccept(
            token=token,
            peer_id=admit.peer_id,
            expires_in=lifetime,
            resume_for=admit.resume_for,
            resumed=admit.resumed,
            rooms=raw(admit.rooms),
            payload=raw(admit.payload),
            version=connection.version if connection.version > 1 else UNSET,
            ice_servers=turn.ice_servers(admit.peer_id, now, ends) if turn is not None else UNSET,
        )
        connection.send(accept.frames(admit.ack))
