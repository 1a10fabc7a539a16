"""What operators read of the state: rooms, members, bans, apps, revoked users. Pure; every answer is bounded."""

import heapq
import itertools
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from broker.core.bans import in_force
from broker.core.limits import Limits
from broker.core.rights import role_of
from broker.core.state import Ban, Peer, RevokedUser, Room, State
from broker.core.users import key_of
from shared.envelopes.admin import (
    AppLine,
    BanLine,
    BanList,
    CandidateLine,
    MemberLine,
    RevocationLine,
    RevocationPage,
    RoomLine,
    RoomPage,
    UserLine,
    WholeRoom,
)
from shared.envelopes.notices import NoticeId
from shared.envelopes.policy import Policy

MOST_BYTES = 384 * 1024  # of the lines in one list, whatever they say; an answer has two at most
MOST_PEERS = 1000  # members of a room in one answer, and as many candidates

L = TypeVar("L", bound=msgspec.Struct)


def rooms(state: State, limits: Limits, after: str, limit: int, noticed: NoticeId | None = None) -> RoomPage:
    """The rooms behind that key, in the order of their keys. ``noticed`` is the newest notice of this state."""
    keys = heapq.nsmallest(limit, (key for key in state.rooms if key > after))
    lines = _first(_room_line(state, limits, state.rooms[key]) for key in keys)
    return RoomPage(lines, len(state.rooms), state.position, _shown(noticed))


def whole_room(state: State, limits: Limits, room: Room, noticed: NoticeId | None = None) -> WholeRoom:
    """One room, with its members and candidates."""
    line = _room_line(state, limits, room)
    members = [state.peers[peer_id] for peer_id in itertools.islice(room.members, MOST_PEERS)]
    waiting = [state.peers[peer_id] for peer_id in itertools.islice(room.pending, MOST_PEERS)]
    return WholeRoom(
        **{name: getattr(line, name) for name in line.__struct_fields__},
        members=_first(_member_line(room, peer) for peer in members),
        candidates=_first(_candidate_line(peer) for peer in waiting),
        position=state.position,
        notices_after=_shown(noticed),
    )


def policy(limits: Limits, room: Room) -> Policy:
    """How a room is governed, with the server's limit where the room has none of its own."""
    return msgspec.structs.replace(room.policy, max_peers=room.policy.limit(limits.peers_per_room))


def bans(state: State, room: Room) -> BanList:
    """Who is banned from a room now."""
    return BanList([_ban_line(ban) for ban in in_force(room, state.now)])


def apps(state: State, after: str, limit: int) -> dict[str, AppLine]:
    """The apps behind that name, in the order of their names."""
    names = heapq.nsmallest(limit, (name for name in state.apps if name > after))
    return {name: AppLine(state.apps[name].issued, state.apps[name].revoked) for name in names}


def revocations(state: State, app: str, after: str, limit: int) -> RevocationPage:
    """The revoked users of an app behind that id, in the order of their ids."""
    found = (known for known in state.revoked_users.values() if known.app == app and known.id > after)
    alive = (known for known in found if known.forget > state.now)
    lines = heapq.nsmallest(limit, alive, key=lambda known: known.id)
    return RevocationPage(_first(RevocationLine(known.id, known.until, known.forget) for known in lines))


def revocation(state: State, app: str, user_id: str) -> RevokedUser | None:
    """What is remembered of a revoked user; None if nothing counts any more."""
    known = state.revoked_users.get(key_of(app, user_id))
    return known if known is not None and known.forget > state.now else None


def _first(lines: Iterable[L]) -> list[L]:
    """As many lines as fit into an answer."""
    taken = list(lines)
    ends = itertools.accumulate(len(msgspec.msgpack.encode(line)) for line in taken)
    return [line for line, end in zip(taken, ends, strict=True) if end <= MOST_BYTES]


def _shown(noticed: NoticeId | None) -> str | None:
    return None if noticed is None else str(noticed)


def _room_line(state: State, limits: Limits, room: Room) -> RoomLine:
    return RoomLine(
        key=room.key,
        room=room.name,
        owner=room.owner,
        peers=len(room.members),
        pending=len(room.pending),
        created=room.created,
        policy=policy(limits, room),
        bans=len(in_force(room, state.now)),
    )


def _candidate_line(peer: Peer) -> CandidateLine:
    return CandidateLine(peer.peer_id, peer.app, not peer.conn, user_line(peer))


def _member_line(room: Room, peer: Peer) -> MemberLine:
    return MemberLine(
        peer_id=peer.peer_id,
        app=peer.app,
        absent=not peer.conn,
        identity=user_line(peer),
        role=role_of(room, peer.peer_id),
        joined=room.members[peer.peer_id].joined,
    )


def user_line(peer: Peer) -> UserLine | None:
    """Who a peer is; None for an anonymous one."""
    return None if peer.user is None else UserLine(peer.user.id, peer.user.name)


def _ban_line(ban: Ban) -> BanLine:
    identity = UserLine(ban.user_id, ban.name) if ban.user_id else None
    return BanLine(ban.until, ban.by_owner, identity, ban.peer_id or None)
