"""Rooms come and go: creating, leaving, closing, and ownership moving on."""

from collections.abc import Iterable

from broker.core import allowance, keeping, life
from broker.core.asked import Anywhere, InRoom
from broker.core.context import Context
from broker.core.rules import roles
from broker.core.rules.requests import ENDINGS, WITHDRAWN, answer_no, end_request, turn_away
from broker.core.rules.views import others
from broker.core.state import Member, Peer, Room
from shared.contract.events import RoomCreateRequest, RoomLeaveRequest
from shared.contract.refusals import FULL, NOT_FOUND, TAKEN, Refusal
from shared.contract.told import RoomClosed, RoomCreateAccept, RoomLeaveAccept, RoomUserLeave, identity_of, raw
from shared.envelopes.levels import LIFE
from shared.envelopes.notices import Leaving, RoomEnd
from shared.envelopes.policy import DEFAULT, PolicyChange

CLOSED: Leaving = "closed"
ROOM_CLOSED: Leaving = "room-closed"


def room_key(core: Context, peer: Peer, name: str) -> str:
    """Where a room of that name is filed for this peer; neither apps nor rooms have control characters."""
    return f"{peer.app}\n{name}" if core.limits.scope_by_app else name


def create(core: Context, peer: Peer, asked: Anywhere[RoomCreateRequest]) -> None:
    """The first peer to ask for a name becomes the owner and only member. If it asks again, it is told so again."""
    if asked.room is None:
        make(core, peer, asked.room_name, asked.key, asked.own.policy)
        _forget_what_was(core, peer, asked.key)
    elif asked.room.owner != peer.peer_id:
        raise Refusal(TAKEN)
    accept = RoomCreateAccept(room=asked.room_name, payload=raw(asked.body))
    core.out.answer(peer.gateway, asked.conn, accept.frames(asked.ack))


def make(core: Context, peer: Peer, name: str, key: str, policy: PolicyChange | None = None) -> Room:
    """A new room, with its owner in it. Raises Refusal."""
    if len(peer.rooms) >= core.limits.rooms_per_peer:
        raise Refusal(FULL, "You are in as many rooms as you may be")
    now = core.state.now
    room = core.state.rooms[key] = Room(name, key, peer.peer_id, now, {peer.peer_id: Member(now)})
    if policy is not None:
        room.policy = policy.on(DEFAULT)
    peer.rooms[key] = None
    core.notices.room_created(room, peer)
    core.notices.peer_joined(room, peer, "owner")
    return room


def leave(core: Context, peer: Peer, asked: InRoom[RoomLeaveRequest]) -> None:
    """A member goes of its own will, or a candidate takes its request back."""
    room = asked.room
    _forget_what_was(core, peer, room.key)
    accept = RoomLeaveAccept(room=asked.room_name, payload=raw(asked.body))
    core.out.answer(peer.gateway, asked.conn, accept.frames(asked.ack))
    if peer.peer_id in room.pending:
        withdraw(core, room, peer)
        return
    size = (len(asked.body) + len(peer.peerinfo) + allowance.EACH) * len(room.members)
    allowance.charge(peer, size, core.state.now, core.limits)  # leaving is never refused
    take_out(core, room, [peer], "left", asked.body)


def withdraw(core: Context, room: Room, candidate: Peer) -> None:
    """A candidate does not want to be let in any more."""
    pending = end_request(core, room, candidate, "cancelled")
    answer_no(core, room, candidate, pending, ENDINGS[WITHDRAWN])


def take_out(core: Context, room: Room, gone: Iterable[Peer], reason: Leaving, payload: bytes = b"") -> None:
    """Members leave, all at once: the rest are told of each, and of the new owner if it was one of them."""
    gone = [peer for peer in gone if peer.peer_id in room.members]
    for peer in gone:
        core.notices.peer_left(room, peer, reason)
        _forget_member(core, room, peer)
    rest = [core.state.peers[member] for member in room.members]
    if not rest:
        dissolve(core, room, "empty")
        return
    for peer in gone:
        core.out.tell(rest, _news_of_leave(room, peer, reason, payload), keeping.left(room.key, peer.peer_id))
    if room.owner in room.members:
        return
    if room.policy.owner_leaves == "close":
        close(core, room, "owner-left")
    else:
        roles.pass_on_ownership(core, room)


def close(core: Context, room: Room, reason: RoomEnd, by: str | None = None, text: str | None = None) -> None:
    """The room ends for everybody. ``by`` is the owner who wants it, with a ``text``; None for anybody else.

    Clients of version 1 are told first that everybody else has left, as those understand it that know of no closed
    rooms.
    """
    members = others(core, room, "")
    for peer in members:
        first = [other for other in members if other is not peer and other.version == 1]
        if first:
            core.out.tell(first, _news_of_leave(room, peer, CLOSED), keeping.left(room.key, peer.peer_id))
    named = {name: value for name, value in (("by", by), ("text", text)) if value is not None}
    core.out.tell(members, RoomClosed(room=room.name, **named), keeping.is_over(room.key))
    for peer in members:
        core.notices.peer_left(room, peer, ROOM_CLOSED)
        del peer.rooms[room.key]
    dissolve(core, room, reason, by)


def dissolve(core: Context, room: Room, reason: RoomEnd, by: str | None = None) -> None:
    """A room without members is gone; the candidates that waited for it are told."""
    del core.state.rooms[room.key]
    life.forget(core, room)
    refusal = Refusal(NOT_FOUND, "Room is closed.")
    for candidate_id, pending in room.pending.items():
        candidate = core.state.peers[candidate_id]
        del candidate.asked[room.key]
        core.notices.request_decided(room, candidate, "closed", None)
        turn_away(core, room, candidate, pending, refusal, pending.payload)
    core.notices.room_closed(room, reason, by)


def tell_of_end(core: Context, room: Room, peer: Peer) -> None:
    """Tell a client of version 1 that it is out of a room, as if that were closed."""
    for other in others(core, room, peer.peer_id):
        core.out.tell([peer], _news_of_leave(room, other, CLOSED), keeping.left(room.key, other.peer_id))
    core.out.tell([peer], RoomClosed(room=room.name), keeping.is_over(room.key))


def _forget_what_was(core: Context, peer: Peer, key: str) -> None:
    """A client that reads slowly gets its answer before what waits for it."""
    if peer.kept and core.state.level >= LIFE:
        core.out.keeping.forget_room(peer, key)


def _forget_member(core: Context, room: Room, peer: Peer) -> None:
    del room.members[peer.peer_id], peer.rooms[room.key]
    life.forget_peer(core, room, peer.peer_id)
    if peer.viewed:
        peer.viewed.pop(room.key, None)


def _news_of_leave(room: Room, peer: Peer, reason: str, payload: bytes = b"") -> RoomUserLeave:
    return RoomUserLeave(
        room=room.name,
        peer_id=peer.peer_id,
        reason=reason,
        peerinfo=raw(peer.peerinfo),
        payload=raw(payload),
        identity=identity_of(peer.user),
    )
