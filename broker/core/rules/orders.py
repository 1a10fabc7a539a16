"""What an operator orders: about rooms, peers, and the tokens of apps and users."""

import contextlib
import typing
from collections.abc import Callable, Mapping
from typing import Any

from broker.core import bans
from broker.core.context import Context
from broker.core.rules import endings, moderation, rooms
from broker.core.rules.departures import CLOSED, remove
from broker.core.state import KnownApp
from shared.contract.refusals import Refusal
from shared.envelopes.deliveries import Revoked
from shared.envelopes.entries import (
    AppIssued,
    AppRevoked,
    BanLifted,
    Entry,
    Ordered,
    PeerKicked,
    PeerRemoved,
    PolicySet,
    RoomClosed,
    UserRestored,
    UserRevoked,
)
from shared.envelopes.levels import RIGHTS
from shared.envelopes.policy import read_change


def close_room(core: Context, order: RoomClosed) -> None:
    """A room ends for everybody."""
    room = core.state.rooms.get(order.key)
    if room is not None:
        rooms.close(core, room, "operator")


def kick(core: Context, order: PeerKicked) -> None:
    """A peer is put out of a room, or out of its waiting line, whatever its role."""
    room, peer = core.state.rooms.get(order.key), core.state.peers.get(order.peer_id)
    if room is None or peer is None or not (peer.peer_id in room.members or peer.peer_id in room.pending):
        return
    with contextlib.suppress(Refusal):  # as many are banned as can be: the desk has looked
        moderation.put_out(core, room, peer, None, order.ban, order.text)


def set_policy(core: Context, order: PolicySet) -> None:
    """A room is governed otherwise."""
    room, change = core.state.rooms.get(order.key), read_change(order.change)
    if room is not None and change is not None:
        moderation.set_policy(core, room, change, None)


def lift_ban(core: Context, order: BanLifted) -> None:
    """One who was banned may ask again."""
    room = core.state.rooms.get(order.key)
    if room is not None:
        bans.lift(room, order.user_id, order.peer_id, by_owner=True)


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
    UserRevoked: endings.revoke,
    UserRestored: endings.restore,
    PeerKicked: kick,
    PolicySet: set_policy,
    BanLifted: lift_ban,
}

# What brokers of an earlier release do not know, and so is nothing yet while one may be up.
_FROM_RIGHTS_ON = (UserRevoked, UserRestored, PeerKicked, PolicySet, BanLifted)


def is_known(order: Ordered, level: int) -> bool:
    """Whether all brokers know an order at this level of the log."""
    return level >= RIGHTS or not isinstance(order, _FROM_RIGHTS_ON)


def obey(core: Context, order: Ordered) -> None:
    """Let an order take effect."""
    if is_known(order, core.state.level):
        ORDERS[type(order)](core, order)


if _odd := set(typing.get_args(Ordered)) ^ ORDERS.keys():
    raise TypeError(f"{', '.join(order.__name__ for order in _odd)}: an order needs a rule, and a rule its order")
