"""An event's own fields on their way through the log: JSON of those that differ from what is left out.

They are declared in ``shared/contract/events.py``; the room, the peer and the payload have places of their own in an
entry. Whoever reads the log checks types and bounds again, since it was another process that wrote it.
"""

import functools
from typing import Any

import msgspec

from shared.contract.events import EVENTS, ClientEvent

_TROUBLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_encode = msgspec.json.Encoder().encode


def pack(event: ClientEvent) -> bytes:
    """The event's own fields; empty if all of them are left out."""
    if not event.OWN:
        return b""
    declared = _declared(type(event))
    fields = {key: value for name, key, default in declared if (value := getattr(event, name)) != default}
    return _encode(fields) if fields else b""


def unpack(name: str, fields: bytes) -> ClientEvent | None:
    """The event of that name, with its own fields alone; None if they cannot be right."""
    return _blank(name) if not fields or not EVENTS[name].OWN else _read(EVENTS[name], fields)


@functools.cache
def _blank(name: str) -> ClientEvent | None:
    return _read(EVENTS[name], b"{}")


def _read(cls: type[ClientEvent], fields: bytes) -> ClientEvent | None:
    try:
        event = _decoder(cls).decode(fields)
        fields.decode()  # where it is any JSON, nobody has looked whether it is UTF-8
    except _TROUBLE:
        return None
    bodies = (getattr(event, name) for name in cls.NEEDS if name in cls.OWN and name in cls.BODIES)
    return event if all(map(len, bodies)) else None


@functools.cache
def _decoder(cls: type[ClientEvent]) -> msgspec.json.Decoder[ClientEvent]:
    return msgspec.json.Decoder(cls)


@functools.cache
def _declared(cls: type[ClientEvent]) -> list[tuple[str, str, Any]]:
    """The names of its own fields here and in JSON, and what they are when they are left out."""
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    return [(name, fields[name].encode_name, fields[name].default) for name in cls.OWN]
