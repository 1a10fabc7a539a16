"""The description in ``auth_api/openapi.json``: what calls declare, added to the hand-written ``dev/openapi.json``."""

import json
from pathlib import Path
from typing import Any

import msgspec

import auth_api.server  # noqa: F401 - every call is declared by what it imports
from auth_api.bodies import MAX_BODY
from shared.envelopes.calls import CALLS, Call, Place

TOO_MANY = 429
_REST = Path(__file__).parent / "openapi.json"
_REF = "#/components/schemas/{name}"


def description() -> str:
    """The whole of it, as JSON."""
    whole: dict[str, Any] = json.loads(_REST.read_text())
    for call in CALLS.values():
        whole["paths"].setdefault(call.PATH, {})[call.METHOD.lower()] = _operation(call)
        whole["components"]["schemas"].update(_schemas(call))
    return json.dumps(whole, indent=2) + "\n"


def _operation(call: type[Call]) -> dict[str, Any]:
    refused = {str(status): {"$ref": _refusal(status)} for status in sorted(call.REFUSALS)}
    return {
        "operationId": call.NAME,
        "summary": call.DOC,
        **({"description": call.NOTE} if call.NOTE else {}),
        **({"security": [{"operator": []}]} if call.OPERATOR else {}),
        **_parameters(call),
        **_body(call),
        "responses": {"200": {"description": call.ANSWERS, "content": _json(_answer(call))}, **refused},
    }


def _refusal(status: int) -> str:
    return f"#/components/responses/{'TooMany' if status == TOO_MANY else 'Refusal'}"


def _answer(call: type[Call]) -> dict[str, Any]:
    properties = {"status": {"const": 200}, "error": {"type": "null"}, "response": _schema(call.ANSWER)}
    return {"type": "object", "required": list(properties), "properties": properties}


def _parameters(call: type[Call]) -> dict[str, Any]:
    fields = _fields(call, Place.PATH) + _fields(call, Place.QUERY)
    parameters = [_parameter(field, call.PLACES[field.name]) for field in fields]
    return {"parameters": parameters} if parameters else {}


def _parameter(field: msgspec.structs.FieldInfo, place: Place) -> dict[str, Any]:
    schema = _with_default(field)
    said = {"description": schema.pop("description")} if "description" in schema else {}
    return {"name": field.name, "in": place.value, "required": field.required, **said, "schema": schema}


def _body(call: type[Call]) -> dict[str, Any]:
    fields = _fields(call, Place.BODY)
    if not fields:
        return {}
    needed = [field.name for field in fields if field.required]
    properties = {field.name: _with_default(field) for field in fields}
    schema = {"type": "object", "required": needed, "properties": properties}
    content = {form: {"schema": schema} for form in call.BODIES}
    limit = f"At most {MAX_BODY // 1024} KiB."
    return {"requestBody": {"required": bool(needed), "description": limit, "content": content}}


def _fields(call: type[Call], place: Place) -> list[msgspec.structs.FieldInfo]:
    return [field for field in msgspec.structs.fields(call) if call.PLACES[field.name] is place]


def _with_default(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    default = {} if field.required or field.default in ("", None) else {"default": field.default}
    return {**_schema(field.type), **default}


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components((kind,), ref_template=_REF)
    return dict(schema)


def _schemas(call: type[Call]) -> dict[str, Any]:
    kinds = [call.ANSWER, *(field.type for field in msgspec.structs.fields(call))]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    return dict(schemas)


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
