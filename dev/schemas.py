"""JSON Schemas of what clients and servers say, from the declarations in ``shared/contract``."""

import functools
import operator
import types
import typing
from typing import Annotated, Any

import msgspec
from msgspec.structs import FieldInfo

from shared.contract.events import ABSENT, Body, ClientEvent, first
from shared.contract.shapes import Answer, shape_of
from shared.contract.told import TOLD, Refused, ServerEvent

Schema = dict[str, Any]
_OF_THE_REQUEST = ("event", "room", "peer_id", "payload")  # in an event that says no
_REF = "#/components/schemas/{name}"
_UNSAID = ("", None, ABSENT, msgspec.NODEFAULT, msgspec.UNSET)  # defaults that need no mention


def said(event: type[ClientEvent]) -> Schema:
    """What a client sends."""
    since = {field.encode_name for field in msgspec.structs.fields(first(event.NAME))}
    fields = _fields_said(event)
    properties = {field.encode_name: _field_said(event, field) for field in fields}
    for name in (name for name in properties if name not in since):
        properties[name] = _with(properties[name], "x-since", event.SINCE)
    needed = [field.encode_name for field in fields if field.required or field.name in _needs(event)]
    peer = {"anyOf": [{"required": ["to"]}, {"required": ["peer_id"]}]} if "peer" in event.NEEDS else {}
    return {"type": "object", "required": needed, "properties": properties, **peer}


def told(event: type[ServerEvent]) -> Schema:
    """What a client reads."""
    return _struct(event)


def acknowledged(event: type[ClientEvent]) -> Schema:
    """What the acknowledgement of an accepted event has."""
    answer: type[Answer | ServerEvent] = TOLD[event.ANSWER] if isinstance(event.ANSWER, str) else event.ANSWER
    schema = _struct(answer)
    needed = event.ANSWER_AT_LEAST or schema["required"]
    return {**schema, "required": ["ok", *needed], "properties": {"ok": {"const": True}, **schema["properties"]}}


def refused() -> Schema:
    """What the acknowledgement of an event has that was refused: what the event that says no has of its own."""
    schema = _struct(Refused)
    properties = {name: of for name, of in schema["properties"].items() if name not in _OF_THE_REQUEST}
    return {**schema, "required": ["ok", "code", "message"], "properties": {"ok": {"const": False}, **properties}}


def named(events: list[type[ClientEvent]], answers: list[type[ServerEvent]]) -> dict[str, Schema]:
    """Every schema that others refer to, by its name."""
    structs: list[type[msgspec.Struct]] = [*events, *answers]
    structs += [event.ANSWER for event in events if not isinstance(event.ANSWER, str)]
    kinds = [_kind(field.type) for struct in structs for field in msgspec.structs.fields(struct)]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    return {name: _whole(schemas[name]) for name in sorted(schemas)}


def _fields_said(event: type[ClientEvent]) -> list[FieldInfo]:
    """``auth-request`` shows its token in a field of its own."""
    return [
        field
        for field in msgspec.structs.fields(event)
        if field.name not in ("auth", "n") or "token" not in _needs(event)
    ]


def _needs(event: type[ClientEvent]) -> tuple[str, ...]:
    shown = "token" if "token" in event.__struct_fields__ else "auth"
    return (shown, *event.NEEDS)


def _field_said(event: type[ClientEvent], field: FieldInfo) -> Schema:
    body = event.BODIES.get(field.name)
    schema = _schema(field.type) if body is None else _body(field.type, body)
    needed = field.name in _needs(event)
    if needed and body is None:
        schema = _without_null(schema)
    default = field.default if isinstance(field.default, str | int | float | None) else None
    return schema if needed or default in _UNSAID else _with(schema, "default", default)


def _body(hint: Any, body: Body) -> Schema:
    shape = {"description": "any JSON"} if shape_of(hint) is hint else _schema(hint)
    return {**shape, "x-max-bytes": body.default, "x-setting": body.limit.upper()}


def _without_null(schema: Schema) -> Schema:
    """A field that is needed is not null, though it is decoded as if it could be."""
    rest = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    return dict(rest[0]) if len(rest) == 1 else schema


def _struct(struct: type[msgspec.Struct]) -> Schema:
    """A struct that is encoded: fields that are UNSET by default may be left out, all others are there."""
    fields = msgspec.structs.fields(struct)
    needed = [field.encode_name for field in fields if field.default is not msgspec.UNSET]
    properties = {field.encode_name: _schema(field.type) for field in fields}
    return {"type": "object", "required": needed, "properties": properties}


def _schema(hint: Any) -> Schema:
    (schema,), _ = msgspec.json.schema_components((_kind(hint),), ref_template=_REF)
    described = next((m.description for m in getattr(hint, "__metadata__", ()) if isinstance(m, msgspec.Meta)), None)
    return dict(_whole(_with(schema, "description", described) if described else schema))


def _with(schema: Schema, name: str, value: Any) -> Schema:
    """The schema and one thing more. Beside a reference nothing else is looked at."""
    return {**({"allOf": [{"$ref": schema["$ref"]}]} if "$ref" in schema else schema), name: value}


def _kind(hint: Any) -> Any:
    """The type without the possibility that the field is left out."""
    of = shape_of(hint)
    if typing.get_origin(of) is Annotated:
        return Annotated[(_kind(typing.get_args(of)[0]), *of.__metadata__)]
    if typing.get_origin(of) not in (typing.Union, types.UnionType):
        return of
    parts = [part for part in typing.get_args(of) if part is not msgspec.UnsetType]
    return functools.reduce(operator.or_, parts)


def _whole(schema: Any) -> Any:
    """The same with patterns as ECMAScript writes them, which is what JSON Schema means, and code as Markdown does."""
    if isinstance(schema, list):
        return [_whole(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {name: _whole(part) for name, part in schema.items()}
    if isinstance(whole.get("pattern"), str):
        whole["pattern"] = whole["pattern"].replace(r"\A", "^").replace(r"\Z", "$")
    if isinstance(whole.get("description"), str):
        whole["description"] = whole["description"].replace("``", "`")
    return whole
