"""What a client reads: Engine.IO message frames that carry Socket.IO events and acknowledgements, encoded once.

A frame is UTF-8 text as bytes, ready for a WebSocket; no process between its encoder and the socket looks inside.
"""

import functools
from typing import Any

import msgspec

from shared.contract.events import EVENTS, AuthRequest, known
from shared.contract.refusals import UNAUTHORIZED, Refusal
from shared.contract.told import REFUSALS, RELAY_STARTS, Refused, RequestReject, Unauthorized

_encode = msgspec.json.Encoder().encode


def ack_frame(ack: int, fields: dict[str, Any]) -> bytes:
    """The answer to the acknowledgement ``ack`` that a client asked for."""
    return b"43%d[%s]" % (ack, _encode(fields))


def refusal_frames(
    event: str, refusal: Refusal, ack: int | None, fields: dict[str, Any], version: int = 1
) -> list[bytes]:
    """The refusing event that belongs to ``event``, and the acknowledgement if one was asked for."""
    return refused(event, refusal, fields, version).frames(ack)


def refused(event: str, refusal: Refusal, fields: dict[str, Any], version: int = 1) -> Refused:
    """The refusing event that belongs to ``event``.

    ``fields`` are what is known of the request: room, peer_id, payload. ``version`` is what the client asked for.
    """
    if refusal.code == UNAUTHORIZED.code and event != AuthRequest.NAME:
        return Unauthorized(code=refusal.code, message=refusal.message)
    declared = known(event, version)
    kind = REFUSALS[declared.REFUSED_AS] if declared is not None else RequestReject
    named: dict[str, Any] = {"event": event} if kind is RequestReject else {}
    return kind(**named, **refusal.fields(), **fields)


def with_raw(**bodies: bytes) -> dict[str, msgspec.Raw]:
    """Fields whose values are encoded JSON already; the empty ones are left out."""
    return {name: msgspec.Raw(body) for name, body in bodies.items() if body}


class _Payload(msgspec.Struct):
    payload: msgspec.Raw = msgspec.Raw(b"")


_decode_payload = msgspec.json.Decoder(tuple[str, _Payload]).decode


def payload_of(frame: bytes) -> bytes:
    """The ``payload`` in an event frame, still encoded; empty if there is none, or the frame cannot be read."""
    try:
        return bytes(_decode_payload(memoryview(frame)[2:])[1].payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return b""


_decode_any = msgspec.json.Decoder(msgspec.Raw).decode


def is_json(data: bytes) -> bool:
    """Whether this is one JSON value, and UTF-8."""
    try:
        _decode_any(data)
        data.decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True


@functools.lru_cache(maxsize=2048)
def relay_start(event: str, room: str, peer_id: str) -> bytes:
    """How the frame begins that a client's relay becomes, as far as the server says it; empty for other events."""
    declared = EVENTS.get(event)
    if declared is None or not declared.RELAYED_AS:
        return b""
    stamped = _encode({"room": room, "peer_id": peer_id, declared.BODY: None})
    return b'42["%s",%s' % (declared.RELAYED_AS.encode(), stamped.removesuffix(b"null}"))


def relay_frame(
    event: str, room: str, peer_id: str, body: bytes | msgspec.Raw, peerinfo: bytes, payload: bytes | msgspec.Raw
) -> bytes:
    """The whole frame of a relay, from the name of the client's event: as its declaration would be encoded, sooner."""
    parts: list[Any] = [relay_start(event, room, peer_id), body]
    if peerinfo:
        parts += (b',"peerinfo":', peerinfo)
    if len(payload):
        parts += (b',"payload":', payload)
    parts.append(b"}]")
    return b"".join(parts)


class _Stamped(msgspec.Struct):
    room: str
    peer_id: str


_RELAY_OF = {event.RELAYED_AS: name for name, event in EVENTS.items() if event.RELAYED_AS}
_decode_stamped = msgspec.json.Decoder(tuple[str, _Stamped]).decode


def can_be_read(frame: bytes) -> bool:
    """Whether a relay is whole, and says in no second place who it is from. Other frames are made by the broker.

    Its start is all that the broker has looked at; the rest is as another gateway wrote it.
    """
    if not frame.startswith(RELAY_STARTS):
        return True
    try:
        name, stamped = _decode_stamped(frame[2:])
        if not frame.isascii():
            frame.decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return frame.startswith(relay_start(_RELAY_OF[name], stamped.room, stamped.peer_id))
