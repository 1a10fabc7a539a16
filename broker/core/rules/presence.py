"""Who is there: peers arrive, come back on another socket, go away for a while or for good."""

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from broker.core import allowance
from broker.core.rules.admission import room_view
from broker.core.rules.rooms import take_back_request, take_out, tell_owner
from broker.core.state import Peer
from shared.contract.events import AuthRequest
from shared.contract.frames import refusal_frames, with_raw
from shared.contract.refusals import UNAUTHORIZED, Refusal
from shared.contract.tokens import opens
from shared.envelopes.deliveries import Admit
from shared.envelopes.entries import UNKNOWN, Authenticated, Closed, Pace

if TYPE_CHECKING:
    from broker.core.machine import Core

CLOSED, LOST = "closed", "lost"
MOST_ROOMS_BYTES = 256 * 1024  # of what is told of its rooms to one who comes back
MOST_TURNS = 64  # in a row that a peer may come back without hearing of it
MOST_TAKEOVERS = 16  # of an open socket in a row: clients that take a place from each other come to rest
TAKEOVER_SECONDS = 30.0  # after which it may be taken over once more


def authenticate(core: "Core", gateway: str, entry: Authenticated) -> None:
    """A socket is let in: as the peer it already is (renewal), as one that comes back, or as a new one."""
    known = core.state.conns.get(entry.conn)
    if known is not None:
        peer = core.state.peers[known]
        resumed = entry.resume_id == known and entry.resume_turn < peer.turn  # asks again where it has come back
    else:
        returning = _returning(core, entry)
        resumed = returning is not None
        if not resumed and entry.conn in core.state.peers:
            _refuse_left_behind(core, gateway, entry)
            return
        peer = returning or _arrive(core, gateway, entry)
    if resumed and known is None:
        _come_back(core, peer, gateway, entry)
    if entry.peerinfo:
        peer.peerinfo = entry.peerinfo
    if entry.resumable is not None:
        peer.resumable = entry.resumable
    _admit(core, peer, entry, resumed)


def confirm(peer: Peer) -> None:
    """The peer has used its newest socket: tokens of the turns before are worth nothing any more."""
    if len(peer.starts) > 1:
        peer.starts = {peer.turn: peer.starts[peer.turn]}
        _drop_locks(peer)


def close(core: "Core", entry: Closed) -> None:
    """A socket is gone. One that its peer has left behind already is nobody's loss."""
    peer_id = core.state.conns.get(entry.conn)
    if peer_id is None:
        return
    peer = core.state.peers[peer_id]
    if peer.resumable and not entry.for_good and core.limits.resume_for > 0:
        _step_out(core, peer.gateway, [peer], entry.seen)
    else:
        remove(core, [peer], entry.reason)


def pace(core: "Core", gateway: str, entry: Pace) -> None:
    """A socket has enough to read for now, and the rest waits here; or it can go on."""
    peer_id = core.state.conns.get(entry.conn)
    if peer_id is None or core.state.peers[peer_id].gateway != gateway:
        return
    peer = core.state.peers[peer_id]
    peer.slow = entry.slow
    if not entry.slow:
        core.out.resend(peer, core.out.keeping.take(peer))


def lose_gateway(core: "Core", gateway: str, seen: int) -> None:
    """A gateway is gone, with all its sockets. ``seen`` is the number of the last parcel that it handled.

    If that is UNKNOWN it most likely had them all; a client that counts knows better.
    """
    if gateway not in core.state.gateways:
        return
    known = core.state.gateways[gateway]
    seen = known.parcel if seen == UNKNOWN else max(seen, known.have)
    theirs = [peer for peer in core.state.peers.values() if peer.gateway == gateway]
    staying = [peer for peer in theirs if peer.resumable and core.limits.resume_for > 0]
    _step_out(core, gateway, staying, seen)
    del core.state.gateways[gateway]
    leaving = [peer for peer in theirs if peer.conn]
    remove(core, leaving, LOST)
    core.out.forget(gateway)


