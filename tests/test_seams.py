"""Clocks, ids, chance and NATS come from outside: whoever starts a process passes them in, so that a test can too."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests import imports

# What asks this machine for the time, for chance or for what nobody can guess. Pure ways to use them are not here.
ASKS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"},
    "random": None,  # all of it
    "secrets": None,
    "uuid": {"uuid1", "uuid4"},
    "os": {"urandom", "getrandom"},
}
CALENDAR = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
OF_NATS = {"nats.errors", "nats.js.errors", "nats.js.api"}  # errors, and plain classes without a connection
EXEMPT = {
    "shared.process.world": "it is where they come from",
    "shared.process.probes": "how long /metrics took; no answer to a client follows from it",
    "gateway.transport": "up to a connected client it is real connections, of real clients",
    "dev": "it starts real processes, and is no part of one",
}


def asked(source: str) -> Iterator[str]:
    """What a module asks for, as ``module.name``, however it imports it."""
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in ASKS}
        elif isinstance(node, ast.ImportFrom) and node.module in ASKS:
            yield from (f"{node.module}.{alias.name}" for alias in node.names if _is_asking(node.module, alias.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            module = names[node.value.id]
            if _is_asking(module, node.attr):
                yield f"{module}.{node.attr}"
        elif isinstance(node, ast.Attribute) and ast.unparse(node).endswith(CALENDAR):
            yield ast.unparse(node)


def _is_asking(module: str, name: str) -> bool:
    some = ASKS[module]
    return some is None or name in some


def is_exempt(name: str) -> bool:
    return any(name == exempt or name.startswith(f"{exempt}.") for exempt in EXEMPT)


def modules() -> dict[str, Path]:
    return {name: path for name, path in imports.modules().items() if not is_exempt(name)}


def test_nothing_asks_this_machine_for_the_time_or_for_chance() -> None:
    found = {name: sorted(asked(path.read_text())) for name, path in modules().items()}
    assert {name: asks for name, asks in found.items() if asks} == {}


def test_processes_reach_nats_through_our_own_interface_only() -> None:
    parts = imports.graph(imports.modules())
    reached = {
        name: {other for other in parts[name] if other.split(".")[0] == "nats" or other == "shared.messaging.nats"}
        for name in parts
        if not name.startswith("shared.messaging.")
    }
    assert {name: others - OF_NATS for name, others in reached.items() if others - OF_NATS} == {}
    assert any(reached.values())


def test_every_exemption_is_needed() -> None:
    needed = {name for name, path in imports.modules().items() if list(asked(path.read_text()))}
    assert {
        exempt for exempt in EXEMPT if not any(name == exempt or name.startswith(f"{exempt}.") for name in needed)
    } == set()


def test_asking_is_found_however_it_is_written() -> None:
    assert list(asked("import time\ntime.time()")) == ["time.time"]
    assert list(asked("import time as t\nf(t.monotonic)")) == ["time.monotonic"]
    assert list(asked("from time import monotonic as now")) == ["time.monotonic"]
    assert list(asked("from uuid import uuid4")) == ["uuid.uuid4"]
    assert list(asked("import random\nrandom.Random(7)")) == ["random.Random"]
    assert list(asked("import os, uuid\nos.urandom(8)\nuuid.UUID(x)")) == ["os.urandom"]
    assert list(asked("import datetime\ndatetime.datetime.now()")) == ["datetime.datetime.now"]
    assert list(asked("def f(time): return time.time()")) == []
