"""What in a contract breaks clients that were written for an earlier one: ``python -m dev.compatibility BEFORE NOW``.

A contract is what ``asyncapi.json`` says. Clients send what they always sent, so whatever was accepted still has to be;
and they read what they always read, so whatever was there still has to be, and to mean the same. They ignore fields,
events and values that they do not know. Clients count events by their names (``received``), so what was told before
is counted as before, and what is new is not counted in a version that was there before.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from shared.contract.events import Right

Schema = dict[str, Any]
Breaks = Iterator[str]

_LARGEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "x-max-bytes")
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_RIGHTS = [right.name.lower() for right in Right]  # each is one that fewer have


def breaks(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A sentence for each change that clients of ``before`` would notice."""
    return [*_versions(before, now), *_Comparison(before, now).breaks()]


def _versions(before: dict[str, Any], now: dict[str, Any]) -> Breaks:
    for version in before["x-versions"]:
        if version not in now["x-versions"]:
            yield f"version {version} is not spoken any more"
    codes = {one["code"] for one in now["x-refusals"]}
    for one in before["x-refusals"]:
        if one["code"] not in codes:
            yield f"the refusal {one['code']} is gone"


class _Comparison:
    """Two contracts, message by message."""

    def __init__(self, before: dict[str, Any], now: dict[str, Any]) -> None:
        self._before, self._now = before, now
        self._versions: list[int] = before["x-versions"]

    def breaks(self) -> Breaks:
        was, present = (whole["components"]["messages"] for whole in (self._before, self._now))
        checks = {"client": self._said, "server": self._told, "answer": self._answered}
        for name, message in was.items():
            if name not in present:
                yield f"{name} is gone"
            else:
                yield from (f"{name}{problem}" for problem in checks[name.partition(".")[0]](message, present[name]))
        for name in present.keys() - was.keys():
            if known := set(present[name].get("x-counted", ())) & set(self._versions):
                yield f"{name} is new and counted, and clients of version {min(known)} do not count it"

    def _said(self, before: Schema, now: Schema) -> Breaks:
        yield from self._accepts(before["payload"], now["payload"])
        if now["x-since"] > before["x-since"]:
            yield f" is there from version {now['x-since']} on only"
        for what in ("x-refused-as", "x-relayed-as"):
            if now.get(what) != before.get(what):
                yield f" has another {what}"
        if _RIGHTS.index(now["x-right"]) > _RIGHTS.index(before["x-right"]):
            yield " takes a right that fewer have"
        if "x-grants" in now and not set(before.get("x-grants", "?")) <= set(now["x-grants"]):
            yield " takes a grant that it did not take"

    def _told(self, before: Schema, now: Schema) -> Breaks:
        yield from self._answered(before, now)
        for version in self._versions:
            if _is_for(before, version) and not _is_for(now, version):
                yield f" is not told to version {version} any more"
            if (version in before["x-counted"]) != (version in now["x-counted"]):
                yield f" is counted differently by version {version}"

    def _answered(self, before: Schema, now: Schema) -> Breaks:
        yield from self._can_be_read(before["payload"], now["payload"])

    def _accepts(self, before: Schema, now: Schema) -> Breaks:
        """What clients may not send any more."""
        kinds = [_resolve(self._now, kind) for kind in _kinds(self._now, now)]
        for kind in (_resolve(self._before, kind) for kind in _kinds(self._before, before)):
            yield from _fewest(kind, kinds, self._takes)

    def _takes(self, before: Schema, now: Schema) -> Breaks:
        """Whether one kind of value is taken as another."""
        if "enum" in now and not set(before.get("enum", [_resolve])) <= set(now["enum"]):
            yield ": values that were possible are not"
        elif not _is_kind(before, now):
            yield ": another type is expected"
        for name in _LARGEST:
            if name in now and now[name] < before.get(name, float("inf")):
                yield f": {name} is less"
        for name in _LEAST:
            if name in now and now[name] > before.get(name, float("-inf")):
                yield f": {name} is more"
        if now.get("pattern", before.get("pattern")) != before.get("pattern"):
            yield ": another pattern is expected"
        yield from self._takes_fields(before, now)
        yield from self._inside(before, now, self._accepts)

    def _takes_fields(self, before: Schema, now: Schema) -> Breaks:
        if now.get("additionalProperties") is False and before.get("additionalProperties") is not False:
            yield ": unknown fields are refused"
        for name in before.get("properties", {}):
            if name not in now.get("properties", {}) and _is_object(now):
                yield f".{name} is gone"
        for name in now.get("required", ()):
            if name not in before.get("required", ()):
                yield f".{name} is needed"
        if "properties" in now and now.get("anyOf", before.get("anyOf")) != before.get("anyOf"):
            yield ": other fields are needed"

    def _can_be_read(self, before: Schema, now: Schema) -> Breaks:
        """What clients do not find any more, or cannot read."""
        kinds = [_resolve(self._before, kind) for kind in _kinds(self._before, before)]
        for kind in (_resolve(self._now, kind) for kind in _kinds(self._now, now)):
            yield from _fewest(kind, kinds, lambda new, old: self._reads(old, new))

    def _reads(self, before: Schema, now: Schema) -> Breaks:
        if not _is_kind(now, before):
            yield ": it may be of another type"
        for name in before.get("properties", {}):
            if name not in now.get("properties", {}):
                yield f".{name} is gone"
            elif name in before["required"] and name not in now["required"]:
                yield f".{name} may be missing"
        yield from self._inside(before, now, self._can_be_read)

    def _inside(self, before: Schema, now: Schema, compare: Callable[[Schema, Schema], Breaks]) -> Breaks:
        """Fields, items and values that both have."""
        for name, schema in before.get("properties", {}).items():
            if name in now.get("properties", {}):
                yield from (f".{name}{problem}" for problem in compare(schema, now["properties"][name]))
        for name in ("items", "additionalProperties"):
            if isinstance(before.get(name), dict) and isinstance(now.get(name), dict):
                yield from (f"[]{problem}" for problem in compare(before[name], now[name]))


