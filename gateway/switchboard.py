"""Everything from a connected client inwards: its session, what it says, what it is told, the link to the broker."""

import functools
import logging

from gateway import metrics
from gateway.connection import Connection
from gateway.incoming.intake import Intake
from gateway.incoming.log_writer import LogWriter
from gateway.incoming.revocations import Revocations
from gateway.incoming.sessions import Sessions
from gateway.incoming.user_keys import UserKeys
from gateway.outgoing.inbox import Inbox
from gateway.outgoing.link import Link, new_gateway_id
from gateway.outgoing.pacing import Pacing
from gateway.rate import Budgets, Rates
from gateway.settings import Settings
from gateway.transport.engineio.socket import Socket
from gateway.witness import Witness
from shared.contract.refusals import Refusal
from shared.contract.tokens import KEY_BYTES, key_of
from shared.envelopes.entries import Authenticated, Closed, Entry, GatewayDown, Identified, Pace, Said
from shared.envelopes.levels import FIRST, LEVEL, LIFE, RIGHTS
from shared.envelopes.subjects import public_id
from shared.messaging.messaging import Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

_GOOD = metrics.HANDSHAKES.labels("ok")


class Switchboard:
    """The clients of one gateway, and the link that serves them.

    Once ``leaving`` is True, no new link follows the one there is.
    """

    def __init__(self, settings: Settings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._connections: dict[str, Connection] = {}
        self._revocations = Revocations()
        self._user_keys = UserKeys(settings.user_keys, settings.secrets)
        self._sessions = Sessions(
            settings.secrets,
            settings.token_lifetime,
            self._revocations,
            world,
            self._user_keys,
            settings.user_token_max_life,
            settings.anonymous,
        )
        self._intake = Intake(self._sessions, settings, self._append, world)
        self._pacing = Pacing(settings.max_unsent, self._say_pace)
        self._budgets = Budgets(_rates(settings), settings.clients_per_address)
        self._link: Link | None = None
        self.leaving = False
        metrics.CONNECTIONS.set_function(lambda: len(self._connections))
        metrics.POSITION.set_function(lambda: self._link.inbox.position if self._link else 0)
        metrics.LEVEL.set_function(lambda: self._link.inbox.level if self._link else 0)
        metrics.HELD_BYTES.set_function(lambda: self._link.writer.held if self._link else 0)
        metrics.HELD_EVENTS.set_function(lambda: self._link.writer.waiting if self._link else 0)

    @property
    def connections(self) -> list[Connection]:
        """The clients that are connected now."""
        return list(self._connections.values())

    @property
    def missing(self) -> dict[str, str]:
        """Why clients cannot be served."""
        if self._link is None:
            return {"nats": "cannot be reached"}
        if not self._link.writer.writable:
            return {"log": "does not take events"}
        if not self._link.in_touch():
            return {"broker": "has not been heard of"}
        return {}

    def connect(self, sid: str, socket: Socket, token: object) -> None:
        """A client has come, and shows an app token. Raises Refusal."""
        try:
            app = self._sessions.app_of(token)
            _GOOD.inc()
        except Refusal as refusal:
            metrics.HANDSHAKES.labels(refusal.code).inc()
            socket.leave()
            raise
        connection = self._connections[sid] = Connection(sid, app, socket, key_of(self._world.unguessable(KEY_BYTES)))
        socket.greet()
        socket.on_event = functools.partial(self._intake.take, connection)

    def disconnect(self, sid: str, lost: bool, for_good: bool) -> None:
        """A socket is gone: ``lost``, or closed by either side; ``for_good`` if the client said so.

        Only what the log knows of has an end there.
        """
        connection = self._connections.pop(sid, None)
        if connection is None:
            return
        connection.socket.leave()
        self._pacing.forget(connection)
        self._budgets.leave(connection.peer_id, connection.socket.budget, self._world.monotonic())
        for_good |= connection.revoked
        if connection.logged and self._link is not None:
            self._link.writer.append_always(Closed(sid, self._link.inbox.have, "lost" if lost else "closed", for_good))

    async def watch_user_keys(self) -> None:
        """Take other keys for user tokens whenever their file changes. Ends with its task."""
        await self._user_keys.watch(self._sessions.forget_what_was_read)

    async def serve(self, nc: Messaging, name: str) -> None:
        """One link after the other; the sockets of one never outlive it."""
        while not self.leaving:
            self._link = self._new_link(nc, name)
            log.info("gateway up", extra={"facts": {"gateway": public_id(self._link.gateway), "name": name}})
            await self._link.run()
            for connection in self.connections:
                connection.logged = False
                connection.send_away()

    def on_disconnect(self) -> None:
        """NATS is away, and may come back without what it had last."""
        if self._link is not None:
            self._link.inbox.witness.doubt()

    async def sign_off(self) -> None:
        """Let the log know that this gateway is down, once it has taken all else."""
        if self._link is not None:
            self._link.writer.append_always(GatewayDown(self._link.inbox.have))
            await self._link.writer.flush()

    def _new_link(self, nc: Messaging, name: str) -> Link:
        gateway, settings = new_gateway_id(self._world), self._settings
        witness = Witness()
        inbox = Inbox(
            self._connections,
            self._sessions,
            self._revocations,
            self._world,
            settings.turn,
            self._pacing,
            self._budgets,
            witness,
        )
        writer = LogWriter(nc, gateway, settings.max_held, settings.max_held_per_client, self._world, inbox, witness)
        return Link(nc, gateway, name, writer, inbox, self._world)

    def _append(self, connection: Connection, entry: Entry, size: int) -> bool:
        if self._link is None or (self._link.inbox.level < LEVEL and self._link.inbox.level < level_of(entry)):
            return False  # as long as a broker may be up that does not know what that means
        return self._link.writer.append(connection, entry, size)

    def _say_pace(self, pace: Pace) -> None:
        if self._link is not None:
            self._link.writer.append_always(pace)


def level_of(entry: Entry) -> int:
    """From which level on brokers do with an entry what it says: with numbers, users, version 2 of the contract."""
    if isinstance(entry, Said):
        return FIRST if entry.n is None else LIFE
    rights = isinstance(entry, Identified) or (isinstance(entry, Authenticated) and entry.version > 1)
    return RIGHTS if rights else FIRST


def _rates(settings: Settings) -> Rates:
    return Rates(
        frames=settings.events_per_second,
        frames_burst=settings.events_burst,
        bytes=settings.bytes_per_second,
        bytes_burst=settings.bytes_burst,
    )
