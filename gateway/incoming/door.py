"""The door: turns what a client sent into a well-formed event, or refuses it. Pure."""

import array
import itertools
import re
from typing import Any

import msgspec

from gateway.incoming.sizes import Sizes
from shared.contract.events import ABSENT, EVENTS, NULL, AuthRequest, ClientEvent, PeerEvent, RoomEvent, known
from shared.contract.refusals import BAD_REQUEST, TOO_LARGE, Refusal

MAX_DEPTH = 64  # of JSON; recipients may be written in languages that recurse
MAX_PEER_ID = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# CPython's json refuses integers longer than this, so one would break a recipient written in Python
MAX_DIGITS = 4300
_DIGITS = b"0123456789"
_NEITHER = bytes(set(range(256)) - set(b"[]{}"))  # what is no bracket
_STEPS = bytes.maketrans(b"[{]}", b"\1\1\xff\xff")  # one deeper, or as a signed byte one less


class _Loose(msgspec.Struct):
    """What can be said about an event that is not well-formed."""

    auth: Any = None
    room: Any = None
    peer_id: Any = None
    payload: msgspec.Raw = ABSENT


_DECODERS: dict[str, msgspec.json.Decoder[ClientEvent]] = {
    name: msgspec.json.Decoder(event) for name, event in EVENTS.items()
}
_LOOSE = msgspec.json.Decoder(_Loose)
_NULL = msgspec.Raw(NULL)
_BARE_STRING = msgspec.json.Decoder(str)


def read(name: str, body: msgspec.Raw | None, sizes: Sizes) -> ClientEvent:
    """The event that a client means. Raises Refusal: bad-request or too-large."""
    event = decode(name, body)
    check(event, sizes)
    return event


def decode(name: str, body: msgspec.Raw | None, version: int = 1) -> ClientEvent:
    """An event whose fields have the right types, which takes little. Raises Refusal: bad-request.

    For a client of an earlier ``version`` of the contract there is no such event.
    """
    if known(name, version) is None:
        raise Refusal(BAD_REQUEST, "There is no such event")
    return _decode(_DECODERS[name], name, body)


def check(event: ClientEvent, sizes: Sizes) -> None:
    """Check what an event carries, once its sender may send it. Raises Refusal: bad-request or too-large."""
    for field, body in event.BODIES.items():
        raw = getattr(event, field)
        if len(raw):
            _check_body(field, raw, getattr(sizes, body.limit))
    _check_needs(event)
    if isinstance(event, RoomEvent):
        _check_room(event.room, sizes.max_room_name)


def peer_named(event: PeerEvent) -> str:
    """The peer that ``to`` and ``peer_id`` name. Raises Refusal when they differ."""
    if event.to and event.peer_id and event.to != event.peer_id:
        raise Refusal(BAD_REQUEST, "to and peer_id name different peers")
    return event.to or event.peer_id or ""


def auth_of(body: msgspec.Raw | None) -> Any:
    """The ``auth`` field of an event that may not be well-formed. Raises Refusal when it is not JSON."""
    try:
        return _LOOSE.decode(body).auth if body is not None else None
    except msgspec.ValidationError:
        return None
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise Refusal(BAD_REQUEST, "The fields cannot be read") from None


def known_of(body: msgspec.Raw | None, sizes: Sizes) -> dict[str, Any]:
    """What of an event that is not well-formed can be given back to its sender: room, peer_id, payload."""
    loose = _loose(body)
    known: dict[str, Any] = {}
    if isinstance(loose.room, str) and len(loose.room) <= sizes.max_room_name:
        known["room"] = loose.room
    if isinstance(loose.peer_id, str) and len(loose.peer_id) <= MAX_PEER_ID:
        known["peer_id"] = loose.peer_id
    if 0 < len(loose.payload) <= sizes.max_payload:
        known["payload"] = loose.payload
    return known


def _decode(decoder: msgspec.json.Decoder[ClientEvent], name: str, body: msgspec.Raw | None) -> ClientEvent:
    if body is None:
        body = msgspec.Raw(b"{}")
    try:
        if name == AuthRequest.NAME and bytes(body)[:1] == b'"':
            # the original's document shows an app token alone as the argument
            return AuthRequest(token=_BARE_STRING.decode(body))
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(BAD_REQUEST, str(error)[:200]) from None
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise Refusal(BAD_REQUEST, "The fields cannot be read") from None


def _loose(body: msgspec.Raw | None) -> _Loose:
    try:
        return _LOOSE.decode(body) if body is not None else _Loose()
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return _Loose()


def _check_body(field: str, raw: msgspec.Raw, limit: int) -> None:
    if len(raw) > limit:
        raise Refusal(TOO_LARGE, f"{field} is larger than {limit} bytes")
    data = bytes(raw)
    if not _is_flat(data) and data.count(b"[") + data.count(b"{") > MAX_DEPTH and depth(data) > MAX_DEPTH:
        raise Refusal(BAD_REQUEST, f"{field} is nested more than {MAX_DEPTH} deep")
    if has_huge_number(data):
        raise Refusal(BAD_REQUEST, f"{field} holds a number that is too long")


def _is_flat(data: bytes) -> bool:
    """Whether JSON is one object at most, with nothing in it that is nested. Seen faster than brackets are counted."""
    return data.find(b"{", 1) < 0 and data.find(b"[") < 0


def depth(data: bytes) -> int:
    """How deep well-formed JSON is nested. Without recursion, and without decoding numbers that may be out of range."""
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"")  # no quote is escaped any more
    outside = b"".join(plain.split(b'"')[::2])
    steps = array.array("b", outside.translate(_STEPS, _NEITHER))
    return max(itertools.accumulate(steps), default=0)


def has_huge_number(data: bytes) -> bool:
    """Whether there are too many digits in a row: those would lie across a mark, as far apart as that is long."""
    for mark in range(MAX_DIGITS - 1, len(data), MAX_DIGITS):
        before, after = data[mark - MAX_DIGITS + 1 : mark + 1], data[mark + 1 : mark + MAX_DIGITS]
        digits = len(before) - len(before.rstrip(_DIGITS))
        if digits and digits + len(after) - len(after.lstrip(_DIGITS)) >= MAX_DIGITS:
            return True
    return False


def _check_needs(event: ClientEvent) -> None:
    for field in event.NEEDS:
        if field == "peer":
            if not isinstance(event, PeerEvent) or not 0 < len(peer_named(event)) <= MAX_PEER_ID:
                raise Refusal(BAD_REQUEST, "peer_id is missing or too long")
        elif field == "room":
            if not getattr(event, field):
                raise Refusal(BAD_REQUEST, "room is missing")
        elif len(raw := getattr(event, field)) == 0 or (raw == _NULL and not event.BODIES[field].null):
            raise Refusal(BAD_REQUEST, f"{field} is missing")


def _check_room(room: str | None, limit: int) -> None:
    if room and len(room) > limit:
        raise Refusal(TOO_LARGE, f"A room name has at most {limit} characters")
    if room and _CONTROL.search(room):
        raise Refusal(BAD_REQUEST, "A room name has no control characters")
