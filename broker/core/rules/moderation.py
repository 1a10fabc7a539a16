"""What hosts do: give roles, put somebody out, ban, change the policy, close the room."""

from typing import Any

from broker.core import allowance, bans, keeping, life
from broker.core.asked import InRoom
from broker.core.context import Context
from broker.core.rights import check_rank
from broker.core.rules import roles, rooms
from broker.core.rules.admission import let_in_all
from broker.core.rules.requests import end_request, turn_away
from broker.core.rules.views import others
from broker.core.state import Ban, Peer, Room
from shared.contract import events
from shared.contract.refusals import BAD_REQUEST, BANNED, FORBIDDEN, NOT_MEMBER, REJECTED, Refusal
from shared.contract.told import RoomKicked, RoomPolicy
from shared.envelopes.policy import PolicyChange

FOR_GOOD = -1  # seconds of a ban that lasts as long as the room


def give_role(core: Context, owner: Peer, asked: InRoom[events.RoomRoleRequest]) -> None:
    """The owner gives a member another role. Giving the role that it has is done already."""
    room, role = asked.room, asked.own.role
    if asked.peer_id not in room.members:
        raise Refusal(NOT_MEMBER)
    if asked.peer_id == owner.peer_id and role != "owner":
        raise Refusal(FORBIDDEN, "A room has an owner: make somebody else the owner")
    peer = core.state.peers[asked.peer_id]
    has = "owner" if peer is owner else room.members[asked.peer_id].role
    if has != role:
        _charge_for_all(core, owner, room)
        roles.give(core, room, peer, role, owner.peer_id)
    _answer(core, owner, asked, peer_id=asked.peer_id, role=role)


def kick(core: Context, host: Peer, asked: InRoom[events.RoomKickRequest]) -> None:
    """A host puts somebody out, and keeps it out if it says so."""
    room, ban = asked.room, asked.own.ban
    seconds = FOR_GOOD if ban is True else int(ban)
    peer = core.state.peers.get(asked.peer_id)
    if peer is None or not (peer.peer_id in room.members or (seconds and peer.peer_id in room.pending)):
        raise Refusal(NOT_MEMBER)
    for other in _same(core, room, peer) if seconds else [peer]:
        check_rank(room, host.peer_id, other.peer_id)
    _charge_for_all(core, host, room)
    until = put_out(core, room, peer, host.peer_id, seconds, asked.own.text)
    _answer(core, host, asked, peer_id=asked.peer_id, banned_until=until)


def put_out(core: Context, room: Room, peer: Peer, by: str | None, seconds: int, text: str) -> float | bool | None:
    """Put a peer out of a room, or out of its waiting line. ``by`` is a host; None for an operator. Raises Refusal.

    ``seconds`` of a ban, or FOR_GOOD; 0: none. It holds for all peers of the same identity, so all of those go. Returns
    until when it lasts, as in RoomKicked.
    """
    ban = bans.put(room, peer, by, None if seconds == FOR_GOOD else seconds, core.state.now) if seconds else None
    banned = [other for other in _same(core, room, peer) if bans.is_banned(room, other, core.state.now)]
    for other in [peer, *(other for other in banned if other is not peer)]:
        _tell_kicked(core, room, other, by, text, _until(ban))
        if other.peer_id in room.pending:
            pending = end_request(core, room, other, "rejected", by)
            turn_away(core, room, other, pending, Refusal(BANNED if ban else REJECTED), b"")
        else:
            rooms.take_out(core, room, [other], "kicked")
    return _until(ban)


def unban(core: Context, host: Peer, asked: InRoom[events.RoomUnbanRequest]) -> None:
    """One who was banned may ask again."""
    if not asked.own.id and not asked.peer_id:
        raise Refusal(BAD_REQUEST, "id or peer_id is missing")
    bans.lift(asked.room, asked.own.id or "", asked.peer_id, by_owner=asked.room.owner == host.peer_id)
    named = {"id": asked.own.id} if asked.own.id else {"peer_id": asked.peer_id}
    _answer(core, host, asked, **named)


def change_policy(core: Context, host: Peer, asked: InRoom[events.RoomPolicyRequest]) -> None:
    """A host changes how the room is governed."""
    _charge_for_all(core, host, asked.room)
    set_policy(core, asked.room, asked.own.policy, host)
    _answer(core, host, asked, policy=asked.room.policy.shown(core.limits.peers_per_room))


def set_policy(core: Context, room: Room, change: PolicyChange, host: Peer | None) -> None:
    """Change a policy, and let in who waits for what is open now. ``host`` is None for an operator."""
    policy = change.on(room.policy)
    if policy == room.policy:
        return
    opened = policy.admission == "open" != room.policy.admission
    room.policy = policy
    life.bound_history(core, room)
    core.notices.room_policy(room, host.peer_id if host is not None else None)
    shown = policy.shown(core.limits.peers_per_room)
    news = RoomPolicy(room=room.name, policy=shown, by=host.peer_id if host is not None else None)
    core.out.tell(others(core, room, ""), news, keeping.governed(room.key))
    if opened:
        let_in_all(core, room, host or core.state.peers[room.owner])


def close(core: Context, owner: Peer, asked: InRoom[events.RoomCloseRequest]) -> None:
    """The owner ends the room for everybody."""
    _charge_for_all(core, owner, asked.room)
    rooms.close(core, asked.room, "owner", owner.peer_id, asked.own.text)
    _answer(core, owner, asked)


def _same(core: Context, room: Room, peer: Peer) -> list[Peer]:
    """All peers in a room, or waiting for it, that are of the same identity."""
    key = bans.key_of(peer)
    near = [core.state.peers[peer_id] for peer_id in (*room.members, *room.pending)]
    return [other for other in near if bans.key_of(other) == key]


def _tell_kicked(core: Context, room: Room, peer: Peer, by: str | None, text: str, until: float | bool | None) -> None:
    core.notices.peer_kicked(room, peer, by, until)
    core.out.tell([peer], RoomKicked(room=room.name, by=by, text=text, banned_until=until))
    if peer.version == 1 and peer.peer_id in room.members:
        rooms.tell_of_end(core, room, peer)


def _until(ban: Ban | None) -> float | bool | None:
    if ban is None:
        return None
    return True if ban.until is None else ban.until


def _charge_for_all(core: Context, peer: Peer, room: Room) -> None:
    """Charge a host for what all members are told because of it. Raises Refusal."""
    told = others(core, room, "")
    core.out.check_way_to(told)
    size = allowance.EACH * 2 * len(told)
    allowance.spend(peer, size, core.state.now, core.limits, lambda: core.out.free_part(told))


def _answer(core: Context, host: Peer, asked: InRoom[Any], **fields: Any) -> None:
    if asked.ack is not None:
        core.out.ack(host, [(asked.conn, asked.ack)], {"ok": True, "room": asked.room_name, **fields})
