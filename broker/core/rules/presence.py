"""Presence: what a peer shows of itself, in all its rooms and to the hosts of those that it waits for."""

import msgspec

from broker.core import allowance, keeping
from broker.core.asked import Anywhere
from broker.core.context import Context
from broker.core.rules.requests import hosts
from broker.core.rules.views import others
from broker.core.state import Peer, Room
from shared.contract.events import NULL, PeerUpdateRequest
from shared.contract.told import RoomUserUpdate


def update(core: Context, peer: Peer, asked: Anywhere[PeerUpdateRequest]) -> None:
    """A peer shows itself in another way from now on."""
    peerinfo = bytes(asked.own.peerinfo)
    show(core, peer, b"" if peerinfo == NULL else peerinfo)
    core.out.show(peer)
    if asked.ack is not None:
        core.out.ack(peer, [(asked.conn, asked.ack)], {"ok": True})


def show(core: Context, peer: Peer, peerinfo: bytes) -> None:
    """Change what a peer shows of itself, and tell those who see it. Raises Refusal."""
    if peerinfo == peer.peerinfo:
        return
    rooms = [core.state.rooms[key] for key in (*peer.rooms, *peer.asked)]
    size = sum(_size(room, peerinfo) * len(room.members) for room in rooms)
    near = (core.state.peers[member] for room in rooms for member in room.members)
    # before anything is done for each of those who see it: they may be a thousand
    owed = allowance.check_in_all(rooms, peer, size, core.state.now, core.limits, lambda: core.out.free_part(near))
    told = [(room, _observers(core, room, peer)) for room in rooms]
    core.out.check_way_to([observer for _, observers in told for observer in observers])
    allowance.charge_in_all(owed, peer, size, core.state.now, core.limits)
    peer.peerinfo = peerinfo
    for room, observers in told:
        news = RoomUserUpdate(room=room.name, peer_id=peer.peer_id, peerinfo=msgspec.Raw(peerinfo or NULL))
        core.out.tell(observers, news, keeping.shows(room.key, peer.peer_id))


def _observers(core: Context, room: Room, peer: Peer) -> list[Peer]:
    """Who is told of a peer in a room, or waiting for it. Clients of version 1 know of no such news."""
    near = others(core, room, peer.peer_id) if peer.peer_id in room.members else hosts(core, room)
    return [other for other in near if other.version > 1]


def _size(room: Room, peerinfo: bytes) -> int:
    return len(room.name) + len(peerinfo) + allowance.EACH
