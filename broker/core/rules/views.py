"""What a peer is shown of a room that it is in: the state that everything it is told afterwards starts from."""

from typing import Any

import msgspec

from broker.core import life
from broker.core.context import Context
from broker.core.rights import is_host, role_of
from broker.core.state import Peer, Room
from shared.contract.told import Datum, Identity, RoomJoinRequest, identity_of, raw
from shared.envelopes.levels import LIFE

MOST_SHOWN = 512 * 1024  # bytes of a view of a room; beyond that it has no peersinfo


def others(core: Context, room: Room, peer_id: str) -> list[Peer]:
    """The members of a room but one."""
    return [core.state.peers[member] for member in room.members if member != peer_id]


def room_view(core: Context, room: Room, peer: Peer) -> dict[str, Any]:
    """A room as one of its members sees it: the owner, the others, and what each of them says of itself.

    Clients of version 2 also see the policy, who has a role, who is who, what members share, and what was said before
    they came in.
    """
    peers = others(core, room, peer.peer_id)
    shown = peers if sum(len(other.peerinfo) for other in peers) <= MOST_SHOWN else ()
    view: dict[str, Any] = {
        "room": room.name,
        "owner": room.owner,
        "peers": [other.peer_id for other in peers],
        "peersinfo": {other.peer_id: msgspec.Raw(other.peerinfo) if other.peerinfo else None for other in shown},
    }
    if peer.version > 1:
        if core.state.level >= LIFE:
            since = room.members[peer.peer_id].since if peer.peer_id in room.members else core.state.number
            view["data"] = _data(room)
            view["data_version"] = core.state.number
            view["history"] = [msgspec.Raw(message.shown) for message in life.before(room, since)]
        view["policy"] = room.policy.shown(core.limits.peers_per_room)
        view["roles"] = {member: role_of(room, member) for member in room.members if is_host(room, member)}
        view["identities"] = _identities([*peers, peer])
    return view


def pending_view(core: Context, room: Room, whole: bool) -> list[dict[str, Any]]:
    """Who waits to come in, as hosts see it: as in `room-join-request`, or their names alone."""
    return [_without_room(request(core, room, candidate_id), whole) for candidate_id in room.pending]


def request(core: Context, room: Room, candidate_id: str) -> RoomJoinRequest:
    """What a host reads of a candidate."""
    return request_of(room, core.state.peers[candidate_id], room.pending[candidate_id].payload)


def request_of(room: Room, candidate: Peer, payload: bytes) -> RoomJoinRequest:
    """The same for one who is about to ask."""
    return RoomJoinRequest(
        room=room.name,
        peer_id=candidate.peer_id,
        peerinfo=raw(candidate.peerinfo),
        payload=raw(payload),
        identity=identity_of(candidate.user),
    )


def _without_room(asks: RoomJoinRequest, whole: bool) -> dict[str, Any]:
    shown = ("peer_id", "identity", *(("peerinfo", "payload") if whole else ()))
    return {name: value for name in shown if (value := getattr(asks, name)) is not msgspec.UNSET}


def _data(room: Room) -> dict[str, Datum]:
    data = room.life.data if room.life is not None else {}
    return {key: Datum(msgspec.Raw(datum.value), datum.version, datum.by) for key, datum in data.items()}


def _identities(peers: list[Peer]) -> dict[str, Identity]:
    return {peer.peer_id: Identity(peer.user.id, peer.user.name) for peer in peers if peer.user is not None}
