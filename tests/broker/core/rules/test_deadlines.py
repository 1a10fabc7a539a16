import importlib
import inspect
import pkgutil
import typing

import pytest

from broker.core import rules
from broker.core.context import Context
from broker.core.rules import deadlines
from broker.core.rules.deadlines import Deadline, next_due
from broker.core.state import State
from shared.envelopes.entries import Tick
from tests.broker.world import World

Happened = list[tuple[str, float]]


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> Happened:
    """Two more kinds of deadlines, which have no time and a time of the test's own."""
    happened: Happened = []

    def happen(core: Context) -> None:
        happened.append(("happened", core.state.now))

    more = (Deadline(lambda _: None, happen), Deadline(lambda state: state.now + 5, happen))
    monkeypatch.setattr(deadlines, "DEADLINES", (*deadlines.DEADLINES, *more))
    return happened


def test_nothing_is_due_where_nothing_waits() -> None:
    assert next_due(State()) is None


def test_the_first_of_all_kinds_is_due_next(happened: Happened) -> None:
    world = World()
    assert next_due(world.core.state) == world.core.state.now + 5
    world.peer(resumable=True).close()
    assert next_due(world.core.state) == world.core.state.now + 5
    world.core.state.absent = dict.fromkeys(world.core.state.absent, world.core.state.now + 1)
    assert next_due(world.core.state) == world.core.state.now + 1


def test_every_kind_happens_when_time_passes(happened: Happened) -> None:
    world = World()
    peer = world.peer(resumable=True)
    peer.close()
    world.now += 31
    world.say(Tick(world.term))
    assert happened == [("happened", world.now)] * 2
    assert peer.peer_id not in world.core.state.peers


def test_every_time_that_a_rule_names_is_waited_for() -> None:
    """Whoever says in ``broker/core/rules`` when something is due belongs into DEADLINES, or it never happens."""
    found = {
        f"{module.__name__}.{name}"
        for module in map(importlib.import_module, modules())
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
        if typing.get_type_hints(value) == {"state": State, "return": float | None}
    }
    waited_for = {f"{due.__module__}.{due.__name__}" for due, _ in deadlines.DEADLINES}
    assert found - {"broker.core.rules.deadlines.next_due"} == waited_for


def modules() -> list[str]:
    return [f"{rules.__name__}.{module.name}" for module in pkgutil.iter_modules(rules.__path__)]
