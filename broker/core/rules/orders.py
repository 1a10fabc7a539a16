"""What an operator orders: closing a room, removing a peer, revoking an app's tokens."""

import typing
from collections.abc import Callable, Mapping
from typing import Any

from broker.core import keeping
from broker.core.context import Context
from broker.core.rules.departures import CLOSED, remove
from broker.core.rules.rooms import dissolve, others
from broker.core.state import KnownApp
from shared.contract import told
from shared.contract.told import raw
from shared.envelopes.deliveries import Revoked
from shared.envelopes.entries import AppIssued, AppRevoked, Entry, Ordered, PeerRemoved, RoomClosed


def close_room(core: Context, order: RoomClosed) -> None:
    """Everybody is told that everybody else has left, as clients that know of no closed rooms understand it."""
    room = core.state.rooms.get(order.key)
    if room is None:
        return
    for peer_id in room.members:
        peer = core.state.peers[peer_id]
        left = told.RoomUserLeave(room=room.name, peer_id=peer_id, reason=CLOSED, peerinfo=raw(peer.peerinfo))
        about = keeping.left(room.key, peer_id)
        core.out.emit(others(core, room, peer_id), left.frame(), left.KIND, about)
    members = others(core, room, "")
    closed = told.RoomClosed(room=room.name)
    core.out.emit(members, closed.frame(), closed.KIND, keeping.is_over(room.key))
    for peer in members:
        del peer.rooms[room.key]
    dissolve(core, room)


def remove_peer(core: Context, order: PeerRemoved) -> None:
    """The peer leaves its rooms, and its socket is closed."""
    peer = core.state.peers.get(order.peer_id)
    if peer is None:
        return
    if peer.conn:
        core.out.close(peer.gateway, peer.conn)
    remove(core, [peer], CLOSED)


def note_issued(core: Context, order: AppIssued) -> None:
    """Remember that the app has a token."""
    app = core.state.apps.setdefault(order.app, KnownApp())
    app.issued = max(app.issued, order.issued)


def revoke(core: Context, order: AppRevoked) -> None:
    """Tell every gateway. One that comes up later is told then."""
    app = core.state.apps.setdefault(order.app, KnownApp())
    app.revoked = max(app.revoked, order.until)
    for gateway in core.state.gateways:
        core.out.revoke(gateway, Revoked(order.app, app.revoked))


def tell_revoked(core: Context, gateway: str) -> None:
    """What a gateway that comes up has to refuse."""
    for name, app in core.state.apps.items():
        if app.revoked:
            core.out.revoke(gateway, Revoked(name, app.revoked))


def missed(before: Mapping[str, KnownApp], now: Mapping[str, KnownApp]) -> list[Entry]:
    """The orders that bring what is known of apps ``now`` up to what was known ``before``."""
    entries: list[Entry] = []
    for name, app in before.items():
        known = now.get(name, KnownApp())
        if app.issued > known.issued:
            entries.append(AppIssued(name, app.issued))
        if app.revoked > known.revoked:
            entries.append(AppRevoked(name, app.revoked))
    return entries


ORDERS: dict[type[Ordered], Callable[[Context, Any], None]] = {
    RoomClosed: close_room,
    PeerRemoved: remove_peer,
    AppIssued: note_issued,
    AppRevoked: revoke,
}

if _odd := set(typing.get_args(Ordered)) ^ ORDERS.keys():
    raise TypeError(f"{', '.join(order.__name__ for order in _odd)}: an order needs a rule, and a rule its order")
