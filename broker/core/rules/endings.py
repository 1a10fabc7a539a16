"""Sessions of users end with their tokens: clients are told before, and removed some time after."""

from broker.core import users
from broker.core.context import Context
from broker.core.rules.departures import EXPIRED, REVOKED, end_session
from broker.core.state import Peer, RevokedUser, State
from shared.contract.told import AuthExpiring
from shared.envelopes.entries import UserRestored, UserRevoked


def next_end(state: State) -> float | None:
    """When something is due next because a user token ends, in seconds since the epoch."""
    return state.ends[0][0] if state.ends else None


def pass_ends(core: Context) -> None:
    """Tell clients that their tokens end, and remove those whose tokens ended some time ago."""
    while core.state.ends and core.state.ends[0][0] <= core.state.now:
        peer = core.state.peers[core.state.ends[0][1]]
        if peer.user is None or core.state.now >= peer.user.expires + users.GRACE:
            end_session(core, peer, EXPIRED)
        else:
            _give_notice(core, peer)


def revoke(core: Context, order: UserRevoked) -> None:
    """The identity's tokens issued until then are void, and those of its peers that showed one have to go."""
    revoked = RevokedUser(order.app, order.id, order.until, core.state.now + order.life)
    users.revoke(core.state, revoked)
    core.notices.identity_revoked(order.app, order.id, order.until)
    for peer in users.peers_of(core.state, order.app, order.id):
        if peer.user is not None and users.is_revoked(core.state, peer.app, peer.user):
            end_session(core, peer, REVOKED)


def restore(core: Context, order: UserRestored) -> None:
    """The identity's tokens are valid again."""
    core.state.revoked_users.pop(users.key_of(order.app, order.id), None)


def _give_notice(core: Context, peer: Peer) -> None:
    """An absent client hears of it when it comes back: its acceptance says how long it has."""
    assert peer.user is not None  # noqa: S101 - for the type checker: only users have something due
    users.plan(core.state, peer, peer.user.expires + users.GRACE)
    if peer.conn:
        core.out.tell([peer], AuthExpiring(expires_in=round(max(0.0, peer.user.expires - core.state.now), 3)))
