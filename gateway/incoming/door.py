"""The door: turns what a client sent into a well-formed event, or refuses it. Pure."""

import array
import functools
import itertools
import re
from typing import Any

import msgspec

from gateway.incoming.sizes import Sizes
from gateway.transport.engineio.socket import Argument
from shared.contract.events import ABSENT, NEWEST, NULL, AuthRequest, ClientEvent, Number, PeerEvent, RoomEvent, known
from shared.contract.refusals import BAD_REQUEST, TOO_LARGE, Refusal

MAX_DEPTH = 64  # of JSON; recipients may be written in languages that recurse
MAX_PEER_ID = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# CPython's json refuses integers longer than this, so one would break a recipient written in Python
MAX_DIGITS = 4300
_DIGITS = b"0123456789"
_BRACKET = ord("[")
_NEITHER = bytes(set(range(256)) - set(b"[]{}"))  # what is no bracket
_STEPS = bytes.maketrans(b"[{]}", b"\1\1\xff\xff")  # one deeper, or as a signed byte one less


class _Loose(msgspec.Struct):
    """What can be said about an event that is not well-formed."""

    auth: Any = None
    room: Any = None
    peer_id: Any = None
    payload: msgspec.Raw = ABSENT


_LOOSE = msgspec.json.Decoder(_Loose)
_NULL = msgspec.Raw(NULL)
_NUMBER = msgspec.json.Decoder(Number)
_BARE_STRING = msgspec.json.Decoder(str)


def read(name: str, body: Argument, sizes: Sizes, version: int = NEWEST) -> ClientEvent:
    """The event that a client means. Raises Refusal: bad-request or too-large."""
    event = decode(name, body, version)
    check(event, sizes)
    return event


def decode(name: str, body: Argument, version: int = 1) -> ClientEvent:
    """An event whose fields have the right types, which takes little. Raises Refusal: bad-request.

    For a client of an earlier ``version`` of the contract there is no such event.
    """
    event = known(name, version)
    if event is None:
        raise Refusal(BAD_REQUEST, "There is no such event")
    return body if isinstance(body, ClientEvent) else _decode(_decoder(event), name, body)


def check(event: ClientEvent, sizes: Sizes) -> str:
    """Check what an event carries, once its sender may send it; returns the peer that it names, if it names one.

    Raises Refusal: bad-request or too-large.
    """
    for field, body in event.BODIES.items():
        if raw := getattr(event, field):
            _check_body(field, raw, getattr(sizes, body.limit))
    peer_id = peer_named(event) if isinstance(event, PeerEvent) else ""
    _check_needs(event, peer_id)
    if len(peer_id) > MAX_PEER_ID:
        raise Refusal(BAD_REQUEST, "peer_id is too long")
    if isinstance(event, RoomEvent) and event.room:
        _check_room(event.room, sizes.max_room_name)
    return peer_id


def number_of(event: ClientEvent, version: int, ack: int | None) -> int | None:
    """The number under which an event may be sent again. Version 1 had none. Raises Refusal: bad-request."""
    if version == 1 or len(event.n) == 0 or event.n == _NULL:
        return None
    try:
        n = _NUMBER.decode(event.n)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise Refusal(BAD_REQUEST, "n is no whole number from 0 to 2^53 - 1") from None
    if ack is None:
        raise Refusal(BAD_REQUEST, "An event with n has to ask for an acknowledgement")
    return n


def auth_of(body: Argument) -> Any:
    """The ``auth`` field of an event that may not be well-formed. Raises Refusal when it is not JSON."""
    if isinstance(body, ClientEvent):
        return body.auth
    try:
        return _LOOSE.decode(body).auth if body is not None else None
    except msgspec.ValidationError:
        return None
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise Refusal(BAD_REQUEST, "The fields cannot be read") from None


def known_of(body: Argument, sizes: Sizes) -> dict[str, Any]:
    """What of an event that is not well-formed can be given back to its sender: room, peer_id, payload."""
    loose = body if isinstance(body, PeerEvent) else _loose(body)
    known: dict[str, Any] = {}
    if isinstance(loose.room, str) and len(loose.room) <= sizes.max_room_name:
        known["room"] = loose.room
    if isinstance(loose.peer_id, str) and len(loose.peer_id) <= MAX_PEER_ID:
        known["peer_id"] = loose.peer_id
    if 0 < len(loose.payload) <= sizes.max_payload:
        known["payload"] = loose.payload
    return known


@functools.cache
def _decoder(event: type[ClientEvent]) -> msgspec.json.Decoder[ClientEvent]:
    return msgspec.json.Decoder(event)


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


def _loose(body: Argument) -> _Loose:
    try:
        return _LOOSE.decode(body) if isinstance(body, msgspec.Raw) else _Loose()
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return _Loose()


def _check_body(field: str, raw: msgspec.Raw, limit: int) -> None:
    if len(raw) > limit:
        raise Refusal(TOO_LARGE, f"{field} is larger than {limit} bytes")
    data = bytes(raw)
    flat = _BRACKET not in data and data.find(b"{", 1) < 0  # one object at most: seen faster than they are counted
    if not flat and data.count(b"[") + data.count(b"{") > MAX_DEPTH and depth(data) > MAX_DEPTH:
        raise Refusal(BAD_REQUEST, f"{field} is nested more than {MAX_DEPTH} deep")
    if len(data) >= MAX_DIGITS and has_huge_number(data):
        raise Refusal(BAD_REQUEST, f"{field} holds a number that is too long")


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


def peer_named(event: PeerEvent) -> str:
    """The peer that ``to`` and ``peer_id`` name. Raises Refusal when they differ."""
    to, peer_id = event.to, event.peer_id
    if to and peer_id and to != peer_id:
        raise Refusal(BAD_REQUEST, "to and peer_id name different peers")
    return to or peer_id or ""


def _check_needs(event: ClientEvent, peer_id: str) -> None:
    for field in event.NEEDS:
        if field == "peer":
            if not peer_id:
                raise Refusal(BAD_REQUEST, "peer_id is missing")
        elif not (value := getattr(event, field)) or (value == _NULL and not event.BODIES[field].null):
            raise Refusal(BAD_REQUEST, f"{field} is missing")


def _check_room(room: str, limit: int) -> None:
    if len(room) > limit:
        raise Refusal(TOO_LARGE, f"A room name has at most {limit} characters")
    if not room.isprintable() and _CONTROL.search(room):
        raise Refusal(BAD_REQUEST, "A room name has no control characters")
