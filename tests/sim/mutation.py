"""Faults that were mended, put back into the code as it is loaded: the simulation has to find each of them."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

from tests.sim.mutations import MUTATIONS
from tests.system.rig.process import ROOT


class Change(NamedTuple):
    """What to read in place of what in a module."""

    old: str
    new: str


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with changes. It is never written to a cache, nor read from one."""

    def __init__(self, name: str, path: str, changes: list[Change]) -> None:
        super().__init__(name, path)
        self._changes = changes

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self.get_data(self.path), self.path)

    def get_data(self, path: str) -> bytes:
        source = super().get_data(path).decode()
        for old, new in self._changes:
            source = changed(source, old, new, path)
        return source.encode()


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that are changed, by dotted name."""

    def __init__(self, changes: dict[str, list[Change]]) -> None:
        self._changes = changes

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._changes:
            return None
        file = ROOT / (name.replace(".", "/") + ".py")
        loader = Loader(name, str(file), self._changes[name])
        return importlib.machinery.ModuleSpec(name, loader, origin=str(file))


def changed(source: str, old: str, new: str, where: str) -> str:
    """A module's text with a change. Raises ValueError when what is to be changed is not there, or not only once."""
    if source.count(old) != 1:
        raise ValueError(f"{where} has {old!r} {source.count(old)} times: the mutation has to be written anew")
    return source.replace(old, new)


def put_back(name: str) -> None:
    """Let a fault be in the code, for all of this process. Before the project's modules are imported."""
    changes: dict[str, list[Change]] = {}
    for module, old, new in MUTATIONS[name].changes:
        changes.setdefault(module, []).append(Change(old, new))
    if loaded := changes.keys() & sys.modules.keys():
        raise RuntimeError(f"{', '.join(loaded)} were loaded before")
    sys.meta_path.insert(0, Finder(changes))
