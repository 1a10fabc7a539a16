"""Who is there: peers arrive, come back on another socket, go away for a while or for good."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from broker.rules.admission import room_view
from broker.rules.rooms import take_out
from broker.state import Peer
from shared.deliveries import Admit
from shared.log import Authenticated, Closed, GatewayLost

if TYPE_CHECKING:
    from broker.core import Core

CLOSED, LOST = "closed", "lost"


def authenticate(core: "Core", gateway: str, entry: Authenticated) -> None:
    """A socket is let in: as the peer it already is (renewal), as one that comes back, or as a new one."""
    known = core.state.conns.get(entry.conn)
    if known is not None:
        peer, resumed = core.state.peers[known], False
    else:
        returning = _returning(core, entry)
        resumed = returning is not None
        peer = returning or _arrive(core, gateway, entry)
    if resumed:
        _come_back(core, peer, gateway, entry.conn)
    if entry.peerinfo:
        peer.peerinfo = entry.peerinfo
    if entry.resumable is not None:
        peer.resumable = entry.resumable
    _admit(core, peer, entry, resumed)


def close(core: "Core", entry: Closed) -> None:
    """A socket is gone. One that its peer has left behind already is nobody's loss."""
    peer_id = core.state.conns.get(entry.conn)
    if peer_id is None:
        return
    peer = core.state.peers[peer_id]
    if peer.resumable and not entry.for_good and core.limits.resume_for > 0:
        _step_out(core, peer, entry.seen)
    else:
        remove(core, [peer], entry.reason)


def lose_gateway(core: "Core", entry: GatewayLost) -> None:
    """A gateway is gone, with all its sockets."""
    if entry.gateway not in core.state.gateways:
        return
    theirs = [peer for peer in core.state.peers.values() if peer.gateway == entry.gateway]
    staying = [peer for peer in theirs if peer.resumable and core.limits.resume_for > 0]
    for peer in staying:
        _step_out(core, peer, entry.seen)
    del core.state.gateways[entry.gateway]
    leaving = [peer for peer in theirs if peer.conn]
    remove(core, leaving, LOST)
    core.out.forget(entry.gateway)


def expire(core: "Core") -> None:
    """Absent peers whose time is up lose their places."""
    due = [peer_id for peer_id, deadline in core.state.absent.items() if deadline <= core.state.now]
    remove(core, [core.state.peers[peer_id] for peer_id in due], LOST)


def give_up_overfull(core: "Core") -> None:
    """Absent peers for whom too much has come lose their places; that may be told to more of them in turn."""
    while core.out.overfull:
        peer = core.out.overfull.pop()
        if peer.peer_id in core.state.absent:
            remove(core, [peer], LOST)


def remove(core: "Core", peers: Iterable[Peer], reason: str) -> None:
    """Peers are gone for good: out of their rooms, their requests withdrawn."""
    peers = list(peers)
    for peer in peers:
        for key in peer.asked:
            del core.state.rooms[key].pending[peer.peer_id]
        peer.asked.clear()
    for key in {key: None for peer in peers for key in peer.rooms}:
        take_out(core, core.state.rooms[key], peers, reason)
    for peer in peers:
        core.state.conns.pop(peer.conn, None)
        core.state.absent.pop(peer.peer_id, None)
        core.state.peers.pop(peer.peer_id, None)


def _arrive(core: "Core", gateway: str, entry: Authenticated) -> Peer:
    peer = Peer(entry.conn, entry.app, entry.conn, gateway, b"", False)
    core.state.peers[peer.peer_id] = peer
    core.state.conns[entry.conn] = peer.peer_id
    return peer


def _returning(core: "Core", entry: Authenticated) -> Peer | None:
    """The peer that a session token brings back: only its newest token counts.

    The one before counts while the peer is absent and has never used the newest: its answer may have been lost.
    """
    peer = core.state.peers.get(entry.resume_id)
    if peer is None or not peer.resumable or peer.app != entry.app:
        return None
    if entry.resume_turn == peer.turn:
        return peer
    unanswered = not peer.conn and not peer.confirmed
    return peer if unanswered and entry.resume_turn == peer.turn - 1 else None


def _step_out(core: "Core", peer: Peer, seen: int) -> None:
    """Keep the peer's place for a while."""
    core.state.conns.pop(peer.conn, None)
    core.out.recover(peer, seen)
    core.state.absent[peer.peer_id] = core.state.now + core.limits.resume_for


def _come_back(core: "Core", peer: Peer, gateway: str, conn: str) -> None:
    if peer.conn:
        core.out.close(peer.gateway, peer.conn)
        core.state.conns.pop(peer.conn, None)
    core.state.absent.pop(peer.peer_id, None)
    core.state.conns[conn] = peer.peer_id
    peer.conn, peer.gateway = conn, gateway
    peer.turn += 1
    peer.confirmed = False


def _admit(core: "Core", peer: Peer, entry: Authenticated, resumed: bool) -> None:
    """Answer with everything the gateway needs, then with what the peer has missed."""
    rooms = [room_view(core, core.state.rooms[key], peer.peer_id) for key in peer.rooms] if resumed else []
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
        rooms=msgspec.json.encode(rooms) if resumed else b"",
        payload=entry.payload,
    )
    core.out.admit(peer.gateway, admit)
    kept, peer.kept, peer.kept_bytes = peer.kept, [], 0
    core.out.answer(peer.gateway, peer.conn, [waiting.frame for waiting in kept])
