"""Every setting does something: it is read, outside of the class that declares it."""

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import auth_api.settings
import broker.settings
import gateway.settings
from broker.core.limits import Limits
from shared.contract.events import EVENTS
from shared.process.settings import declared

ROOT = Path(__file__).resolve().parents[2]
# What all processes read in the same place, whatever their settings are.
SHARED = ("shared/process", "shared/messaging", "shared/http")
CLASSES = {
    "gateway": gateway.settings.Settings,
    "broker": broker.settings.Settings,
    "auth_api": auth_api.settings.Settings,
}
SETTINGS = [(part, field.name) for part, cls in CLASSES.items() for field, _, _ in declared(cls)]


def attributes(*folders: str) -> Iterator[str]:
    """The names of all attributes that are read there, but for checks of what is declared."""
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        yield from _read_in(ast.parse(path.read_text()))


def _read_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef) and node.name == "__post_init__":
        return
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield node.attr
    for inner in ast.iter_child_nodes(node):
        yield from _read_in(inner)


READ = {part: {*attributes(part, *SHARED)} for part in CLASSES}
BOUNDS = {
    body.limit for event in EVENTS.values() for body in event.BODIES.values()
}  # read by the name that they declare


@pytest.mark.parametrize(("part", "name"), SETTINGS)
def test_every_setting_is_read(part: str, name: str) -> None:
    assert name in READ[part] | (BOUNDS if part == "gateway" else set()), "the setting does nothing"


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_the_core_goes_by_every_limit(name: str) -> None:
    source = "".join(path.read_text() for path in (ROOT / "broker/core").rglob("*.py"))
    assert re.search(rf"limits\.{name}\b", source), "the limit limits nothing"


def other(value: Any) -> Any:
    """A value that a setting does not have."""
    return "app" if isinstance(value, str) else value + 1


def test_every_limit_of_the_core_follows_from_one_setting() -> None:
    plain = broker.settings.Settings()
    found: dict[str, str] = {}
    for field, _, _ in declared(broker.settings.Settings):
        value = getattr(plain, field.name)
        if isinstance(value, int | float) or field.name == "room_scope":
            limits = dataclasses.replace(plain, **{field.name: other(value)}).limits
            changed = [
                name for name in Limits.__dataclass_fields__ if getattr(limits, name) != getattr(plain.limits, name)
            ]
            assert len(changed) <= 1
            found |= dict.fromkeys(changed, field.name)
    assert found.keys() == {field.name for field in dataclasses.fields(Limits)}


def test_the_defaults_of_the_core_are_those_of_the_settings() -> None:
    """But for notices: limits of an earlier release, in the log or in a snapshot, know of none."""
    assert broker.settings.Settings().limits == Limits(notices=True)