def expire(core: "Core") -> None:
    """Absent peers whose time is up lose their places."""
    due = list(itertools.takewhile(lambda absence: absence[1] <= core.state.now, core.state.absent.items()))
    remove(core, [core.state.peers[peer_id] for peer_id, _ in due], LOST)


def remove(core: "Core", peers: Iterable[Peer], reason: str) -> None:
    """Peers are gone for good: out of their rooms, their requests withdrawn."""
    peers = list(peers)
    for peer in peers:
        for key in peer.asked:
            del core.state.rooms[key].pending[peer.peer_id]
            take_back_request(core, core.state.rooms[key], peer.peer_id)
        peer.asked.clear()
    for key in {key: None for peer in peers for key in peer.rooms}:
        take_out(core, core.state.rooms[key], peers, reason)
    for peer in peers:
        core.out.forget_peer(peer)
        core.state.conns.pop(peer.conn, None)
        core.state.absent.pop(peer.peer_id, None)
        core.state.peers.pop(peer.peer_id, None)


def _refuse_left_behind(core: "Core", gateway: str, entry: Authenticated) -> None:
    """The peer that is named after this socket lives on, elsewhere."""
    frames = refusal_frames(AuthRequest.NAME, Refusal(UNAUTHORIZED), entry.ack, with_raw(payload=entry.payload))
    core.out.answer(gateway, entry.conn, frames)


def _arrive(core: "Core", gateway: str, entry: Authenticated) -> Peer:
    peer = Peer(entry.conn, entry.app, entry.conn, gateway, b"", False)
    peer.locks[peer.turn] = entry.lock
    core.state.peers[peer.peer_id] = peer
    core.state.conns[entry.conn] = peer.peer_id
    return peer


def _returning(core: "Core", entry: Authenticated) -> Peer | None:
    """The peer that a session token brings back: only its newest token counts.

    Those before, back to the one that it used last, count as long as it has never used the newest: the answers may have
    been lost.
    """
    peer = core.state.peers.get(entry.resume_id)
    if peer is None or not peer.resumable or peer.app != entry.app or entry.resume_turn not in peer.starts:
        return None
    if not opens(entry.resume_key, peer.locks.get(entry.resume_turn, b"")):
        return None  # who has not got the token may know all else of it
    if peer.conn:
        if not _may_take_over(core, peer):
            return None
        _step_out_of_open_socket(core, peer, again=entry.resume_turn != peer.turn)
    if not _catch_up(core, peer, entry):
        remove(core, [peer], LOST)
        return None
    return peer


def _may_take_over(core: "Core", peer: Peer) -> bool:
    """Whether the place may change hands again, though its socket is open. Two clients with one token would go on."""
    earned = (core.state.now - peer.taken_at) / TAKEOVER_SECONDS
    taken = max(0.0, peer.taken - max(0.0, earned))
    if taken > MOST_TAKEOVERS - 1:
        return False
    peer.taken, peer.taken_at = taken + 1, core.state.now
    return True


def _step_out_of_open_socket(core: "Core", peer: Peer, again: bool) -> None:
    """The peer is elsewhere already; whatever was sent to the old socket counts as read, unless it says otherwise."""
    conn, gateway = peer.conn, core.state.gateways.get(peer.gateway)
    core.out.close(peer.gateway, conn, again)
    _step_out(core, peer.gateway, [peer], gateway.parcel if gateway else 0)


def _catch_up(core: "Core", peer: Peer, entry: Authenticated) -> bool:
    """Find out what the peer has missed; False when that is not remembered.

    By default it is what its gateway had not handled. A client that has counted knows exactly.
    """
    had = _had(peer, entry)
    if had is None:
        return True
    known = [kept for kept in (*peer.past, *peer.kept.values()) if not kept.count or kept.count > had]
    if sum(kept.count > 0 for kept in known) < peer.told - had:
        return False
    core.out.keeping.replace(peer, known)
    return True


