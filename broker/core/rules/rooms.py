"""Rooms come and go: creating, leaving, and ownership moving on."""

from collections.abc import Iterable

from broker.core import allowance, keeping
from broker.core.asked import Anywhere, InRoom
from broker.core.context import Context
from broker.core.state import Member, Peer, Pending, Room
from shared.contract.events import RoomCreateRequest, RoomLeaveRequest
from shared.contract.frames import refused, with_raw
from shared.contract.refusals import FULL, NOT_FOUND, NOT_PENDING, TAKEN, Refusal
from shared.contract.told import RoomCreateAccept, RoomJoinRequest, RoomLeaveAccept, RoomOwner, RoomUserLeave, raw


def room_key(core: Context, peer: Peer, name: str) -> str:
    """Where a room of that name is filed for this peer; neither apps nor rooms have control characters."""
    return f"{peer.app}\n{name}" if core.limits.scope_by_app else name


def create(core: Context, peer: Peer, asked: Anywhere[RoomCreateRequest]) -> None:
    """The first peer to ask for a name becomes the owner and only member. If it asks again, it is told so again."""
    if asked.room is None:
        if len(peer.rooms) >= core.limits.rooms_per_peer:
            raise Refusal(FULL, "You are in as many rooms as you may be")
        now = core.state.now
        core.state.rooms[asked.key] = Room(asked.room_name, asked.key, peer.peer_id, now, {peer.peer_id: Member(now)})
        peer.rooms[asked.key] = None
    elif asked.room.owner != peer.peer_id:
        raise Refusal(TAKEN)
    accept = RoomCreateAccept(room=asked.room_name, payload=raw(asked.body))
    core.out.answer(peer.gateway, asked.conn, accept.frames(asked.ack))


def leave(core: Context, peer: Peer, asked: InRoom[RoomLeaveRequest]) -> None:
    """A member goes of its own will, or a candidate takes its request back."""
    room = asked.room
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
    pending = end_request(core, room, candidate)
    core.out.ack(candidate, pending.acks, {"ok": False, **Refusal(NOT_PENDING, "You took your request back").fields()})


def end_request(core: Context, room: Room, candidate: Peer) -> Pending:
    """A request does not wait any more. Returns what is to be answered."""
    del candidate.asked[room.key]
    take_back_request(core, room, candidate.peer_id)
    return room.pending.pop(candidate.peer_id)


def others(core: Context, room: Room, peer_id: str) -> list[Peer]:
    """The members of a room but one."""
    return [core.state.peers[member] for member in room.members if member != peer_id]


def take_out(core: Context, room: Room, gone: Iterable[Peer], reason: str, payload: bytes = b"") -> None:
    """Members leave, all at once: the rest are told of each, and of the new owner if it was one of them."""
    gone = [peer for peer in gone if peer.peer_id in room.members]
    for peer in gone:
        del room.members[peer.peer_id], peer.rooms[room.key]
        if peer.viewed:
            peer.viewed.pop(room.key, None)
    rest = [core.state.peers[member] for member in room.members]
    if not rest:
        dissolve(core, room)
        return
    for peer in gone:
        news = RoomUserLeave(
            room=room.name, peer_id=peer.peer_id, reason=reason, peerinfo=raw(peer.peerinfo), payload=raw(payload)
        )
        about = keeping.left(room.key, peer.peer_id)
        core.out.emit(rest, news.frame(), news.KIND, about)
    if room.owner not in room.members:
        _pass_on_ownership(core, room, rest)


def tell_owner(core: Context, room: Room, candidate: Peer) -> None:
    """Ask the owner to decide on a candidate."""
    pending = room.pending[candidate.peer_id]
    about = keeping.asked(room.key, candidate.peer_id)
    frame = request_frame(room, candidate, pending.payload)
    core.out.emit_one(core.state.peers[room.owner], frame, RoomJoinRequest.KIND, about)


def take_back_request(core: Context, room: Room, candidate_id: str) -> None:
    """The owner does not have to hear any more of a request that is over."""
    owner = core.state.peers[room.owner]
    if owner.merging:
        core.out.keeping.take_back(owner, keeping.asked(room.key, candidate_id))


def request_frame(room: Room, candidate: Peer, payload: bytes) -> bytes:
    """What an owner reads of a candidate."""
    return RoomJoinRequest(
        room=room.name, peer_id=candidate.peer_id, peerinfo=raw(candidate.peerinfo), payload=raw(payload)
    ).frame()


def _pass_on_ownership(core: Context, room: Room, members: list[Peer]) -> None:
    """The member that has been there longest becomes the owner, and is told of the candidates that wait."""
    room.owner = members[0].peer_id
    frame = RoomOwner(room=room.name, peer_id=room.owner).frame()
    core.out.emit(members, frame, RoomOwner.KIND, keeping.owned(room.key))
    for candidate_id in room.pending:
        tell_owner(core, room, core.state.peers[candidate_id])


def dissolve(core: Context, room: Room) -> None:
    """A room without members is gone; the candidates that waited for it are told."""
    del core.state.rooms[room.key]
    refusal = Refusal(NOT_FOUND, "Room is closed.")
    for candidate_id, pending in room.pending.items():
        candidate = core.state.peers[candidate_id]
        del candidate.asked[room.key]
        turn_away(core, room, candidate, pending, refusal, pending.payload)


def turn_away(core: Context, room: Room, candidate: Peer, request: Pending, refusal: Refusal, payload: bytes) -> None:
    """Tell a candidate that it is not let in, and answer its acknowledgements."""
    fields = {"room": room.name, "peer_id": candidate.peer_id, **with_raw(payload=payload)}
    answer = refused("room-join-request", refusal, fields)
    core.out.emit_one(candidate, answer.frame(), answer.KIND)
    core.out.ack(candidate, request.acks, {"ok": False, **refusal.fields()})
