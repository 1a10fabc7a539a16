"""Notices in the making: what the rules say of what happens, gathered while a message of the log is applied.

Whether there are any stands in the log, so that every broker says the same. While there are none, the rules' calls do
nothing.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from broker.core.state import Peer, Room, State
from shared.envelopes.admin import UserLine
from shared.envelopes.levels import LIFE
from shared.envelopes.notices import (
    Decision,
    IdentityRevoked,
    Leaving,
    Notice,
    NoticesLost,
    PeerJoined,
    PeerKicked,
    PeerLeft,
    PeerRole,
    RequestDecided,
    RequestMade,
    RoleName,
    RoomClosed,
    RoomCreated,
    RoomEnd,
    RoomOwner,
    RoomPolicy,
)
from shared.envelopes.policy import Policy

NONE: Sequence[Notice] = ()


class Notices:
    """What has been said since ``take`` was called last; nothing unless it is ``on``."""

    def __init__(self, state: State) -> None:
        self._said: list[Notice] = []
        self.adopt(state)

    def adopt(self, state: State) -> None:
        """Continue with this state."""
        self._state = state
        self.on = self._are_wanted()

    def switch(self, first: bool = False) -> None:
        """The level or the limits have changed. Unless they are the ``first`` limits, notices may be missing so far."""
        was_on, self.on = self.on, self._are_wanted()
        if self.on and not was_on and not first:
            self._said.append(NoticesLost(time=self._time, app="", room=None, key=None))

    def take(self) -> Sequence[Notice]:
        """What was said, in order."""
        if not self._said:
            return NONE
        said, self._said = self._said, []
        self._state.noticed = (self._state.position, len(said) - 1)
        return said

    def room_created(self, room: Room, owner: Peer) -> None:
        if self.on:
            self._say_of_peer(RoomCreated, room, owner, policy=self._policy_of(room))

    def room_closed(self, room: Room, reason: RoomEnd, by: str | None) -> None:
        if self.on:
            self._say_of_room(RoomClosed, room, reason=reason, by=by, seconds=self._since(room.created))

    def room_owner(self, room: Room, owner: Peer, before: str, by: str | None) -> None:
        if self.on:
            self._say_of_peer(RoomOwner, room, owner, before=before, by=by)

    def room_policy(self, room: Room, by: str | None) -> None:
        if self.on:
            self._say_of_room(RoomPolicy, room, policy=self._policy_of(room), by=by)

    def peer_joined(self, room: Room, peer: Peer, role: RoleName) -> None:
        if self.on:
            self._say_of_peer(PeerJoined, room, peer, role=role)

    def peer_left(self, room: Room, peer: Peer, reason: Leaving) -> None:
        """To be said while the room still knows when the peer came in."""
        if self.on:
            seconds = self._since(room.members[peer.peer_id].joined)
            self._say_of_peer(PeerLeft, room, peer, reason=reason, seconds=seconds)

    def peer_kicked(self, room: Room, peer: Peer, by: str | None, until: float | bool | None) -> None:
        if self.on:
            self._say_of_peer(PeerKicked, room, peer, by=by, banned_until=until)

    def peer_role(self, room: Room, peer: Peer, role: RoleName, by: str | None) -> None:
        if self.on:
            self._say_of_peer(PeerRole, room, peer, role=role, by=by)

    def request_made(self, room: Room, candidate: Peer) -> None:
        if self.on:
            self._say_of_peer(RequestMade, room, candidate)

    def request_decided(self, room: Room, candidate: Peer, decision: Decision, by: str | None) -> None:
        if self.on:
            self._say_of_peer(RequestDecided, room, candidate, decision=decision, by=by)

    def identity_revoked(self, app: str, user_id: str, until: int) -> None:
        if self.on:
            notice = IdentityRevoked(time=self._time, app=app, room=None, key=None, identity=user_id, until=until)
            self._said.append(notice)

    def _say_of_peer(self, kind: type[Notice], room: Room, peer: Peer, **fields: Any) -> None:
        user = None if peer.user is None else UserLine(peer.user.id, peer.user.name)
        who: dict[str, Any] = {"peer_id": peer.peer_id, "identity": user}
        self._said.append(kind(time=self._time, app=peer.app, room=room.name, key=room.key, **who, **fields))

    def _say_of_room(self, kind: type[Notice], room: Room, **fields: Any) -> None:
        """The owner is there as long as its room is, and a moment longer."""
        app = self._state.peers[room.owner].app
        self._said.append(kind(time=self._time, app=app, room=room.name, key=room.key, **fields))

    def _policy_of(self, room: Room) -> Policy:
        """As operators and clients get it, with the server's limit where the room has none of its own."""
        assert self._state.limits is not None  # noqa: S101 - for the type checker: there are no notices without
        return msgspec.structs.replace(room.policy, max_peers=room.policy.limit(self._state.limits.peers_per_room))

    def _are_wanted(self) -> bool:
        limits = self._state.limits
        return limits is not None and limits.notices and self._state.level >= LIFE

    @property
    def _time(self) -> int:
        return round(self._state.now * 1000)

    def _since(self, time: float) -> float:
        return round(self._state.now - time, 3)
