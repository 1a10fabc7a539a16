"""Peers leave: for a while, when their socket is lost and they may come back, or for good."""

import itertools
from collections.abc import Iterable

from broker.core import users
from broker.core.context import Context
from broker.core.rules.requests import end_request
from broker.core.rules.rooms import take_out
from broker.core.state import Peer, State
from shared.contract.told import SessionEnded
from shared.envelopes.entries import UNKNOWN, Closed
from shared.envelopes.notices import Leaving

CLOSED: Leaving = "closed"
LOST: Leaving = "lost"
# Why a session is ended by the server: what its client is told.
EXPIRED, REPLACED, REVOKED = "expired", "replaced", "revoked"
_SENTENCES = {
    EXPIRED: "Your token has expired",
    REPLACED: "You are here in another window or on another device",
    REVOKED: "Your token is revoked",
}


def close(core: Context, entries: Iterable[Closed]) -> None:
    """Sockets are gone, all at once. Ignored where a peer has moved to another one."""
    leaving: dict[Leaving, dict[str, Peer]] = {}
    for entry in entries:
        peer_id = core.state.conns.get(entry.conn)
        if peer_id is None:
            continue
        peer = core.state.peers[peer_id]
        if peer.resumable and not entry.for_good and core.limits.resume_for > 0:
            step_out(core, peer.gateway, [peer], entry.seen)
        else:
            leaving.setdefault(entry.reason, {})[peer_id] = peer
    for reason, peers in leaving.items():
        remove(core, [peer for peer in peers.values() if peer.peer_id in core.state.peers], reason)


def lose_gateway(core: Context, gateway: str, seen: int) -> None:
    """A gateway is gone, with all its sockets. ``seen`` is the number of the last parcel that it handled.

    If that is UNKNOWN, the gateway most likely had them all; a client that counts what it receives knows better.
    """
    if gateway not in core.state.gateways:
        return
    known = core.state.gateways[gateway]
    seen = known.parcel if seen == UNKNOWN else max(seen, known.have)
    theirs = core.state.peers.select(lambda peer: peer.gateway == gateway)
    staying = [peer for peer in theirs if peer.resumable and core.limits.resume_for > 0]
    step_out(core, gateway, staying, seen)
    del core.state.gateways[gateway]
    leaving = [peer for peer in theirs if peer.conn]
    remove(core, leaving, LOST)
    core.out.forget(gateway)


def next_expiry(state: State) -> float | None:
    """When the next absent peer loses its place: the first one, as nobody's is kept longer than those after it."""
    return next(iter(state.absent.values()), None)


def expire(core: Context) -> None:
    """Absent peers whose time is up lose their places."""
    due = list(itertools.takewhile(lambda absence: absence[1] <= core.state.now, core.state.absent.items()))
    remove(core, [core.state.peers[peer_id] for peer_id, _ in due], LOST)


def remove(core: Context, peers: Iterable[Peer], reason: Leaving) -> None:
    """Peers are gone for good: out of their rooms, their requests withdrawn."""
    peers = list(peers)
    for peer in peers:
        for key in list(peer.asked):
            end_request(core, core.state.rooms[key], peer, "lost" if reason == LOST else "left")
    for key in {key: None for peer in peers for key in peer.rooms}:
        take_out(core, core.state.rooms[key], peers, reason)
    for peer in peers:
        core.out.forget_peer(peer)
        users.forget(core.state, peer)
        core.state.conns.pop(peer.conn, None)
        core.state.absent.pop(peer.peer_id, None)
        core.state.peers.pop(peer.peer_id, None)


def end_session(core: Context, peer: Peer, code: str) -> None:
    """A peer has to go: it is told why, its socket is closed, and it loses its place."""
    if peer.conn:
        core.out.tell([peer], SessionEnded(code=code, message=_SENTENCES[code]))
        core.out.close(peer.gateway, peer.conn)
    remove(core, [peer], CLOSED)


def stall(core: Context, peer: Peer) -> None:
    """A peer does not read what it is told: its socket is closed, and it may come back on another one."""
    core.out.close(peer.gateway, peer.conn, again=True)
    if peer.resumable and core.limits.resume_for > 0:
        step_out(core, peer.gateway, [peer], core.state.gateways[peer.gateway].have)
    else:
        remove(core, [peer], LOST)


def step_out(core: Context, gateway: str, peers: list[Peer], seen: int) -> None:
    """Keep the places of peers for a while, and at least as long as those of all who are absent already."""
    until = max(core.state.now + core.limits.resume_for, next(reversed(core.state.absent.values()), 0.0))
    for peer in peers:
        core.state.conns.pop(peer.conn, None)
        core.state.absent[peer.peer_id] = until
    core.out.recover(gateway, peers, seen)
