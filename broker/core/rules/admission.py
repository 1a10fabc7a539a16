"""Admission: one asks, the owner decides. Nobody else gets anybody into a room."""

from typing import Any

import msgspec

from broker.core import allowance, keeping
from broker.core.asked import Anywhere, InRoom
from broker.core.context import Context
from broker.core.rules.rooms import end_request, others, request_frame, turn_away
from broker.core.state import Member, Peer, Pending, Room
from shared.contract import events
from shared.contract.frames import with_raw
from shared.contract.refusals import FULL, NOT_FOUND, NOT_PENDING, REJECTED, TOO_MANY, Refusal
from shared.contract.told import RoomJoinAccept, RoomJoinRequest, RoomUserJoin, raw

VIEW_INTERVAL = 2.0  # seconds from one time that a member asks again who is in a room to the next
REMINDER_INTERVAL = 2.0  # seconds from one time that an owner is reminded of a candidate to the next
MOST_SHOWN = 512 * 1024  # bytes of a view of a room; beyond that it has no peersinfo
MOST_REPEATED = 16 * 1024  # bytes of an event up to which the acknowledgement has all of it too
UNASKED = 10  # times as much is charged for what a peer has not asked for as for an answer


def ask(core: Context, candidate: Peer, asked: Anywhere[events.RoomJoinRequest]) -> None:
    """Ask to be let in. Asking again reminds the owner; a member is told once more what it knows."""
    room = asked.room
    if room is None:
        raise Refusal(NOT_FOUND)
    acks = [] if asked.ack is None else [(asked.conn, asked.ack)]
    if candidate.peer_id in room.members:
        _show_again(core, room, candidate, asked.body, acks)
        return
    before = room.pending.get(candidate.peer_id)
    _check_room_for(core, room, candidate)
    _check_patience(core, room, candidate, before)
    request = Pending(asked.body, acks)
    if before is not None and core.state.now < before.reminder:
        _note_request(core, room, candidate, request)
        return
    owner = core.state.peers[room.owner]
    core.out.check_way_to([owner])
    frame = request_frame(room, candidate, asked.body)
    _spend(core, candidate, UNASKED * (len(frame) + allowance.EACH), [owner])
    _note_request(core, room, candidate, request)
    core.out.emit_one(owner, frame, RoomJoinRequest.KIND, keeping.asked(room.key, candidate.peer_id))


def accept(core: Context, owner: Peer, asked: InRoom[events.RoomJoinAccept]) -> None:
    """The owner lets a candidate in."""
    room, candidate = asked.room, _candidate(core, asked)
    _check_room_for(core, room, candidate)
    members = others(core, room, candidate.peer_id)
    news = RoomUserJoin(
        room=room.name, peer_id=candidate.peer_id, peerinfo=raw(candidate.peerinfo), payload=raw(asked.body)
    ).frame()
    welcome, answer = _welcome(core, room, candidate, asked.body)
    told = [*members, candidate]
    core.out.check_way_to(told)
    _spend(core, owner, (len(news) + allowance.EACH) * len(members) + len(welcome), told)
    pending = end_request(core, room, candidate)
    room.members[candidate.peer_id] = Member(core.state.now)
    candidate.rooms[room.key] = None
    core.out.emit_one(candidate, welcome, RoomJoinAccept.KIND, keeping.is_over(room.key))
    core.out.ack(candidate, pending.acks, answer)
    core.out.emit(members, news, RoomUserJoin.KIND, keeping.joined(room.key, candidate.peer_id))
    _answer_owner(core, owner, asked)


def reject(core: Context, owner: Peer, asked: InRoom[events.RoomJoinReject]) -> None:
    """The owner sends a candidate away."""
    room, candidate = asked.room, _candidate(core, asked)
    turn_away(core, room, candidate, end_request(core, room, candidate), Refusal(REJECTED), asked.body)
    _answer_owner(core, owner, asked)


