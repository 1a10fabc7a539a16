"""What a client has to say for an event to be well-formed, found in the declarations."""

import typing
from typing import Any

import msgspec

from shared.contract.events import EVENTS, PeerEvent


def whole(name: str, room: str = "r", peer: str = "p") -> dict[str, Any]:
    """The fields that an event needs, and no others; none if there is no such event."""
    event = EVENTS.get(name)
    if event is None:
        return {}
    fields: dict[str, Any] = {need: 1 for need in event.NEEDS if need not in ("room", "peer")}
    fields |= {"room": room} if "room" in event.NEEDS else {}
    fields |= {"to": peer} if issubclass(event, PeerEvent) else {}
    return fields | {field.name: _some(field.type) for field in msgspec.structs.fields(event) if field.required}


def _some(kind: Any) -> Any:
    """A value of a type."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Literal else {}
