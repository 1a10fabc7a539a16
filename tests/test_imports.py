"""The house's own rules, held against what modules import."""

import re
import sys
from collections.abc import Iterable

import pytest

from tests import imports
from tests.system.rig.process import ROOT

# All that the authority may need. Nothing here knows a clock, a socket, chance or the environment.
PURE = {
    "bisect", "collections", "collections.abc", "contextlib", "dataclasses", "enum", "functools", "hashlib", "heapq",
    "hmac", "itertools", "math", "re", "typing", "zlib", "msgpack", "msgspec",
}  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> imports.Graph:
    return imports.graph(imports.modules())


def test_no_modules_import_each_other_in_a_circle(graph: imports.Graph) -> None:
    assert imports.circle(graph) == []


def test_a_circle_is_found() -> None:
    assert imports.circle({"a": frozenset("b"), "b": frozenset({"c", "json"}), "c": frozenset("b")}) == ["b", "c", "b"]


def test_the_core_is_pure(graph: imports.Graph) -> None:
    needed = imports.reached(graph, "broker.core")
    ours = {name for name in needed if name in graph}
    assert needed - ours <= PURE
    assert all(name.startswith(("broker.core", "shared.contract", "shared.envelopes")) for name in ours)


def test_the_core_is_reached_at_all(graph: imports.Graph) -> None:
    assert {"broker.core.rules.admission", "shared.contract.frames", "msgspec"} <= imports.reached(graph, "broker.core")
    assert "asyncio" in imports.reached(graph, "broker.replica")
    assert "asyncio" in sys.stdlib_module_names


def test_what_is_shared_knows_of_no_process(graph: imports.Graph) -> None:
    needed = imports.reached(graph, "shared")
    assert not {name for name in needed if name.split(".")[0] in ("auth_api", "broker", "dev", "gateway")}


def test_processes_know_nothing_of_each_other(graph: imports.Graph) -> None:
    for part in ("auth_api", "broker", "gateway"):
        others = {"auth_api", "broker", "dev", "gateway"} - {part}
        assert not {name for name in imports.reached(graph, part) if name.split(".")[0] in others}, part


def test_the_architecture_says_which_folder_imports_which(graph: imports.Graph) -> None:
    rows = re.findall(r"^\| `([a-z_/]+)/` \|[^|]*\|([^|]*)\|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    said = {
        folder: {named.removesuffix("/") for named in re.findall(r"`([a-z_/]+)`", column)} for folder, column in rows
    }
    folders = {name: _folder(name, said) for name in graph}
    for name, folder in folders.items():
        for other in {folders[other] for other in graph[name] & graph.keys()} - {folder}:
            wider = "shared" if other.startswith("shared/") else other
            assert said[folder] & {other, wider}, f"{name} imports something of {other}/"


def _folder(module: str, folders: Iterable[str]) -> str:
    """The row that a module belongs to: the longest that it lies in."""
    path = module.replace(".", "/")
    return max((folder for folder in folders if f"{path}/".startswith(f"{folder}/")), key=len, default="shared")
