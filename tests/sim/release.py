"""Releases before this one, beside it: processes that know no more than one does, and what its core makes of a log.

Its core is loaded beside ours, from the history of the repository. Its gateways and brokers are ours, but know only the
levels up to its own: they say so, and end if the log is at a higher one.
"""

import contextlib
import dataclasses
import functools
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import patch

from prometheus_client import REGISTRY

from broker.core import levels as core_levels
from broker.core.limits import Limits
from broker.speaking import agreement
from gateway.outgoing import link
from shared.envelopes import levels
from shared.envelopes.entries import LevelRaised, unpack_batch
from tests.chaos.rig.release import COMMITS, PACKAGES, is_here, unpack
from tests.sim.mutation import Finder
from tests.sim.stream import Stored

OF_LEVEL = dict(enumerate(COMMITS, levels.FIRST))  # releases by the highest level that they know


class Levels(ModuleType):
    """What the running process takes for ``shared.envelopes.levels``."""

    def __init__(self, level: Callable[[], int]) -> None:
        super().__init__(levels.__name__)
        self.__dict__.update({name: value for name, value in vars(levels).items() if name != "LEVEL"})
        self._level = level

    @property
    def LEVEL(self) -> int:  # noqa: N802 - it stands for a constant
        return self._level()


@contextlib.contextmanager
def knowing(level: Callable[[], int]) -> Iterator[None]:
    """Let ``level`` say which levels a process knows."""
    known = Levels(level)
    with (
        patch.object(core_levels, "levels", known),
        patch.object(agreement, "levels", known),
        patch.object(link, "levels", known),
    ):
        yield


@functools.cache
def knowing_up_to(level: int) -> SimpleNamespace | None:
    """A release's core, and what goes in and comes out of it; None if it is not in this clone's history."""
    if not is_here(OF_LEVEL[level]):
        return None
    with tempfile.TemporaryDirectory(prefix="parley-release-") as folder, _instead_of_ours(folder):
        unpack(OF_LEVEL[level], Path(folder))
        belief, machine = import_module("broker.core.belief"), import_module("broker.core.machine")
        deliveries = import_module("shared.envelopes.deliveries")
        return SimpleNamespace(
            believe=belief.believe,
            Unbelievable=belief.Unbelievable,
            NOTHING=belief.NOTHING,
            Core=machine.Core,
            Limits=import_module("broker.core.limits").Limits,
            pack=deliveries.pack_message,
        )


@contextlib.contextmanager
def _instead_of_ours(folder: str) -> Iterator[None]:
    """Import the packages in a folder, and have ours again in the end. Their metrics are not counted."""
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in PACKAGES}
    for name in ours:
        del sys.modules[name]
    sys.path.insert(0, folder)
    finders = [finder for finder in sys.meta_path if not isinstance(finder, Finder)]
    try:
        with patch.object(REGISTRY, "register", lambda _: None), patch.object(sys, "meta_path", finders):
            yield
    finally:
        sys.path.remove(folder)
        for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
            del sys.modules[name]
        sys.modules.update(ours)


def parcels(level: int, log: list[tuple[int, Stored]], limits: Limits) -> Iterator[tuple[int, list[bytes]]]:
    """What follows from each message of a log by an earlier release, up to where the level is higher than it knows."""
    release = knowing_up_to(level)
    if release is None:
        return
    known = {field.name for field in dataclasses.fields(release.Limits)}
    core = release.Core(
        release.Limits(**{name: value for name, value in dataclasses.asdict(limits).items() if name in known})
    )
    for position, stored in log:
        if any(isinstance(entry, LevelRaised) and entry.level > level for entry in unpack_batch(stored.data).entries):
            return
        try:
            batch, _ = release.believe(core.state, stored.subject, stored.data)
        except release.Unbelievable:
            batch = release.NOTHING
        made = core.apply(position, stored.time / 1e6, batch)
        yield position, [release.pack(parcel) for _, parcel in made]