def _had(peer: Peer, entry: Authenticated) -> int | None:
    """How many events the peer has had, if that can be said: of turns that it never heard of it has had nothing."""
    if entry.received is not None and (had := peer.starts[entry.resume_turn] + entry.received) <= peer.told:
        return had
    if entry.resume_turn == peer.turn:
        return None
    return peer.starts[min(turn for turn in peer.starts if turn > entry.resume_turn)]


def _step_out(core: "Core", gateway: str, peers: list[Peer], seen: int) -> None:
    """Keep the places of peers for a while."""
    for peer in peers:
        core.state.conns.pop(peer.conn, None)
        core.state.absent[peer.peer_id] = core.state.now + core.limits.resume_for
    core.out.recover(gateway, peers, seen)


def _come_back(core: "Core", peer: Peer, gateway: str, entry: Authenticated) -> None:
    core.state.absent.pop(peer.peer_id, None)
    core.state.conns[entry.conn] = peer.peer_id
    peer.conn, peer.gateway = entry.conn, gateway
    peer.turn += 1
    peer.starts = {turn: peer.starts[turn] for turn in _still_in_doubt(peer, entry.resume_turn)}
    peer.starts[peer.turn] = peer.told - sum(kept.count > 0 for kept in peer.kept.values())
    peer.locks[peer.turn] = entry.lock
    _drop_locks(peer)


def _still_in_doubt(peer: Peer, used: int) -> list[int]:
    """The turns that the peer may be in, for all that is known, now that it has shown the token of one of them.

    If it shows that token for the first time, it got it on the socket it used last: later turns that began with an
    older token, which it then showed once too often or which another client has, are none of its own.
    """
    if used != min(peer.starts):
        return [used]
    return list(peer.starts)[-MOST_TURNS:]


def _drop_locks(peer: Peer) -> None:
    peer.locks = {turn: lock for turn, lock in peer.locks.items() if turn in peer.starts}


def _rooms_of(core: "Core", peer: Peer) -> bytes:
    """The peer's rooms as JSON, bounded: where that is too much, without `peersinfo`, which it can ask for."""
    left = min(float(MOST_ROOMS_BYTES), allowance.left(peer, core.state.now, core.limits))
    left *= core.out.free_part([peer])
    views = []
    for room in (core.state.rooms[key] for key in peer.rooms):
        left -= sum(len(core.state.peers[member].peerinfo) for member in room.members)
        view = room_view(core, room, peer.peer_id)
        views.append(msgspec.json.encode(view if left >= 0 else {**view, "peersinfo": {}}))
    encoded = b"[" + b",".join(views) + b"]"
    allowance.charge(peer, len(encoded), core.state.now, core.limits)
    return encoded


def _admit(core: "Core", peer: Peer, entry: Authenticated, resumed: bool) -> None:
    """Answer with everything the gateway needs, then with what the peer has missed."""
    resume_for = core.limits.resume_for if peer.resumable else 0.0
    admit = Admit(
        conn=entry.conn,
        ack=entry.ack,
        peer_id=peer.peer_id,
        app=peer.app,
        turn=peer.turn,
        peerinfo=peer.peerinfo,
        resume_for=resume_for,
        resumed=resumed,
        rooms=_rooms_of(core, peer) if resumed else b"",
        payload=entry.payload,
    )
    core.out.admit(peer.gateway, admit)
    if not peer.slow:
        peer.past = []
        core.out.resend(peer, core.out.keeping.take(peer))
        _tell_what_was_shed(core, peer)


def _tell_what_was_shed(core: "Core", peer: Peer) -> None:
    """Who waits for this owner, if that was not kept for it. All else it has found in its rooms."""
    if peer.shed:
        peer.shed = False
        for room in (core.state.rooms[key] for key in peer.rooms):
            if room.owner == peer.peer_id:
                for candidate_id in room.pending:
                    tell_owner(core, room, core.state.peers[candidate_id])
