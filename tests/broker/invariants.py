"""What is true of every state that a core can be in, and ways to compare states."""

from typing import Any

import msgspec

from broker.core import life, users
from broker.core.bans import MOST_BANS, is_banned
from broker.core.keeping import SENDERS
from broker.core.limits import Limits
from broker.core.state import Kept, Peer, Room, State


def check(state: State, limits: Limits) -> None:
    """Fail if the state contradicts itself or a limit."""
    for key, room in state.rooms.items():
        assert key == room.key
        assert room.owner in room.members, "one owner, who is a member"
        assert 0 < len(room.members) <= limits.peers_per_room
        assert not room.members.keys() & room.pending.keys()
        assert room.members[room.owner].role == "member", "that it is the owner, the room says"
        assert len(room.bans) <= MOST_BANS
        _check_life(room, limits)
        for peer_id in (*room.members, *room.pending):
            assert not is_banned(room, state.peers[peer_id], state.now), "nobody banned is in or waits"
        assert all(key in state.peers[member].rooms for member in room.members)
        assert all(key in state.peers[candidate].asked for candidate in room.pending)
        assert all(len(pending.acks) <= limits.pending_per_peer for pending in room.pending.values())
    for peer_id, peer in state.peers.items():
        assert peer_id == peer.peer_id
        assert len(peer.rooms) <= limits.rooms_per_peer
        assert len(peer.asked) <= limits.pending_per_peer
        assert all(peer_id in state.rooms[key].members for key in peer.rooms)
        assert all(peer_id in state.rooms[key].pending for key in peer.asked)
        _check_presence(state, peer)
        _check_kept(peer, limits)
    assert all(state.peers[peer_id].conn == conn for conn, peer_id in state.conns.items())
    assert all(peer_id in state.peers for peer_id in state.absent)
    assert list(state.absent.values()) == sorted(state.absent.values())
    assert state.lively == sum(map(life.size_of, state.rooms.values()))
    _check_users(state)


def _check_life(room: Room, limits: Limits) -> None:
    if room.life is not None:
        assert len(room.life.history) <= room.policy.history
        assert sum(len(message.shown) for message in room.life.history) <= limits.history_bytes
        assert room.life.shares.keys() <= room.members.keys() | room.pending.keys()


def _check_users(state: State) -> None:
    """What follows from the peers does follow from them."""
    again = State(peers=state.peers)
    users.gather(again)
    assert state.users == again.users
    assert state.ends == again.ends
    for peer in state.peers.values():
        assert (peer.due > 0) == (peer.user is not None)
        assert peer.user is None or not users.is_revoked(state, peer.app, peer.user)


def _check_presence(state: State, peer: Peer) -> None:
    if peer.conn:
        assert state.conns[peer.conn] == peer.peer_id
        assert peer.gateway in state.gateways
        assert peer.peer_id not in state.absent
        assert not peer.kept or peer.slow
        assert not peer.past
        assert not peer.shed
    else:
        assert peer.resumable
        assert peer.peer_id in state.absent
        assert peer.gateway == ""
        assert not peer.slow


def _check_kept(peer: Peer, limits: Limits) -> None:
    waiting = list(peer.kept.values())
    assert list(peer.kept) == sorted(peer.kept)
    assert peer.kept_bytes == sum(len(kept.frame) for kept in waiting)
    unsent = [kept for kept in waiting if not kept.parcel]
    for sender in {kept.sender for kept in unsent if kept.sender}:
        _check_amount([kept for kept in unsent if kept.sender == sender], limits.kept_deliveries, limits.kept_bytes)
    if not peer.conn:
        assert not peer.resent
        assert peer.version == 1 or not any(kept.state for kept in waiting), "it finds the state in its rooms"
        _check_amount([kept for kept in unsent if kept.about], limits.kept_deliveries, limits.kept_bytes)
    _check_amount(peer.past, SENDERS * limits.kept_deliveries, SENDERS * limits.kept_bytes)


def _check_amount(frames: list[Kept], most: int, most_bytes: int) -> None:
    assert len(frames) <= most
    assert sum(len(kept.frame) for kept in frames) <= most_bytes


def plain(state: State) -> Any:
    """All of a state, as something to compare; the order counts where the core goes by it."""
    conns, identities = dict(sorted(state.conns.items())), dict(sorted(state.users.items()))
    return msgspec.msgpack.encode(msgspec.structs.replace(state, conns=conns, users=identities))


def plain_but_for_progress(state: State) -> Any:
    """The same without what every message changes: position, clock, numbers, and that a peer has used its socket."""
    peers = {
        peer_id: msgspec.structs.replace(peer, starts={}, locks={}, gaps={}) for peer_id, peer in state.peers.items()
    }
    changed = msgspec.structs.replace(state, position=0, now=0.0, peers=peers, gateways={})
    return msgspec.msgpack.encode(changed)
