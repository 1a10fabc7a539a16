"""Admission: one asks, a host decides, unless the room's policy or a grant has decided before."""

from typing import Any

from broker.core import allowance, bans, keeping
from broker.core.asked import Anywhere, InRoom
from broker.core.context import Context
from broker.core.rules import roles
from broker.core.rules.requests import OK, end_request, hosts, remember_end, turn_away
from broker.core.rules.rooms import make, withdraw
from broker.core.rules.views import others, request_of, room_view
from broker.core.state import Member, Peer, Pending, Room
from shared.contract import events
from shared.contract.frames import with_raw
from shared.contract.refusals import BANNED, CLOSED, FULL, NOT_FOUND, NOT_PENDING, REJECTED, TOO_MANY, Refusal
from shared.contract.told import RoomJoinAccept, RoomJoinWait, RoomUserJoin, identity_of, raw

VIEW_INTERVAL = 2.0  # seconds from one time that a member asks again who is in a room to the next
REMINDER_INTERVAL = 2.0  # seconds from one time that the hosts are reminded of a candidate to the next
MOST_REPEATED = 16 * 1024  # bytes of an event up to which the acknowledgement has all of it too
UNASKED = 10  # times as much is charged for what a peer has not asked for as for an answer

Acks = list[tuple[str, int]]


def ask(core: Context, candidate: Peer, asked: Anywhere[events.RoomJoinRequest]) -> None:
    """Ask to be let in. Asking again reminds the hosts; a member is told once more what it knows."""
    room = asked.room
    acks = [] if asked.ack is None else [(asked.conn, asked.ack)]
    if room is None:
        _make(core, candidate, asked, acks)
    elif candidate.peer_id in room.members:
        _show_again(core, room, candidate, asked.body, acks)
    elif bans.is_banned(room, candidate, core.state.now):
        raise Refusal(BANNED)
    elif _needs_nobody(room, candidate):
        let_in(core, room, candidate, asked.body, candidate, acks)
    elif room.policy.admission == "closed":
        raise Refusal(CLOSED)
    else:
        _wait(core, room, candidate, asked, acks)


def cancel(core: Context, candidate: Peer, asked: InRoom[events.RoomJoinCancel]) -> None:
    """A candidate takes its request back."""
    withdraw(core, asked.room, candidate)
    if asked.ack is not None:
        core.out.ack(candidate, [(asked.conn, asked.ack)], {"ok": True, "room": asked.room_name})


def accept(core: Context, host: Peer, asked: InRoom[events.RoomJoinAccept]) -> None:
    """A host lets a candidate in."""
    let_in(core, asked.room, _candidate(core, asked), asked.body, host)
    _answer_host(core, host, asked)


def reject(core: Context, host: Peer, asked: InRoom[events.RoomJoinReject]) -> None:
    """A host sends a candidate away."""
    room, candidate = asked.room, _candidate(core, asked)
    pending = end_request(core, room, candidate, "rejected", host.peer_id)
    turn_away(core, room, candidate, pending, Refusal(REJECTED), asked.body)
    _answer_host(core, host, asked)


def let_in_all(core: Context, room: Room, host: Peer) -> None:
    """The room is open now: those who wait come in, in order, as far as there is room for them."""
    for candidate_id in list(room.pending):
        try:
            let_in(core, room, core.state.peers[candidate_id], b"", host)
        except Refusal:
            continue  # it goes on waiting for a host


def let_in(core: Context, room: Room, candidate: Peer, payload: bytes, payer: Peer, acks: Acks | None = None) -> None:
    """Somebody comes in; ``payer`` is charged for what is told, and ``acks`` are answered too. Raises Refusal."""
    _check_room_for(core, room, candidate)
    members = others(core, room, candidate.peer_id)
    news = RoomUserJoin(
        room=room.name,
        peer_id=candidate.peer_id,
        peerinfo=raw(candidate.peerinfo),
        payload=raw(payload),
        identity=identity_of(candidate.user),
    ).frame()
    role = roles.role_by_grant(core, room, candidate)
    welcome, answer = _welcome(core, room, candidate, payload, role)
    told = [*members, candidate]
    core.out.check_way_to(told)
    _spend(core, payer, (len(news) + allowance.EACH) * len(members) + len(welcome), told)
    if candidate.peer_id in room.pending:
        pending = end_request(core, room, candidate, "accepted", None if payer is candidate else payer.peer_id)
        acks = pending.acks + (acks or [])
        remember_end(room, candidate, pending, OK)
    room.members[candidate.peer_id] = Member(core.state.now, since=core.state.number)
    candidate.rooms[room.key] = None
    core.notices.peer_joined(room, candidate, role)
    core.out.emit_one(candidate, welcome, RoomJoinAccept.KIND, keeping.is_over(room.key))
    core.out.ack(candidate, acks or [], answer)
    core.out.emit(members, news, RoomUserJoin.KIND, keeping.joined(room.key, candidate.peer_id))
    if role != "member":
        roles.give(core, room, candidate, role, None, untold=candidate.peer_id)


