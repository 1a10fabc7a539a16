"""The rules of the rooms: one function for each client event. Each checks first and changes afterwards."""

from collections.abc import Callable

from broker.core.context import Context
from broker.core.rules import admission, relay, rooms
from broker.core.state import Peer
from shared.contract.events import (
    RelayIceCandidate,
    RelaySessionDescription,
    RoomCreateRequest,
    RoomJoinAccept,
    RoomJoinReject,
    RoomJoinRequest,
    RoomLeaveRequest,
)
from shared.envelopes.entries import Said

Rule = Callable[[Context, Peer, Said], None]

RULES: dict[str, Rule] = {
    RoomCreateRequest.NAME: rooms.create,
    RoomLeaveRequest.NAME: rooms.leave,
    RoomJoinRequest.NAME: admission.ask,
    RoomJoinAccept.NAME: admission.accept,
    RoomJoinReject.NAME: admission.reject,
    RelaySessionDescription.NAME: relay.pass_on,
    RelayIceCandidate.NAME: relay.pass_on,
}
