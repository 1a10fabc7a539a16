"""What is declared in one place is used in another: no setting does nothing, no metric stays at 0."""

import ast
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import auth_api.settings
import broker.settings
import dev.settings
import gateway.settings
from broker.core.limits import Limits
from gateway.incoming.sizes import BODIES
from tests import imports

METRICS = {"Counter", "Gauge", "Histogram", "Summary", "EventCounter"}
READ_BY_NAME = set(BODIES)  # the door asks for the limit that a body names


def used(paths: Iterable[Path]) -> set[str]:
    """Every name that is read, alone or as something's attribute."""
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}


def below(*parts: str) -> list[Path]:
    return [path for name, path in imports.modules().items() if name.startswith(parts)]


def fields(declared: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(declared)}


@pytest.mark.parametrize("process", [auth_api, broker, dev, gateway], ids=lambda process: process.__name__)
def test_every_setting_is_read(process: Any) -> None:
    read = used(below(f"{process.__name__}.", "shared.")) | READ_BY_NAME
    assert fields(process.settings.Settings) - read == set(), "these settings do nothing"


def test_every_limit_of_the_core_is_asked_for_there() -> None:
    assert fields(Limits) - used(below("broker.core.")) == set(), "these limits limit nothing"


def metrics(tree: ast.Module) -> Iterator[str]:
    """The names under which a module declares metrics."""
    for node in (node for node in tree.body if isinstance(node, ast.Assign)):
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func).rpartition(".")[2] in METRICS:
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def test_every_metric_is_counted() -> None:
    processes = below("auth_api.", "broker.", "gateway.", "shared.")
    declared = {name for path in processes for name in metrics(ast.parse(path.read_text()))}
    assert {"HANDSHAKES", "REQUESTS", "RECONNECTS"} <= declared
    assert declared - used(processes) == set(), "these metrics stay at 0 for ever"


def test_a_name_that_is_only_declared_is_not_used(tmp_path: Path) -> None:
    source = tmp_path / "one.py"
    source.write_text(
        "class A:\n    quiet: int = 1\nSILENT = Counter('x')\nLOUD = Counter('y')\nLOUD.inc()\nprint(A.loud)\n"
    )
    assert {"quiet", "SILENT"} & used([source]) == set()
    assert {"loud", "LOUD"} <= used([source])
    assert list(metrics(ast.parse(source.read_text()))) == ["SILENT", "LOUD"]
