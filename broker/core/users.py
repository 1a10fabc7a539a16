"""Users: which peers an identity has, when their sessions end, and whose tokens are revoked. Kept in the state."""

import bisect

from broker.core.state import Peer, RevokedUser, State
from shared.envelopes.users import User

NOTICE = 60.0  # seconds before its end that a session is told so, or half its life if that is less
GRACE = 25.0  # seconds that a peer stays after its user token has ended
MOST_REVOKED = 100_000  # identities at once


def key_of(app: str, user_id: str) -> str:
    """What an identity is filed under. Neither apps nor identities have control characters."""
    return f"{app}\n{user_id}"


def peers_of(state: State, app: str, user_id: str) -> list[Peer]:
    """The peers of an identity, the eldest first."""
    return [state.peers[peer_id] for peer_id in state.users.get(key_of(app, user_id), ())]


def take_up(state: State, peer: Peer, user: User | None) -> None:
    """From here on this is who the peer is, until its token ends."""
    if user is None:
        return
    if peer.user is None:
        state.users.setdefault(key_of(peer.app, user.id), []).append(peer.peer_id)
    peer.user = user
    plan(state, peer, notice_at(user) if peer.version > 1 else user.expires + GRACE)


def plan(state: State, peer: Peer, due: float) -> None:
    """Note when something is due for a peer next; 0 if nothing is."""
    if peer.due:
        del state.ends[bisect.bisect_left(state.ends, (peer.due, peer.peer_id))]
    peer.due = due
    if due:
        bisect.insort(state.ends, (due, peer.peer_id))


def forget(state: State, peer: Peer) -> None:
    """A peer is gone for good."""
    if peer.user is None:
        return
    plan(state, peer, 0.0)
    key = key_of(peer.app, peer.user.id)
    state.users[key].remove(peer.peer_id)
    if not state.users[key]:
        del state.users[key]


def notice_at(user: User) -> float:
    """When a client is told that its user token ends."""
    return max(user.expires - NOTICE, (user.issued + user.expires) / 2)


def is_revoked(state: State, app: str, user: User) -> bool:
    """Whether a user token is void."""
    revoked = state.revoked_users.get(key_of(app, user.id))
    return revoked is not None and user.issued <= revoked.until


def revoke(state: State, revoked: RevokedUser) -> None:
    """Tokens of an identity issued until then are void from here on. If too many are, the one soonest over is not."""
    for key in [key for key, known in state.revoked_users.items() if known.forget <= state.now]:
        del state.revoked_users[key]
    key = key_of(revoked.app, revoked.id)
    before = state.revoked_users.pop(key, revoked)
    if len(state.revoked_users) >= MOST_REVOKED:
        del state.revoked_users[min(state.revoked_users, key=lambda known: state.revoked_users[known].forget)]
    until, over = max(before.until, revoked.until), max(before.forget, revoked.forget)
    state.revoked_users[key] = RevokedUser(revoked.app, revoked.id, until, over)


def has_place(state: State, app: str, user_id: str) -> bool:
    """Whether one more can be revoked without that another is not any more."""
    known = state.revoked_users
    if len(known) < MOST_REVOKED or key_of(app, user_id) in known:
        return True
    return any(revoked.forget <= state.now for revoked in known.values())


def gather(state: State) -> None:
    """Find anew what follows from the peers, for a state that was read."""
    for peer in state.peers.values():
        if peer.user is not None:
            state.users.setdefault(key_of(peer.app, peer.user.id), []).append(peer.peer_id)
    state.ends = sorted((peer.due, peer.peer_id) for peer in state.peers.values() if peer.due)
