"""The rules of the rooms: one function for each client event. Each checks first and changes afterwards.

That its sender has the right to send it has been checked before (``broker/core/rights.py``).
"""

from collections.abc import Callable
from typing import Any

from broker.core.asked import Asked
from broker.core.context import Context
from broker.core.rules import admission, data, messages, moderation, presence, relay, rooms
from broker.core.state import Peer
from shared.contract.events import (
    EVENTS,
    AuthRequest,
    PeerUpdateRequest,
    RelayIceCandidate,
    RelaySessionDescription,
    RoomCloseRequest,
    RoomCreateRequest,
    RoomDataRequest,
    RoomJoinAccept,
    RoomJoinCancel,
    RoomJoinReject,
    RoomJoinRequest,
    RoomKickRequest,
    RoomLeaveRequest,
    RoomMessageRequest,
    RoomPolicyRequest,
    RoomRoleRequest,
    RoomUnbanRequest,
)

EventRule = Callable[[Context, Peer, Asked[Any, Any]], None]

RULES: dict[str, EventRule] = {
    RoomCreateRequest.NAME: rooms.create,
    RoomLeaveRequest.NAME: rooms.leave,
    RoomJoinRequest.NAME: admission.ask,
    RoomJoinCancel.NAME: admission.cancel,
    RoomJoinAccept.NAME: admission.accept,
    RoomJoinReject.NAME: admission.reject,
    RelaySessionDescription.NAME: relay.pass_on,
    RelayIceCandidate.NAME: relay.pass_on,
    RoomRoleRequest.NAME: moderation.give_role,
    RoomKickRequest.NAME: moderation.kick,
    RoomUnbanRequest.NAME: moderation.unban,
    RoomPolicyRequest.NAME: moderation.change_policy,
    RoomCloseRequest.NAME: moderation.close,
    RoomMessageRequest.NAME: messages.send,
    RoomDataRequest.NAME: data.change,
    PeerUpdateRequest.NAME: presence.update,
}

if _odd := (EVENTS.keys() - {AuthRequest.NAME}) ^ RULES.keys():
    raise TypeError(f"{', '.join(sorted(_odd))}: an event needs a rule, and a rule its event")
