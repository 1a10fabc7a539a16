"""The description in ``auth_api/openapi.json``: what calls declare, added to the hand-written ``dev/openapi.json``."""

import json
from pathlib import Path
from typing import Any

import msgspec

import auth_api.server  # noqa: F401 - every call is declared by what it imports
from auth_api.bodies import MAX_BODY
from auth_api.webhooks.notices import MOST
from shared.envelopes.calls import CALLS, Call, Place
from shared.envelopes.notices import NOTICES, AnyNotice

TOO_MANY = 429
_REST = Path(__file__).parent / "openapi.json"
_REF = "#/components/schemas/{name}"


def description() -> str:
    """The whole of it, as JSON."""
    whole: dict[str, Any] = json.loads(_REST.read_text())
    for call in CALLS.values():
        whole["paths"].setdefault(call.PATH, {})[call.METHOD.lower()] = _operation(call)
        whole["components"]["schemas"].update(_schemas(call))
    whole["webhooks"] = {"notices": {"post": _webhook()}}
    whole["components"]["schemas"].update(_notices())
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
        "responses": {"200": {"description": call.ANSWERS, "content": _content(call)}, **refused},
    }


def _content(call: type[Call]) -> dict[str, Any]:
    events = {"text/event-stream": {"schema": {"type": "string"}}} if call.EVENTS else {}
    return {**_json(_answer(call)), **events}


def _webhook() -> dict[str, Any]:
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    batch = {"type": "array", "minItems": 1, "maxItems": MOST, "items": {"$ref": _REF.format(name="Notice")}}
    properties = {
        "type": {"const": "notices"},
        "timestamp": {"type": "string", "format": "date-time", "description": "when the first of them happened"},
        "data": batch,
    }
    return {
        "operationId": "notices",
        "summary": "What has happened in rooms: to WEBHOOK_URL, signed as Standard Webhooks 1.0 says",
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in headers
        ],
        "requestBody": {
            "required": True,
            "content": _json({"type": "object", "required": list(properties), "properties": properties}),
        },
        "responses": {
            "2XX": {"description": "The notices are stored: the next ones may come."},
            "default": {"description": "The same is sent again, later."},
        },
    }


def _notices() -> dict[str, Any]:
    """A schema for each type of notice, and one for all of them."""
    (union,), schemas = msgspec.json.schema_components((AnyNotice,), ref_template=_REF)
    for kind in NOTICES.values():
        schema = schemas[kind.__name__]
        schema["description"] = kind.DOC
        schema["properties"] = {"id": {"type": "string"}, **schema["properties"]}
        schema["required"] = ["id", *schema["required"]]
    return {**schemas, "Notice": union}


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
    default = (
        {}
        if field.required or field.default in ("", None, msgspec.NODEFAULT, msgspec.UNSET)
        else {"default": field.default}
    )
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