def room_view(core: Context, room: Room, peer_id: str) -> dict[str, Any]:
    """A room as one of its members sees it: the owner, the others, and what each of them says of itself."""
    peers = others(core, room, peer_id)
    shown = peers if sum(len(peer.peerinfo) for peer in peers) <= MOST_SHOWN else ()
    return {
        "room": room.name,
        "owner": room.owner,
        "peers": [peer.peer_id for peer in peers],
        "peersinfo": {peer.peer_id: msgspec.Raw(peer.peerinfo) if peer.peerinfo else None for peer in shown},
    }


def _welcome(core: Context, room: Room, peer: Peer, payload: bytes) -> tuple[bytes, dict[str, Any]]:
    """The event for a member of a room, and the fields of its acknowledgement: all the same, unless it is much."""
    named = {"peer_id": peer.peer_id, "room": room.name}
    fields = {**named, **room_view(core, room, peer.peer_id), **with_raw(payload=payload)}
    frame = RoomJoinAccept(**fields).frame()
    return frame, {"ok": True, **(fields if len(frame) <= MOST_REPEATED else named)}


def _note_request(core: Context, room: Room, candidate: Peer, asked: Pending) -> None:
    before = room.pending.get(candidate.peer_id)
    if before is not None:
        asked.acks = before.acks + asked.acks
        due = core.state.now >= before.reminder
        asked.reminder = core.state.now + REMINDER_INTERVAL if due else before.reminder
    room.pending[candidate.peer_id] = asked
    candidate.asked[room.key] = None


def _show_again(core: Context, room: Room, peer: Peer, payload: bytes, acks: list[tuple[str, int]]) -> None:
    """A member asks who is in the room: it is told, but not all the time."""
    now = core.state.now
    if peer.viewed and now - peer.viewed.get(room.key, -VIEW_INTERVAL) < VIEW_INTERVAL:
        raise Refusal(TOO_MANY, "You are in this room, and have just been told who else is")
    welcome, answer = _welcome(core, room, peer, payload)
    core.out.check_way_to([peer])
    _spend(core, peer, len(welcome), [peer])
    peer.viewed = {**(peer.viewed or {}), room.key: now}
    core.out.emit_one(peer, welcome, RoomJoinAccept.KIND, keeping.is_over(room.key))
    core.out.ack(peer, acks, answer)


def _check_patience(core: Context, room: Room, candidate: Peer, before: Pending | None) -> None:
    if before is not None:
        if len(before.acks) >= core.limits.pending_per_peer:
            raise Refusal(TOO_MANY, "You have asked for this room often enough, wait for its owner")
        return
    if len(candidate.asked) >= core.limits.pending_per_peer:
        raise Refusal(TOO_MANY, "Too many join requests of yours are pending")
    if len(room.pending) >= core.limits.pending_per_room:
        raise Refusal(TOO_MANY, "Too many are waiting to join this room")


def _spend(core: Context, peer: Peer, size: int, told: list[Peer]) -> None:
    """Charge a peer for what it causes ``told`` to be told, unless it is too much. Raises Refusal."""
    allowance.spend(peer, size, core.state.now, core.limits, lambda: core.out.free_part(told))


def _candidate(core: Context, asked: InRoom[Any]) -> Peer:
    if asked.peer_id not in asked.room.pending:
        raise Refusal(NOT_PENDING)
    return core.state.peers[asked.peer_id]


def _check_room_for(core: Context, room: Room, candidate: Peer) -> None:
    if candidate.slow and candidate.kept_bytes > core.limits.kept_bytes:
        raise Refusal(TOO_MANY, "The peer has not read enough of what it was told")
    if len(room.members) >= core.limits.peers_per_room:
        raise Refusal(FULL, "The room is full")
    if len(candidate.rooms) >= core.limits.rooms_per_peer:
        raise Refusal(FULL, "The peer is in as many rooms as it may be")


def _answer_owner(core: Context, owner: Peer, asked: InRoom[Any]) -> None:
    if asked.ack is not None:
        core.out.ack(owner, [(asked.conn, asked.ack)], {"ok": True, "room": asked.room_name, "peer_id": asked.peer_id})
