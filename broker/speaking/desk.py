"""The operator's desk: answers what auth_api asks, from the state itself, and puts orders into the log."""

import asyncio
import logging
import typing
from collections.abc import Callable

import msgspec
from nats.errors import Error as NatsError

from broker.core import bans, users
from broker.core.machine import Core
from broker.core.rules.moderation import FOR_GOOD
from broker.core.rules.orders import is_known
from broker.core.state import Room
from broker.speaking import lists, search
from broker.speaking.hour import Hour
from broker.speaking.lease import Lease
from broker.speaking.log_clock import LogClock
from broker.storage.stream import EventLog
from shared.envelopes import subjects
from shared.envelopes.admin import (
    Answer,
    AnyAsk,
    CloseRoom,
    Command,
    FindPeers,
    KickPeer,
    LiftBan,
    LiftRevocation,
    ListApps,
    ListBans,
    ListRevocations,
    ListRooms,
    NoteIssued,
    Question,
    RemovePeer,
    RevokeApp,
    RevokeUser,
    SetPolicy,
    ShowHour,
    ShowRoom,
    pack,
    unpack_ask,
)
from shared.envelopes.calls import Place
from shared.envelopes.entries import (
    AppIssued,
    AppRevoked,
    BanLifted,
    Ordered,
    PeerKicked,
    PeerRemoved,
    PolicySet,
    RoomClosed,
    UserRestored,
    UserRevoked,
)
from shared.envelopes.notices import NoticeId
from shared.envelopes.policy import PolicyChange
from shared.messaging.messaging import Message, Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

ORDER_TIMEOUT = 5.0  # seconds for an order to take effect
CLOCKS_APART = 60.0  # seconds that auth_api's clock may be ahead of NATS'
NOT_FOUND = Answer(False)

# Where answers go, and nowhere else: whoever asks names the subject, and the broker may do much that others may not.
# NATS calls them differently when auth_api has an account of its own, and keeps its clients from doing so.
ANSWERED = (subjects.ADMIN_INBOX, "_R_.")


class Desk:
    """Only the speaker answers; what it answers is the state at the log position it has read to.

    ``noticed`` tells the id of the newest notice that is in that state, None if there are no notices.
    """

    def __init__(
        self,
        nc: Messaging,
        event_log: EventLog,
        core: Core,
        lease: Lease,
        clock: LogClock,
        noticed: Callable[[], NoticeId | None],
        hour: Hour,
        broker: str,
        world: World,
    ) -> None:
        self._nc = nc
        self._log = event_log
        self._core = core
        self._lease = lease
        self._clock = clock
        self._noticed = noticed
        self._hour = hour
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
        return await self._tell(ask) if isinstance(ask, Question) else await self._obey(ask)

    async def _tell(self, ask: Question) -> Answer:
        state, limits = self._core.state, self._core.limits
        match ask:
            case ListRooms(after, limit):
                return Answer(True, lists.rooms(state, limits, after, limit, self._noticed()))
            case ShowRoom(name, app):
                room = self._room(name, app)
                return Answer(room is not None, room and lists.whole_room(state, limits, room, self._noticed()))
            case ListBans(name, app):
                room = self._room(name, app)
                return Answer(room is not None, room and lists.bans(state, room))
            case FindPeers(text, limit):
                return Answer(True, await search.peers(state, text, limit))
            case ShowHour():
                return Answer(True, self._hour.page(self._clock.read(self._monotonic())))
            case ListApps(after, limit):
                return Answer(True, lists.apps(state, after, limit))
            case ListRevocations(app, after, limit):
                return Answer(True, lists.revocations(state, app, after, limit))
            case _:
                typing.assert_never(ask)

    async def _obey(self, ask: Command) -> Answer:
        if isinstance(ask, CloseRoom | SetPolicy | KickPeer | LiftBan):
            room = self._room(ask.room, ask.app)
            return await self._govern(room, ask) if room is not None else NOT_FOUND
        state = self._core.state
        match ask:
            case RemovePeer(peer_id):
                return await self._order(PeerRemoved(peer_id)) if peer_id in state.peers else NOT_FOUND
            case NoteIssued(app, issued):
                return await self._order(AppIssued(app, issued))
            case RevokeApp(app, until):
                return await self._order(AppRevoked(app, until))
            case RevokeUser(app, user_id, until, life):
                if not users.has_place(state, app, user_id):
                    return Answer(True, refused="As many users are revoked as can be: revoke the app")
                return await self._order(UserRevoked(app, user_id, until, life))
            case LiftRevocation(app, user_id):
                known = lists.revocation(state, app, user_id)
                return await self._order(UserRestored(app, user_id)) if known is not None else NOT_FOUND
            case _:
                typing.assert_never(ask)

    async def _govern(self, room: Room, ask: CloseRoom | SetPolicy | KickPeer | LiftBan) -> Answer:
        match ask:
            case CloseRoom():
                return await self._order(RoomClosed(room.key))
            case SetPolicy():
                return await self._set_policy(room, ask)
            case KickPeer():
                return await self._kick(room, ask)
            case LiftBan(_, _, user_id, peer_id):
                banned = bans.in_force(room, self._core.state.now)
                if not any(ban.user_id == user_id or (peer_id and ban.peer_id == peer_id) for ban in banned):
                    return NOT_FOUND
                return await self._order(BanLifted(room.key, user_id or "", peer_id))
            case _:
                typing.assert_never(ask)

    async def _set_policy(self, room: Room, ask: SetPolicy) -> Answer:
        given = {name: getattr(ask, name) for name in PolicyChange.__struct_fields__}
        done = await self._order(PolicySet(room.key, msgspec.json.encode(PolicyChange(**given))))
        if done.refused:
            return done
        after = self._core.state.rooms.get(room.key)
        return Answer(after is not None, after and lists.policy(self._core.limits, after))

    async def _kick(self, room: Room, ask: KickPeer) -> Answer:
        state = self._core.state
        peer = state.peers.get(ask.peer_id)
        if peer is None or not (peer.peer_id in room.members or peer.peer_id in room.pending):
            return NOT_FOUND
        if ask.ban and not bans.has_place(room, peer, state.now):
            return Answer(True, refused="As many are banned from this room as can be: lift another ban first")
        seconds = FOR_GOOD if ask.ban is True else int(ask.ban)
        return await self._order(PeerKicked(room.key, peer.peer_id, seconds, ask.text))

    async def _order(self, order: Ordered) -> Answer:
        """Put an order into the log, and wait until it has taken effect here."""
        if not is_known(order, self._core.state.level):
            return Answer(True, refused="A broker or gateway of an earlier release is still up: replace it first")
        position = await self._log.append(self._broker, [order])
        while self._core.state.position < position:  # noqa: ASYNC110 - the core is pure, it wakes nobody
            await asyncio.sleep(0.005)
        return Answer(True)

    def _room(self, name: str, app: str) -> Room | None:
        return self._core.state.rooms.get(self._key(name, app))

    def _key(self, room: str, app: str) -> str:
        return f"{app}\n{room}" if self._core.limits.scope_by_app else room


def _ask(data: bytes, now: float) -> AnyAsk:
    """The question. Raises msgspec.MsgspecError, and ValueError for one that was asked in the future.

    An order about tokens of the future would hold longer than it may.
    """
    ask = unpack_ask(data)
    if any(getattr(ask, name) > now + CLOCKS_APART for name, place in ask.PLACES.items() if place is Place.CLOCK):
        raise ValueError("it was asked in the future")
    return ask
