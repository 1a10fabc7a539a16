"""Peers arrive, and come back on another socket.

How a peer keeps its place. A peer outlives its sockets: it has one ``generation`` for each socket that it was
admitted on, and every generation has a session token of its own, opened by a key that only that socket was given
(``shared/contract/locks.py``). What a client shows to come back tells which generation it is in:

* The newest generation's token is the ordinary case. The broker sends what the peer's gateway had not handled when the
  old socket was lost, or, if the client counts what it receives, exactly what it has not had.
* An older generation's token means that the client never heard of the newer ones: the answer that brought their tokens
  was lost. It is valid as long as the peer has said nothing on a newer socket (``confirm``). For each generation that
  the client may be in, ``starts`` has how many counted events the peer had been told when it began. So what was sent
  in generations that the client never heard of is sent again.
* In version 2 the state of its rooms is not sent again. ``gaps`` has the numbers of what was not, each with the
  generation from which on it is missing: so ``received`` means the same whichever generation the client is in.
* If what it missed is not remembered any more, it does not resume: it leaves its rooms and arrives as somebody new,
  rather than staying with a gap.

The place of an open socket can be taken over, because its client may know before the server that the connection is
dead. Two clients with one token would do so for ever, so this is limited.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec

from broker.core import allowance, life, users
from broker.core.context import Context
from broker.core.keeping import SENDERS
from broker.core.rights import is_host
from broker.core.rules import departures, presence
from broker.core.rules.departures import LOST, REPLACED, remove, step_out
from broker.core.rules.requests import tell_pending
from broker.core.rules.views import pending_view, room_view
from broker.core.state import Kept, Peer
from shared.contract.events import NEWEST, AuthRequest
from shared.contract.frames import refusal_frames, with_raw
from shared.contract.locks import opens
from shared.contract.refusals import ALREADY_HERE, UNAUTHORIZED, Refusal
from shared.envelopes.deliveries import Admit
from shared.envelopes.entries import Authenticated, Pace
from shared.envelopes.levels import LIFE, RIGHTS
from shared.envelopes.users import User

MOST_ROOMS_BYTES = 256 * 1024  # of what is told of its rooms to one who comes back
MOST_GENERATIONS = 64  # in a row that a peer may come back without hearing of it
MOST_TAKEOVERS = 16  # of an open socket in a row: clients that take a place from each other come to rest
TAKEOVER_SECONDS = 30.0  # after which it may be taken over once more


def authenticate(core: Context, gateway: str, entry: Authenticated, user: User | None = None) -> None:
    """A socket is let in: as the peer it already is (renewal), as one that comes back, or as a new one, or refused."""
    try:
        _check_user(core, entry, user)
        if entry.resume_id:
            core.out.check_return(gateway)
        peer, resumed = _whose(core, gateway, entry, user)
    except Refusal as refusal:
        frames = refusal_frames(AuthRequest.NAME, refusal, entry.ack, with_raw(payload=entry.payload))
        core.out.answer(gateway, entry.conn, frames)
        return
    if user is not None and (peer.user is None or peer.user.issued <= user.issued):
        users.take_up(core.state, peer, user)
    if entry.peerinfo:
        _show(core, peer, entry.peerinfo)
    if entry.resumable is not None:
        peer.resumable = entry.resumable
    _admit(core, peer, entry, resumed)


def _show(core: Context, peer: Peer, peerinfo: bytes) -> None:
    """One that comes back or renews may show itself in another way, unless that is too much for others now."""
    if core.state.level < LIFE:
        peer.peerinfo = peerinfo
        return
    with contextlib.suppress(Refusal):
        presence.show(core, peer, peerinfo)


def _whose(core: Context, gateway: str, entry: Authenticated, user: User | None) -> tuple[Peer, bool]:
    """The peer that a socket is, and whether it has come back. Raises Refusal."""
    known = core.state.conns.get(entry.conn)
    if known is not None:
        peer = core.state.peers[known]
        if not _is_same(peer, user):
            raise Refusal(UNAUTHORIZED, "Token is for another user")
        # one that asks again on the socket on which it came back gets the same answer again
        return peer, entry.resume_id == known and entry.resume_generation < peer.generation
    if entry.renews and core.state.level >= RIGHTS:
        raise Refusal(UNAUTHORIZED)  # the peer has left this socket meanwhile
    returning = _returning(core, entry, user)
    if returning is not None:
        _come_back(core, returning, gateway, entry)
        return returning, True
    if entry.conn in core.state.peers:
        raise Refusal(UNAUTHORIZED)  # the peer that is named after this socket lives on, elsewhere
    if user is not None:
        _keep_single(core, entry.app, user)
    return _arrive(core, gateway, entry), False


def _check_user(core: Context, entry: Authenticated, user: User | None) -> None:
    if user is not None and users.is_revoked(core.state, entry.app, user):
        raise Refusal(UNAUTHORIZED, "Token is revoked")


def _is_same(peer: Peer, user: User | None) -> bool:
    """Whether a peer has this identity, or is as anonymous."""
    return (peer.user.id if peer.user else None) == (user.id if user else None)


def _keep_single(core: Context, app: str, user: User) -> None:
    """Let one peer of an identity stay, if its token says so. Raises Refusal for a newcomer that is one too many."""
    others = users.peers_of(core.state, app, user.id) if user.single else []
    if others and user.single == "oldest":
        raise Refusal(ALREADY_HERE)
    for other in others:
        departures.end_session(core, other, REPLACED)


def confirm(peer: Peer) -> None:
    """The peer has used its newest socket: tokens of the generations before are worth nothing any more."""
    if len(peer.starts) > 1:
        peer.starts = {peer.generation: peer.starts[peer.generation]}
        _forget_gaps(peer)
        _drop_locks(peer)


def pace(core: Context, gateway: str, entry: Pace) -> None:
    """A socket has enough to read for now, and the rest waits here; or it can take more."""
    peer_id = core.state.conns.get(entry.conn)
    if peer_id is None or core.state.peers[peer_id].gateway != gateway:
        return
    peer = core.state.peers[peer_id]
    if entry.slow and not peer.slow and core.state.level >= LIFE:
        peer.slow_at = core.state.now
    peer.slow = entry.slow
    if not entry.slow:
        core.out.resend(peer, core.out.keeping.take(peer))


def _arrive(core: Context, gateway: str, entry: Authenticated) -> Peer:
    peer = Peer(entry.conn, entry.app, entry.conn, gateway, b"", False)
    if core.state.level >= RIGHTS:
        peer.version = min(entry.version, NEWEST)
    peer.locks[peer.generation] = entry.lock
    core.state.peers[peer.peer_id] = peer
    core.state.conns[entry.conn] = peer.peer_id
    return peer


def _returning(core: Context, entry: Authenticated, user: User | None) -> Peer | None:
    """The peer that a session token brings back: only its newest token is valid.

    Until it has used that, earlier ones are valid, back to the one that it used last: the answers may have been lost.
    """
    peer = core.state.peers.get(entry.resume_id)
    if peer is None or not peer.resumable or peer.app != entry.app or entry.resume_generation not in peer.starts:
        return None
    if not opens(entry.resume_key, peer.locks.get(entry.resume_generation, b"")):
        return None  # all else of the token may be known to others
    if not _is_same(peer, user):
        return None
    if peer.conn:
        if not _may_take_over(core, peer):
            return None
        _step_out_of_open_socket(core, peer, again=entry.resume_generation != peer.generation)
    if core.out.is_known_to_be_given_up(peer, entry.conn) or not _catch_up(core, peer, entry):
        remove(core, [peer], LOST)
        return None
    return peer


def _may_take_over(core: Context, peer: Peer) -> bool:
    """Whether the place may change hands again though its socket is open: two clients with one token would not stop."""
    earned = (core.state.now - peer.taken_at) / TAKEOVER_SECONDS
    taken = max(0.0, peer.taken - max(0.0, earned))
    if taken > MOST_TAKEOVERS - 1:
        return False
    peer.taken, peer.taken_at = taken + 1, core.state.now
    return True


def _step_out_of_open_socket(core: Context, peer: Peer, again: bool) -> None:
    """The peer is elsewhere already. What the old socket was sent is taken as read, unless the peer says otherwise."""
    conn, gateway = peer.conn, core.state.gateways.get(peer.gateway)
    core.out.close(peer.gateway, conn, again)
    step_out(core, peer.gateway, [peer], gateway.parcel if gateway else 0)


def _catch_up(core: Context, peer: Peer, entry: Authenticated) -> bool:
    """Find out what the peer has missed; False when that is not remembered.

    By default it is what its gateway had not handled. A client that has counted knows exactly.
    """
    had = _had(peer, entry)
    if had is None:
        if peer.shed:
            core.out.keeping.replace(peer, [kept for kept in peer.kept.values() if not _is_outdated(core, peer, kept)])
        return True
    known = [*_missed(peer.past, had), *(kept for kept in peer.kept.values() if not kept.count or kept.count > had)]
    numbers = {kept.count for kept in known if kept.count}.union(number for number in peer.gaps if number > had)
    if len(numbers) < peer.told - had and not core.out.is_believed(peer):
        return False
    core.out.keeping.replace(peer, [kept for kept in known if not kept.is_blank and not _is_outdated(core, peer, kept)])
    return True


def _is_outdated(core: Context, peer: Peer, kept: Kept) -> bool:
    """Whether a frame tells of a state of its rooms of which the rest was not kept: the peer finds what is the case."""
    return peer.shed and kept.state and core.state.level >= LIFE


def _missed(past: list[Kept], had: int) -> Iterator[Kept]:
    """What a peer has not had of this. What is not counted it has missed if it has missed what came before it."""
    before = had
    for kept in past:
        before = kept.count or before
        if before > had:
            yield kept


def _had(peer: Peer, entry: Authenticated) -> int | None:
    """How many events the peer has had, if that is known: it had none of generations that it never heard of."""
    if entry.received is not None and (had := _number_of(peer, entry.resume_generation, entry.received)) <= peer.told:
        return had
    if entry.resume_generation == peer.generation:
        return None
    return peer.starts[min(generation for generation in peer.starts if generation > entry.resume_generation)]


def _number_of(peer: Peer, generation: int, received: int) -> int:
    """The number of the event that came as the so manieth in a generation, in which some are missing."""
    number = peer.starts[generation] + received
    for gap in sorted(gap for gap, since in peer.gaps.items() if since <= generation):
        number += peer.starts[generation] < gap <= number
    return number


def _come_back(core: Context, peer: Peer, gateway: str, entry: Authenticated) -> None:
    core.state.absent.pop(peer.peer_id, None)
    core.state.conns[entry.conn] = peer.peer_id
    peer.conn, peer.gateway = entry.conn, gateway
    had = _had(peer, entry)
    peer.generation += 1
    peer.starts = {generation: peer.starts[generation] for generation in _still_in_doubt(peer, entry.resume_generation)}
    _begin_generation(core, peer, had)
    peer.locks[peer.generation] = entry.lock
    _drop_locks(peer)


def _begin_generation(core: Context, peer: Peer, had: int | None) -> None:
    """Note with which of the counted events the newest generation begins: those behind ``had``, if that is known.

    What a client of version 2 finds in its rooms is not sent again: such numbers are missing from here on.
    """
    sent = [kept.count for kept in peer.kept.values() if kept.count]
    if (peer.version == 1 and not peer.shed) or core.state.level < LIFE:
        peer.starts[peer.generation] = peer.told - len(sent)
        return
    if had is None:
        had = sent[0] - 1 if sent else peer.told
    begin = peer.starts[peer.generation] = had
    missing = set(range(begin + 1, peer.told + 1)) - set(sent) - peer.gaps.keys()
    peer.gaps |= dict.fromkeys(sorted(missing), peer.generation)
    _forget_gaps(peer)
    for number in list(peer.gaps)[: -SENDERS * core.limits.kept_deliveries]:
        del peer.gaps[number]  # who may have missed it loses its place rather than anything else


def _forget_gaps(peer: Peer) -> None:
    oldest = min(peer.starts.values())
    peer.gaps = {number: generation for number, generation in peer.gaps.items() if number > oldest}


def _still_in_doubt(peer: Peer, used: int) -> list[int]:
    """The generations that the peer may be in, for all that is known, now that it has shown the token of one of them.

    If it shows that token for the first time, it got it on the socket it used last. Later generations that began with
    an older token, which it then showed once too often or which another client has, are not its own.
    """
    if used != min(peer.starts):
        return [used]
    return list(peer.starts)[-MOST_GENERATIONS:]


def _drop_locks(peer: Peer) -> None:
    peer.locks = {generation: lock for generation, lock in peer.locks.items() if generation in peer.starts}


def _rooms_of(core: Context, peer: Peer) -> bytes:
    """The peer's rooms as JSON, bounded: where that is too much, without `peersinfo`, `data` and `history`.

    It can ask for these.
    Then hosts of version 2 find who waits, but not what those say.
    """
    left = min(float(MOST_ROOMS_BYTES), allowance.left(peer, core.state.now, core.limits))
    left *= max(0.0, core.out.free_part([peer]))
    views = []
    for room in (core.state.rooms[key] for key in peer.rooms):
        left -= sum(len(core.state.peers[member].peerinfo) for member in room.members) + life.size_of(room)
        view = room_view(core, room, peer)
        if peer.version > 1 and is_host(room, peer.peer_id):
            left -= sum(len(core.state.peers[one].peerinfo) + len(room.pending[one].payload) for one in room.pending)
            view["pending"] = pending_view(core, room, whole=left >= 0)
        views.append(msgspec.json.encode(view if left >= 0 else _shortened(view)))
    encoded = b"[" + b",".join(views) + b"]"
    allowance.charge(peer, len(encoded), core.state.now, core.limits)
    return encoded


_LONG = ("data", "data_version", "history")


def _shortened(view: dict[str, Any]) -> dict[str, Any]:
    """A view of a room without what can be long."""
    return {**{name: value for name, value in view.items() if name not in _LONG}, "peersinfo": {}}


def _admit(core: Context, peer: Peer, entry: Authenticated, resumed: bool) -> None:
    """Answer with everything the gateway needs, then with what the peer has missed."""
    resume_for = core.limits.resume_for if peer.resumable else 0.0
    admit = Admit(
        conn=entry.conn,
        ack=entry.ack,
        peer_id=peer.peer_id,
        app=peer.app,
        generation=peer.generation,
        peerinfo=peer.peerinfo,
        resume_for=resume_for,
        resumed=resumed,
        rooms=_rooms_of(core, peer) if resumed else b"",
        payload=entry.payload,
    )
    core.out.admit(peer.gateway, admit, peer.version)
    if not peer.slow:
        peer.past = []
        core.out.catch_up(peer)
        _tell_what_was_shed(core, peer)


def _tell_what_was_shed(core: Context, peer: Peer) -> None:
    """Who waits for this owner, if that was not kept for it. All else it has found in its rooms."""
    if peer.shed:
        peer.shed = False
        for room in (core.state.rooms[key] for key in peer.rooms):
            if is_host(room, peer.peer_id):
                tell_pending(core, room, peer)
