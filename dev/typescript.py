"""The types in ``client/events.d.ts``, which socket.io's own types take, from what ``asyncapi.json`` says."""

import json
import re
import textwrap
from collections.abc import Iterable
from typing import Any

from dev import asyncapi
from shared.contract.refusals import CATALOGUE
from shared.contract.told import counted_in

Schema = dict[str, Any]

_WIDTH = 120
_MADE = "Made from the server's declarations by `make docs`."
_HEAD = """\
/* Made from the declarations in shared/contract by `make docs`: change those.
 *
 *     const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url, { auth: { token } });
 *
 * Fields that are `unknown` are any JSON. Ignore fields, events and values that you do not know: later releases may
 * add some.
 */
"""
_TAIL = """\
/** What an acknowledgement says of an event. */
export type Answer<Event extends keyof Answers> = ({ ok: true } & Answers[Event]) | Refused;

/** What `Socket` takes as the events to listen to. */
export type ServerToClientEvents = { [Event in keyof Told]: (told: Told[Event]) => void };

/** What `Socket` takes as the events to emit. Each may ask for an acknowledgement. */
export type ClientToServerEvents = {
  [Event in keyof Said]: (
    ...said: [said: Said[Event]] | [said: Said[Event], answer: (answer: Answer<Event>) => void]
  ) => void;
};
"""
_ALL_CODES = {code.code for code in CATALOGUE}
_JSON = {"string": "string", "boolean": "boolean", "number": "number", "integer": "number", "null": "null"}


def counted() -> str:
    """``client/src/counted.js``: what a client counts for ``received``."""
    names = "".join(f'  "{name}",\n' for name in counted_in(2))
    return f"// The events that a client counts for `received`. {_MADE}\nexport const COUNTED = new Set([\n{names}]);\n"


def description() -> str:
    """The whole file."""
    whole = asyncapi.whole()
    messages = whole["components"]["messages"]
    return "\n".join(
        (
            _HEAD,
            *(_named(name, schema) for name, schema in whole["components"]["schemas"].items()),
            _refusals(whole["x-refusals"], messages["answer.refused"]["payload"]),
            _map("Said", "What clients send, by the event's name.", _of(messages, "client")),
            _map("Told", "What clients are told, by the event's name.", _of(messages, "server")),
            _map("Answers", "What the acknowledgement of an accepted event has beside `ok`.", _answers(messages)),
            _TAIL,
        )
    )


def _named(name: str, schema: Schema) -> str:
    return f"{_comment(schema.get('description', ''))}export interface {name} {_fields(schema, 1)}\n"


def _refusals(catalogue: list[dict[str, str]], refused: Schema) -> str:
    codes = "".join(f"\n{_comment(one['when'], '  ')}  | {json.dumps(one['code'])}" for one in catalogue)
    return (
        f"/** Why an event was refused. */\nexport type Code ={codes};\n\n"
        "/** The acknowledgement of an event that was refused. */\n"
        f"export interface Refused {_fields(refused, 1)}\n"
    )


def _of(messages: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [message for name, message in messages.items() if name.startswith(f"{kind}.")]


def _answers(messages: dict[str, Any]) -> list[dict[str, Any]]:
    accepted = [message for message in _of(messages, "answer") if message["name"] != "refused"]
    return [{**message, "payload": _without_ok(message["payload"])} for message in accepted]


def _without_ok(schema: Schema) -> Schema:
    properties = {name: of for name, of in schema["properties"].items() if name != "ok"}
    return {**schema, "properties": properties}


def _map(name: str, doc: str, messages: list[dict[str, Any]]) -> str:
    lines = (
        f"{_comment(_about(message), '  ')}  {json.dumps(message['name'])}: {_type(message['payload'], 2)};\n"
        for message in messages
    )
    return f"{_comment(doc)}export interface {name} {{\n{''.join(lines)}}}\n"


def _about(message: dict[str, Any]) -> str:
    since = f" Since version {message['x-since']}." if message.get("x-since", 1) > 1 else ""
    until = f" Until version {message['x-until']}." if "x-until" in message else ""
    return f"{message.get('description', message['summary'])}{since}{until}"


def _type(schema: Schema, depth: int) -> str:
    """A type, with what is inside indented by ``depth``."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "allOf" in schema:
        return _type(schema["allOf"][0], depth)
    if "const" in schema or "enum" in schema:
        return _codes(schema.get("enum") or [schema["const"]])
    if "properties" in schema:
        return _fields(schema, depth)
    if "anyOf" in schema:
        return " | ".join(_type(part, depth) for part in schema["anyOf"])
    if schema.get("type") == "array":
        inner = _type(schema["items"], depth)
        return f"({inner})[]" if " " in inner and inner[0] != "{" else f"{inner}[]"
    if schema.get("type") == "object":
        of = schema.get("additionalProperties", {})
        return f"Record<string, {_type(of, depth)}>"
    return _JSON.get(schema.get("type", ""), "unknown")


def _codes(values: list[Any]) -> str:
    return "Code" if set(values) == _ALL_CODES else " | ".join(json.dumps(value) for value in values)


def _fields(schema: Schema, depth: int) -> str:
    """An object. Of two fields of which one is needed, each is as if it were not, unless the other is missing."""
    needed = set(schema["required"])
    either = [part["required"][0] for part in schema.get("anyOf", ())]
    rest = {name: of for name, of in schema["properties"].items() if name not in either}
    written = _object(rest, needed, depth)
    if not either:
        return written
    known = schema["properties"]
    ways = (_inline({one: known[one] for one in either}, {one_of}) for one_of in either)
    return f"{written} & ({' | '.join(ways)})"


def _object(fields: dict[str, Schema], needed: Iterable[str], depth: int) -> str:
    if not fields:
        return "{}"
    pad = "  " * depth
    lines = (
        f"{_comment(_about_field(of), pad)}{pad}{_key(name)}{'' if name in needed else '?'}: {_type(of, depth + 1)};\n"
        for name, of in fields.items()
    )
    return f"{{\n{''.join(lines)}{'  ' * (depth - 1)}}}"


def _inline(fields: dict[str, Schema], needed: set[str]) -> str:
    shown = "; ".join(
        f"{name}: string" if name in needed else f"{name}?: {_type(of, 0)}" for name, of in fields.items()
    )
    return f"{{ {shown} }}"


def _about_field(schema: Schema) -> str:
    since = f"since version {schema['x-since']}" if "x-since" in schema else ""
    most = f"at most {schema['x-max-bytes']} bytes by default" if "x-max-bytes" in schema else ""
    said = schema.get("description", "")
    return "; ".join(part for part in (said if said != "any JSON" else "", most, since) if part)


def _key(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else json.dumps(name)


def _comment(text: str, pad: str = "") -> str:
    text = text.replace("*/", "* /")
    if not text or len(pad + text) <= _WIDTH - len("/**  */"):
        return f"{pad}/** {text} */\n" if text else ""
    lines = textwrap.wrap(text, _WIDTH - len(pad + " * "), break_long_words=False, break_on_hyphens=False)
    inside = "".join(f"{pad} * {line}\n" for line in lines)
    return f"{pad}/**\n{inside}{pad} */\n"
