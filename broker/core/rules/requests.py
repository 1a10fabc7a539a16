"""Requests to join that wait for a host: who hears of them, and how they end."""

from broker.core import keeping, life
from broker.core.context import Context
from broker.core.numbers import Answered, checksum
from broker.core.rights import is_host
from broker.core.rules.views import request
from broker.core.state import Peer, Pending, Room
from shared.contract.events import RoomJoinRequest
from shared.contract.frames import refused, with_raw
from shared.contract.refusals import BANNED, NOT_FOUND, NOT_PENDING, REJECTED, Refusal
from shared.contract.told import RoomJoinGone
from shared.envelopes.notices import Decision

OK, WITHDRAWN = 0, 5
# How a request ends that is not granted, by what snapshots call it: these numbers never change their meaning.
ENDINGS = {
    2: Refusal(REJECTED),
    3: Refusal(BANNED),
    4: Refusal(NOT_FOUND, "Room is closed."),
    WITHDRAWN: Refusal(NOT_PENDING, "You took your request back"),
}
_OUTCOMES = {refusal.code: outcome for outcome, refusal in ENDINGS.items()}


def hosts(core: Context, room: Room) -> list[Peer]:
    """Owner and moderators, in the order in which they came in."""
    return [core.state.peers[member] for member in room.members if is_host(room, member)]


def tell_pending(core: Context, room: Room, host: Peer) -> None:
    """Ask a new host to decide on those who wait."""
    for candidate_id in room.pending:
        core.out.tell([host], request(core, room, candidate_id), keeping.asked(room.key, candidate_id))


def end_request(core: Context, room: Room, candidate: Peer, reason: Decision, by: str | None = None) -> Pending:
    """A request does not wait any more: ``reason`` says why, ``by`` which host decided. Returns what to answer."""
    del candidate.asked[room.key]
    pending = room.pending.pop(candidate.peer_id)
    core.notices.request_decided(room, candidate, reason, by)
    life.forget_peer(core, room, candidate.peer_id)
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
    answer_no(core, room, candidate, request, refusal)


def answer_no(core: Context, room: Room, candidate: Peer, request: Pending, refusal: Refusal) -> None:
    """Answer the acknowledgements of a request that has ended without being granted."""
    core.out.ack(candidate, request.acks, {"ok": False, **refusal.fields()})
    remember_end(room, candidate, request, _OUTCOMES[refusal.code])


def remember_end(room: Room, candidate: Peer, request: Pending, outcome: int) -> None:
    """The numbers under which a request was made are answered."""
    for n in request.numbers:
        assert candidate.numbers is not None  # noqa: S101 - for the type checker: it has given numbers
        candidate.numbers.add(Answered(n, checksum(RoomJoinRequest.NAME, room.name, ""), outcome, []))
