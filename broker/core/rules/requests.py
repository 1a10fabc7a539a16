"""Requests to join that wait for a host: who hears of them, and how they end."""

from typing import Literal

from broker.core import keeping
from broker.core.context import Context
from broker.core.rights import is_host
from broker.core.rules.views import request
from broker.core.state import Peer, Pending, Room
from shared.contract.frames import refused, with_raw
from shared.contract.refusals import Refusal
from shared.contract.told import RoomJoinGone

Gone = Literal["accepted", "rejected", "cancelled", "left", "closed", "lost"]


def hosts(core: Context, room: Room) -> list[Peer]:
    """Owner and moderators, in the order in which they came in."""
    return [core.state.peers[member] for member in room.members if is_host(room, member)]


def tell_pending(core: Context, room: Room, host: Peer) -> None:
    """Ask a new host to decide on those who wait."""
    for candidate_id in room.pending:
        core.out.tell([host], request(core, room, candidate_id), keeping.asked(room.key, candidate_id))


def end_request(core: Context, room: Room, candidate: Peer, reason: Gone, by: str | None = None) -> Pending:
    """A request does not wait any more: ``reason`` says why, ``by`` which host decided. Returns what to answer."""
    del candidate.asked[room.key]
    pending = room.pending.pop(candidate.peer_id)
    deciders = hosts(core, room)
    about = keeping.asked(room.key, candidate.peer_id)
    for host in deciders:
        if host.merging:
            core.out.keeping.take_back(host, about)
    if any(host.version > 1 for host in deciders):
        news = RoomJoinGone(room=room.name, peer_id=candidate.peer_id, reason=reason, by=by)
        core.out.tell(deciders, news, about)
    return pending


def turn_away(core: Context, room: Room, candidate: Peer, request: Pending, refusal: Refusal, payload: bytes) -> None:
    """Tell a candidate that it is not let in, and answer its acknowledgements."""
    fields = {"room": room.name, "peer_id": candidate.peer_id, **with_raw(payload=payload)}
    answer = refused("room-join-request", refusal, fields)
    core.out.emit_one(candidate, answer.frame(), answer.KIND)
    core.out.ack(candidate, request.acks, {"ok": False, **refusal.fields()})