def wait_again(core: Context, room: Room, candidate: Peer, asked: Anywhere[events.RoomJoinRequest]) -> None:
    """A candidate sends its request again, since it may have missed an answer. Raises Refusal.

    Nobody is told, and what was asked on other sockets will not be answered there.
    """
    request = room.pending[candidate.peer_id]
    acks = [(conn, ack) for conn, ack in request.acks if conn == asked.conn]
    if len(acks) >= core.limits.pending_per_peer:
        raise Refusal(TOO_MANY, "You have asked for this room often enough, wait for its owner")
    request.acks = acks if asked.ack is None else [*acks, (asked.conn, asked.ack)]
    _tell_to_wait(core, room, candidate, asked)


def view_again(core: Context, peer: Peer, asked: Anywhere[events.RoomJoinRequest], created: bool) -> dict[str, Any]:
    """What the acceptance of a request says now: all of the room, if the peer is in it and was not just told that."""
    room = asked.room
    named = {"peer_id": peer.peer_id, "room": asked.room_name, **({"created": True} if created else {})}
    if room is None or peer.peer_id not in room.members or _was_shown(core, room, peer):
        return named
    welcome, answer = _welcome(core, room, peer, b"", created=created)
    try:
        _spend(core, peer, len(welcome), [peer])
    except Refusal:
        return named
    peer.viewed = {**(peer.viewed or {}), room.key: core.state.now}
    return answer


def _make(core: Context, peer: Peer, asked: Anywhere[events.RoomJoinRequest], acks: Acks) -> None:
    """There is no such room: make it, if that is wanted and the peer may. Raises Refusal."""
    may = peer.user is None or peer.user.grant(asked.room_name) in events.RoomCreateRequest.GRANTS
    if not asked.own.create or not may:
        raise Refusal(NOT_FOUND)
    room = make(core, peer, asked.room_name, asked.key)
    welcome, answer = _welcome(core, room, peer, asked.body, "owner", created=True)
    core.out.emit_one(peer, welcome, RoomJoinAccept.KIND, keeping.is_over(room.key))
    core.out.ack(peer, acks, answer)


def _needs_nobody(room: Room, candidate: Peer) -> bool:
    """Whether the candidate comes in without being asked for: by its grant, or because the room is open."""
    grant = candidate.user.grant(room.name) if candidate.user is not None else None
    if grant in ("moderate", "own"):
        return True
    return room.policy.admission == "open" or (grant == "enter" and room.policy.admission != "closed")


def _wait(core: Context, room: Room, candidate: Peer, asked: Anywhere[events.RoomJoinRequest], acks: Acks) -> None:
    """A host has to decide. Raises Refusal."""
    before = room.pending.get(candidate.peer_id)
    _check_room_for(core, room, candidate)
    _check_patience(core, room, candidate, before)
    request = Pending(asked.body, acks)
    if before is not None and core.state.now < before.reminder:
        _note_request(core, room, candidate, request)
    else:
        deciders = hosts(core, room)
        news = request_of(room, candidate, asked.body)
        core.out.check_way_to(deciders)
        frame = news.frame()
        _spend(core, candidate, UNASKED * (len(frame) + allowance.EACH) * len(deciders), deciders)
        _note_request(core, room, candidate, request)
        core.out.emit(deciders, frame, news.KIND, keeping.asked(room.key, candidate.peer_id))
    if candidate.version > 1:
        _tell_to_wait(core, room, candidate, asked)


def _tell_to_wait(core: Context, room: Room, candidate: Peer, asked: Anywhere[events.RoomJoinRequest]) -> None:
    wait = RoomJoinWait(room=room.name, text=room.policy.waiting_text)
    core.out.answer(candidate.gateway, asked.conn, [wait.frame()])


