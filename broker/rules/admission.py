"""Admission: one asks, the owner decides. Nobody else gets anybody into a room."""

from typing import TYPE_CHECKING, Any

import msgspec

from broker.rules.rooms import others, room_key, tell_owner
from broker.state import Peer, Pending, Room
from shared.frames import event_frame, refusal_frames, with_raw
from shared.log import Said
from shared.refusals import FULL, NOT_FOUND, NOT_OWNER, NOT_PENDING, REJECTED, TOO_MANY, Refusal

if TYPE_CHECKING:
    from broker.core import Core


def ask(core: "Core", candidate: Peer, said: Said) -> None:
    """Ask to be let in. Asking again reminds the owner; a member is told once more what it knows."""
    room = core.state.rooms.get(room_key(core, candidate, said.room))
    if room is None:
        raise Refusal(NOT_FOUND)
    acks = [] if said.ack is None else [(said.conn, said.ack)]
    if candidate.peer_id in room.members:
        _welcome(core, room, candidate, said.body, acks)
        return
    before = room.pending.get(candidate.peer_id)
    _check_room_for(core, room, candidate)
    if before is None and len(candidate.asked) >= core.limits.pending_per_peer:
        raise Refusal(TOO_MANY, "Too many join requests of yours are pending")
    if before is not None and len(before.acks) >= core.limits.pending_per_peer:
        raise Refusal(TOO_MANY, "You have asked for this room often enough, wait for its owner")
    room.pending[candidate.peer_id] = Pending(said.body, (before.acks if before else []) + acks)
    candidate.asked[room.key] = None
    tell_owner(core, room, candidate)


def accept(core: "Core", owner: Peer, said: Said) -> None:
    """The owner lets a candidate in."""
    room, candidate, pending = _pending(core, owner, said)
    _check_room_for(core, room, candidate)
    _end_request(room, candidate)
    members = others(core, room, candidate.peer_id)
    room.members[candidate.peer_id] = None
    candidate.rooms[room.key] = None
    _welcome(core, room, candidate, said.body, pending.acks)
    fields: dict[str, Any] = {"room": room.name, "peer_id": candidate.peer_id}
    bodies = with_raw(peerinfo=candidate.peerinfo, payload=said.body)
    core.out.emit(members, event_frame("room-user-join", {**fields, **bodies}))
    _answer_owner(core, owner, said)


def reject(core: "Core", owner: Peer, said: Said) -> None:
    """The owner sends a candidate away."""
    room, candidate, pending = _pending(core, owner, said)
    _end_request(room, candidate)
    refusal = Refusal(REJECTED)
    fields = {"room": room.name, "peer_id": candidate.peer_id, **with_raw(payload=said.body)}
    for frame in refusal_frames("room-join-request", refusal, None, fields):
        core.out.emit_one(candidate, frame)
    core.out.ack(candidate, pending.acks, {"ok": False, **refusal.fields()})
    _answer_owner(core, owner, said)


def room_view(core: "Core", room: Room, peer_id: str) -> dict[str, Any]:
    """A room as one of its members sees it: the owner, the others, and what each of them says of itself."""
    peers = others(core, room, peer_id)
    return {
        "room": room.name,
        "owner": room.owner,
        "peers": [peer.peer_id for peer in peers],
        "peersinfo": {peer.peer_id: msgspec.Raw(peer.peerinfo) if peer.peerinfo else None for peer in peers},
    }


def _welcome(core: "Core", room: Room, peer: Peer, payload: bytes, acks: list[tuple[str, int]]) -> None:
    fields = {"peer_id": peer.peer_id, **room_view(core, room, peer.peer_id), **with_raw(payload=payload)}
    core.out.emit_one(peer, event_frame("room-join-accept", fields))
    core.out.ack(peer, acks, {"ok": True, **fields})


def _pending(core: "Core", owner: Peer, said: Said) -> tuple[Room, Peer, Pending]:
    room = core.state.rooms.get(room_key(core, owner, said.room))
    if room is None:
        raise Refusal(NOT_FOUND)
    if room.owner != owner.peer_id:
        raise Refusal(NOT_OWNER)
    pending = room.pending.get(said.peer_id)
    if pending is None:
        raise Refusal(NOT_PENDING)
    return room, core.state.peers[said.peer_id], pending


def _check_room_for(core: "Core", room: Room, candidate: Peer) -> None:
    if len(room.members) >= core.limits.peers_per_room:
        raise Refusal(FULL, "The room is full")
    if len(candidate.rooms) >= core.limits.rooms_per_peer:
        raise Refusal(FULL, "The peer is in as many rooms as it may be")


def _end_request(room: Room, candidate: Peer) -> None:
    del room.pending[candidate.peer_id], candidate.asked[room.key]


def _answer_owner(core: "Core", owner: Peer, said: Said) -> None:
    if said.ack is not None:
        core.out.ack(owner, [(said.conn, said.ack)], {"ok": True, "room": said.room, "peer_id": said.peer_id})
