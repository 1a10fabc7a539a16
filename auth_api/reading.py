"""From a request to the call it makes: every field from its place, checked as the call declares it."""

import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from auth_api.answers import Refused
from shared.envelopes.calls import FORM, JSON, Call, Must, Place

C = TypeVar("C", bound=Call)

MOST_FIELDS = 100  # of a form


async def read(kind: type[C], request: web.Request, now: int) -> C:
    """The call that ``request`` makes at ``now``, in seconds since the epoch. Raises Refused with 400."""
    sources: dict[Place, Mapping[str, Any]] = {Place.PATH: request.match_info, Place.QUERY: request.query}
    if Place.BODY in kind.PLACES.values():
        sources[Place.BODY] = _fields(kind, request.content_type, await request.read())
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        place = kind.PLACES[field.name]
        if place is Place.CLOCK:
            found[field.name] = now
        elif field.name in sources[place]:
            found[field.name] = _value(field, sources[place][field.name])
        elif field.required:
            raise Refused(400, f"{field.name} is missing")
    return kind(**found)


def _value(field: msgspec.structs.FieldInfo, sent: str | msgspec.Raw) -> Any:
    """A field as its type wants it. Raises Refused."""
    try:
        if isinstance(sent, msgspec.Raw):
            return msgspec.json.decode(sent, type=field.type)
        return msgspec.convert(sent, field.type, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        must = next((part.text for part in getattr(field.type, "__metadata__", ()) if isinstance(part, Must)), "")
        raise Refused(400, f"{field.name} must {must}" if must else f"{field.name}: {_reason(error)}") from None


def _fields(kind: type[Call], content_type: str, body: bytes) -> Mapping[str, str | msgspec.Raw]:
    """What a body has, not yet checked. Raises Refused."""
    try:
        if content_type not in kind.BODIES:
            raise ValueError(f"send {' or '.join(kind.BODIES)}")
        return _READERS[content_type](body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Refused(400, f"The request is not well-formed: {_reason(error)}") from None


def _form(body: bytes) -> dict[str, str]:
    pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    return fields


_READERS: dict[str, Callable[[bytes], Mapping[str, str | msgspec.Raw]]] = {
    FORM: _form,
    JSON: msgspec.json.Decoder(dict[str, msgspec.Raw]).decode,
}


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):  # its text would show what was sent, the password too
        return "it is not UTF-8"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)