def _welcome(
    core: Context, room: Room, peer: Peer, payload: bytes, role: str = "", created: bool = False
) -> tuple[bytes, dict[str, Any]]:
    """The event for a member of a room, and the fields of its acknowledgement: all the same, unless it is much.

    ``role`` is what one who is not in yet will have.
    """
    named = {"peer_id": peer.peer_id, "room": room.name, **({"created": True} if created else {})}
    fields = {**named, **room_view(core, room, peer), **with_raw(payload=payload)}
    if role == "owner":
        fields["owner"] = peer.peer_id
    if "roles" in fields and role not in ("", "member"):
        fields["roles"] = _roles_with(fields["roles"], peer.peer_id, role)
    frame = RoomJoinAccept(**fields).frame()
    return frame, {"ok": True, **(fields if len(frame) <= MOST_REPEATED else named)}


def _roles_with(known: dict[str, str], peer_id: str, role: str) -> dict[str, str]:
    if role == "owner":
        known = dict.fromkeys(known, "moderator")
    return {**known, peer_id: role}


def _note_request(core: Context, room: Room, candidate: Peer, asked: Pending) -> None:
    before = room.pending.get(candidate.peer_id)
    if before is not None:
        asked.acks, asked.numbers = before.acks + asked.acks, before.numbers
        due = core.state.now >= before.reminder
        asked.reminder = core.state.now + REMINDER_INTERVAL if due else before.reminder
    else:
        core.notices.request_made(room, candidate)
    room.pending[candidate.peer_id] = asked
    candidate.asked[room.key] = None


def _show_again(core: Context, room: Room, peer: Peer, payload: bytes, acks: Acks) -> None:
    """A member asks who is in the room: it is told, but not all the time."""
    if _was_shown(core, room, peer):
        raise Refusal(TOO_MANY, "You are in this room, and have just been told who else is")
    welcome, answer = _welcome(core, room, peer, payload)
    core.out.check_way_to([peer])
    _spend(core, peer, len(welcome), [peer])
    peer.viewed = {**(peer.viewed or {}), room.key: core.state.now}
    core.out.emit_one(peer, welcome, RoomJoinAccept.KIND, keeping.is_over(room.key))
    core.out.ack(peer, acks, answer)


def _was_shown(core: Context, room: Room, peer: Peer) -> bool:
    """Whether a member that asks has just been told who is in the room."""
    viewed = peer.viewed.get(room.key) if peer.viewed else None
    return viewed is not None and core.state.now - viewed < VIEW_INTERVAL


def _check_patience(core: Context, room: Room, candidate: Peer, before: Pending | None) -> None:
    if before is not None:
        if max(len(before.acks), len(before.numbers)) >= core.limits.pending_per_peer:
            raise Refusal(TOO_MANY, "You have asked for this room often enough, wait for its owner")
        return
    if len(candidate.asked) >= core.limits.pending_per_peer:
        raise Refusal(TOO_MANY, "Too many join requests of yours are pending")
    if len(room.pending) >= core.limits.pending_per_room:
        raise Refusal(TOO_MANY, "Too many are waiting to join this room")


def _spend(core: Context, peer: Peer, size: int, told: list[Peer]) -> None:
    """Charge a peer for what it causes ``told`` to be told, unless it is too much. Raises Refusal."""
    allowance.spend(peer, size, core.state.now, core.limits, lambda: core.out.free_part(told))


def _candidate(core: Context, asked: InRoom[Any]) -> Peer:
    if asked.peer_id not in asked.room.pending:
        raise Refusal(NOT_PENDING)
    return core.state.peers[asked.peer_id]


def _check_room_for(core: Context, room: Room, candidate: Peer) -> None:
    if candidate.slow and candidate.kept_bytes > core.limits.kept_bytes:
        raise Refusal(TOO_MANY, "The peer has not read enough of what it was told")
    if len(room.members) >= room.policy.limit(core.limits.peers_per_room):
        raise Refusal(FULL, "The room is full")
    if len(candidate.rooms) >= core.limits.rooms_per_peer:
        raise Refusal(FULL, "The peer is in as many rooms as it may be")


def _answer_host(core: Context, host: Peer, asked: InRoom[Any]) -> None:
    if asked.ack is not None:
        core.out.ack(host, [(asked.conn, asked.ack)], {"ok": True, "room": asked.room_name, "peer_id": asked.peer_id})
