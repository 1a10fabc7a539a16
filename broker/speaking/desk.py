"""The operator's desk: answers what auth_api asks, from the state itself, and puts orders into the log."""

import asyncio
import heapq
import itertools
import logging
import typing

import msgspec
from nats.errors import Error as NatsError

from broker.core.machine import Core
from broker.core.state import KnownApp, Room
from broker.speaking.lease import Lease
from broker.speaking.log_clock import LogClock
from broker.storage.stream import EventLog
from shared.envelopes import subjects
from shared.envelopes.admin import (
    Answer,
    AnyAsk,
    AppLine,
    CloseRoom,
    ListApps,
    ListRooms,
    MemberLine,
    NoteIssued,
    RemovePeer,
    RevokeApp,
    RoomLine,
    RoomPage,
    ShowRoom,
    WholeRoom,
    pack,
    unpack_ask,
)
from shared.envelopes.calls import Place
from shared.envelopes.entries import AppIssued, AppRevoked, Ordered, PeerRemoved, RoomClosed
from shared.messaging.messaging import Message, Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

MOST_BYTES = 512 * 1024  # of rooms in one answer, whatever they are called
ROOM_BYTES = 256  # that a room takes beside its names
MOST_MEMBERS = 1000  # of a room, in one answer
ORDER_TIMEOUT = 5.0  # seconds for an order to take effect
CLOCKS_APART = 60.0  # seconds that auth_api's clock may be ahead of NATS'


# Where answers go, and nowhere else: whoever asks names the subject, and the broker may do much that others may not.
# NATS calls them differently when auth_api has an account of its own, and keeps its clients from doing so.
ANSWERED = (subjects.ADMIN_INBOX, "_R_.")


class Desk:
    """Only the speaker answers; what it answers is the state at the log position it has read to."""

    def __init__(
        self,
        nc: Messaging,
        event_log: EventLog,
        core: Core,
        lease: Lease,
        clock: LogClock,
        broker: str,
        world: World,
    ) -> None:
        self._nc = nc
        self._log = event_log
        self._core = core
        self._lease = lease
        self._clock = clock
        self._broker = broker
        self._monotonic = world.monotonic

    async def run(self) -> None:
        """Answer until cancelled."""
        subscription = await self._nc.subscribe(subjects.ADMIN, cb=self._answer)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if not self._nc.is_closed:
                await subscription.unsubscribe()

    async def _answer(self, message: Message) -> None:
        if not self._lease.held:
            return
        if not message.reply.startswith(ANSWERED):
            log.warning("an operator's request was not answered: it wants the answer elsewhere")
            return
        try:
            async with asyncio.timeout(ORDER_TIMEOUT):
                await message.respond(pack(await self._do(_ask(message.data, self._clock.read(self._monotonic())))))
        except (msgspec.MsgspecError, ValueError, NatsError, TimeoutError) as error:
            log.warning("an operator's request was not answered: %s", type(error).__name__)

    async def _do(self, ask: AnyAsk) -> Answer:
        state = self._core.state
        match ask:
            case ListRooms(after, limit):
                return Answer(True, self._rooms(after, limit))
            case ShowRoom(room, app):
                found = state.rooms.get(self._key(room, app))
                return Answer(found is not None, self._room(found) if found else None)
            case CloseRoom(room, app):
                key = self._key(room, app)
                return await self._order(RoomClosed(key), key in state.rooms)
            case RemovePeer(peer_id):
                return await self._order(PeerRemoved(peer_id), peer_id in state.peers)
            case ListApps(after, limit):
                names = heapq.nsmallest(limit, (name for name in state.apps if name > after))
                return Answer(True, {name: _app_line(state.apps[name]) for name in names})
            case NoteIssued(app, issued):
                return await self._order(AppIssued(app, issued), True)
            case RevokeApp(app, until):
                return await self._order(AppRevoked(app, until), True)
            case _:
                typing.assert_never(ask)

    async def _order(self, order: Ordered, found: bool) -> Answer:
        """Put an order into the log, and wait until it has taken effect here."""
        if found:
            position = await self._log.append(self._broker, [order])
            while self._core.state.position < position:  # noqa: ASYNC110 - the core is pure, it wakes nobody
                await asyncio.sleep(0.005)
        return Answer(found)

    def _rooms(self, after: str, limit: int) -> RoomPage:
        rooms = self._core.state.rooms
        lines: list[RoomLine] = []
        size = 0
        for key in heapq.nsmallest(limit, (key for key in rooms if key > after)):
            size += ROOM_BYTES + 2 * len(key.encode())  # it has the name in it, too
            if size > MOST_BYTES:
                break
            lines.append(_line(rooms[key]))
        return RoomPage(lines, len(rooms))

    def _room(self, room: Room) -> WholeRoom:
        peers = [self._core.state.peers[member] for member in itertools.islice(room.members, MOST_MEMBERS)]
        members = [MemberLine(peer.peer_id, peer.app, not peer.conn) for peer in peers]
        return WholeRoom(**msgspec.structs.asdict(_line(room)), members=members)

    def _key(self, room: str, app: str) -> str:
        return f"{app}\n{room}" if self._core.limits.scope_by_app else room


def _line(room: Room) -> RoomLine:
    return RoomLine(room.key, room.name, room.owner, len(room.members), len(room.pending), room.created)


def _app_line(app: KnownApp) -> AppLine:
    return AppLine(app.issued, app.revoked)


def _ask(data: bytes, now: float) -> AnyAsk:
    """The question. Raises msgspec.MsgspecError, and ValueError for one that was asked in the future.

    An order about tokens of the future would hold longer than it may.
    """
    ask = unpack_ask(data)
    if any(getattr(ask, name) > now + CLOCKS_APART for name, place in ask.PLACES.items() if place is Place.CLOCK):
        raise ValueError("it was asked in the future")
    return ask
