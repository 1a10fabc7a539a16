"""Who imports whom, read from the source. Imports that only a type checker sees count as well."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.system.rig.process import ROOT

PARTS = ("auth_api", "broker", "dev", "gateway", "shared")

Graph = Mapping[str, frozenset[str]]


def modules() -> dict[str, Path]:
    """The project's own modules by dotted name, without tests."""
    files = (path for part in PARTS for path in (ROOT / part).rglob("*.py"))
    return {_name(path): path for path in files}


def graph(of: Mapping[str, Path]) -> dict[str, frozenset[str]]:
    """What each module imports, ours and others': the module itself where one is meant, not what is in it."""
    return {name: frozenset(_imported(path, of)) for name, path in of.items()}


def circle(imports: Graph) -> list[str]:
    """Modules that import each other in a circle, in order; empty if there are none."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(imports[name] & imports.keys()):
                if found := follow(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next(filter(None, (follow(name, []) for name in sorted(imports))), [])


def reached(imports: Graph, start: str) -> set[str]:
    """All that the modules under ``start`` import, directly or through modules of ours."""
    found: set[str] = set()
    waiting = [name for name in imports if name == start or name.startswith(f"{start}.")]
    while waiting:
        for other in imports.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(path: Path, of: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in of else node.module
