"""Roles: the owner, moderators, members; and who becomes the owner."""

import msgspec

from broker.core import keeping
from broker.core.context import Context
from broker.core.rights import RoleOf, is_host
from broker.core.rules.requests import tell_pending
from broker.core.rules.views import others
from broker.core.state import Peer, Role, Room
from shared.contract.told import RoomOwner, RoomRole


def role_by_grant(core: Context, room: Room, peer: Peer) -> RoleOf:
    """The role that a peer has when it comes in: what its grant says, but nobody takes a room from an equal."""
    grant = peer.user.grant(room.name) if peer.user is not None else None
    if grant != "own":
        return "moderator" if grant == "moderate" else "member"
    owner = core.state.peers[room.owner]
    return "moderator" if owner.user is not None and owner.user.grant(room.name) == "own" else "owner"


def give(core: Context, room: Room, peer: Peer, role: RoleOf, by: str | None, untold: str = "") -> None:
    """A member gets another role. All members are told, but one who knows it already.

    With ``owner`` the one before becomes a moderator. A new host is asked to decide on those who wait.
    """
    was_host = is_host(room, peer.peer_id)
    if role == "owner":
        before, room.owner = room.owner, peer.peer_id
        core.notices.room_owner(room, peer, before, by)
        _set(room, peer.peer_id, "member")
        _tell(core, room, peer.peer_id, role, by, untold)
        if before in room.members:
            _set(room, before, "moderator")
            _tell(core, room, before, "moderator", by, untold)
    else:
        _set(room, peer.peer_id, "moderator" if role == "moderator" else "member")
        _tell(core, room, peer.peer_id, role, by, untold)
    if role != "member" and not was_host:
        tell_pending(core, room, peer)


def pass_on_ownership(core: Context, room: Room) -> None:
    """The owner has gone: the eldest moderator is the owner now, or else the eldest member."""
    moderators = (peer_id for peer_id, member in room.members.items() if member.role == "moderator")
    heir = next(moderators, next(iter(room.members)))
    give(core, room, core.state.peers[heir], "owner", None)


def _set(room: Room, peer_id: str, role: Role) -> None:
    if room.members[peer_id].role != role:
        room.members[peer_id] = msgspec.structs.replace(room.members[peer_id], role=role)


def _tell(core: Context, room: Room, peer_id: str, role: RoleOf, by: str | None, untold: str) -> None:
    if peer_id != untold:
        core.notices.peer_role(room, core.state.peers[peer_id], role, by)
    told = others(core, room, untold)
    news = RoomRole(room=room.name, peer_id=peer_id, role=role, by=by)
    core.out.tell(told, news, keeping.has_role(room.key, peer_id))
    if role == "owner":
        core.out.tell(told, RoomOwner(room=room.name, peer_id=peer_id), keeping.owned(room.key))
