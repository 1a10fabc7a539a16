"""Every metric is counted, outside of the line that declares it: none stays at 0 for ever.

Those of a broker's figures are not looked for here: mypy does not let one be left out.
"""

import ast
from collections.abc import Iterable, Iterator

from tests import imports
from tests.system.rig.process import ROOT

KINDS = {"Counter", "Gauge", "Histogram", "Summary", "EventCounter"}


def trees() -> list[ast.Module]:
    """The code of all processes."""
    parts = ("auth_api.", "broker.", "gateway.", "shared.")
    return [ast.parse(path.read_text()) for name, path in imports.modules().items() if name.startswith(parts)]


def declared(tree: ast.Module) -> Iterator[str]:
    """The names under which a module declares metrics."""
    for node in (node for node in tree.body if isinstance(node, ast.Assign)):
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func).rpartition(".")[2] in KINDS:
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def used(trees: Iterable[ast.Module]) -> Iterator[str]:
    """Every name that is read, alone or as something's attribute."""
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.id if isinstance(node, ast.Name) else node.attr


def test_every_metric_is_counted() -> None:
    found = {name for tree in trees() for name in declared(tree)}
    assert {"HANDSHAKES", "REQUESTS", "RECONNECTS"} <= found
    assert found - {*used(trees())} == set(), "declared, and never counted"


def test_every_metric_is_in_the_documents() -> None:
    text = (ROOT / "deploy/METRICS.md").read_text()
    calls = [node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    names = {
        str(call.args[0].value).removesuffix("_total")
        for call in calls
        if ast.unparse(call.func).rpartition(".")[2] in KINDS and isinstance(call.args[0], ast.Constant)
    }
    assert "parley_nats_reconnects" in names
    assert sorted(name for name in names if f"`{name}" not in text) == [], "add them to dev/documents.py"


def test_a_metric_that_is_only_declared_is_found() -> None:
    tree = ast.parse("SILENT = Counter('x')\nLOUD = Counter('y')\nLOUD.inc()")
    assert set(declared(tree)) - {*used([tree])} == {"SILENT"}
