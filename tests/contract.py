"""Holds what clients are told and answered, in whatever test, against asyncapi.json.

A client of a test gives every event and acknowledgement that it gets to ``hold``; the fixture ``contract_kept`` in
``tests/conftest.py`` fails the test in which one was not as described. Unknown fields are not as described, though
clients have to bear them.
"""

import functools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs would be one more package, for one call

from dev.documents import ROOT

ENOUGH = 20  # times that an event is looked at whose fields look the same from outside

WHOLE: dict[str, Any] = json.loads((ROOT / "asyncapi.json").read_text())
FAULTS: list[str] = []
_seen: Counter[Any] = Counter()


def hold_told(event: str, data: Any, version: int = 1) -> None:
    """Note what is wrong with an event that a client of that version of the contract was told."""
    FAULTS.extend(wrong_told(event, data, version))


class Ear:
    """Hears what one socket is told, frame by frame."""

    def __init__(self) -> None:
        self._version = 1

    def hear(self, frame: str | bytes) -> None:
        """Note what is wrong with an event. Frames of other kinds are passed over."""
        if not isinstance(frame, str) or not frame.startswith("42["):
            return
        said: list[Any] = json.loads(frame[2:])
        event, told = said[0], said[1] if len(said) > 1 else None
        if event == "auth-accept" and isinstance(told, dict):
            self._version = told.get("version", 1)
        hold_told(event, told, self._version)


def hold_answer(event: str, said: Any, answer: Any) -> None:
    """Note what is wrong with the acknowledgement of an event; or with the description, if ``said`` took effect."""
    if not isinstance(answer, dict) or not answer.get("ok"):
        FAULTS.extend(_wrong("answer.refused", answer))
        return
    FAULTS.extend(_wrong(f"answer.{event}", answer))
    FAULTS.extend(_wrong(f"client.{event}", said))


def wrong_told(event: str, data: Any, version: int = 1) -> list[str]:
    """The same as a list, for clients that keep their own."""
    message = WHOLE["components"]["messages"].get(f"server.{event}")
    if message is not None and not message["x-since"] <= version <= message.get("x-until", version):
        return [f"{event} was told to a client of version {version}"]
    return _wrong(f"server.{event}", data)


def _wrong(name: str, data: Any) -> list[str]:
    if name not in WHOLE["components"]["messages"]:
        return [f"{name} is not described"]
    look = (name, _look(data))
    _seen[look] += 1
    if _seen[look] > ENOUGH:
        return []
    return [f"{name}{error.json_path[1:]}: {error.message[:300]}" for error in _validator(name).iter_errors(data)]


def _look(data: Any) -> Any:
    """Names and types of the fields, and those values that are words of the contract."""
    if not isinstance(data, dict):
        return type(data)
    return tuple((name, value if _is_word(value) else type(value)) for name, value in data.items())


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value in _words()


@functools.cache
def _words() -> frozenset[str]:
    return frozenset(_enumerated(WHOLE))


def _enumerated(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("enum", ())
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _enumerated(part)


@functools.cache
def _validator(name: str) -> Any:
    strict = _strict if not name.startswith("client.") else lambda schema: schema  # servers bear unknown fields
    payload = WHOLE["components"]["messages"][name]["payload"]
    components = {"schemas": strict(WHOLE["components"]["schemas"])}
    return jsonschema.Draft7Validator({**strict(payload), "components": components})


def _strict(schema: Any) -> Any:
    """The same schema, for fields that are known only."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else {}
    return {**closed, **{name: _strict(part) for name, part in schema.items()}}