def _fewest(kind: Schema, others: list[Schema], compare: Callable[[Schema, Schema], Breaks]) -> list[str]:
    """The breaks between a kind and whichever of the others is nearest to it."""
    return min((list(compare(kind, other)) for other in others), key=len)


def _kinds(whole: dict[str, Any], schema: Schema) -> list[Schema]:
    """The alternatives of a schema. In an object, ``anyOf`` says which fields are needed."""
    schema = _resolve(whole, schema)
    if "anyOf" not in schema or "properties" in schema:
        return [schema]
    return [kind for part in schema["anyOf"] for kind in _kinds(whole, part)]


def _resolve(whole: dict[str, Any], schema: Schema) -> Schema:
    if "allOf" in schema:
        schema = schema["allOf"][0]
    if "$ref" in schema:
        return dict(whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def _type_of(schema: Schema) -> str:
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return "string" if values and isinstance(values[0], str) else "boolean" if values else schema.get("type", "")


def _is_kind(one: Schema, other: Schema) -> bool:
    """Whether all values of one type are of the other. Without a type, it is any JSON."""
    pair = (_type_of(one), _type_of(other))
    return not pair[1] or pair[0] == pair[1] or pair == ("integer", "number")


def _is_object(schema: Schema) -> bool:
    return bool(schema.get("type") == "object")


def _is_for(message: Schema, version: int) -> bool:
    return bool(message["x-since"] <= version <= message.get("x-until", version))


def main() -> int:
    """Print what breaks."""
    parser = argparse.ArgumentParser(prog="python -m dev.compatibility", description="Find what breaks clients.")
    parser.add_argument("before", type=Path, help="an earlier asyncapi.json")
    parser.add_argument("now", type=Path, help="a later one")
    asked = parser.parse_args()
    found = breaks(json.loads(asked.before.read_text()), json.loads(asked.now.read_text()))
    print("\n".join(found) or "Nothing breaks.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
