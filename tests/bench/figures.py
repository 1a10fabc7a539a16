"""What was measured of one kind of operation, and what several runs of it come to."""

import statistics
from collections.abc import Sequence
from typing import Any

import msgspec


class Figures(msgspec.Struct, frozen=True):
    """``rate`` is operations per second, ``p50`` and ``p99`` are seconds.

    ``cpu`` is CPU seconds of all server processes for one operation, ``cpu_by_process`` what each took of it.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    cpu_by_process: dict[str, float]


Run = dict[str, Figures]  # by phase
FIELDS = ("rate", "p50", "p99", "cpu")


def figures(delays: Sequence[float], seconds: float, used: dict[str, float], events: int = 1) -> Figures:
    """``delays`` has the seconds of each operation, ``events`` is how many of what is counted there are in one."""
    count = len(delays) * events
    by_process = {name: cpu / count for name, cpu in used.items()}
    return Figures(count / seconds, share(delays, 0.5), share(delays, 0.99), sum(by_process.values()), by_process)


def share(values: Sequence[float], part: float) -> float:
    """The value that ``part`` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def median(runs: Sequence[Run]) -> Run:
    """The median of each figure over several runs, on its own."""
    return {phase: _median([run[phase] for run in runs]) for phase in runs[0]}


def by_role(figures: Figures) -> dict[str, float]:
    """CPU seconds per operation, processes of one kind together: ``gateway-0`` and ``gateway-1`` are ``gateway``."""
    roles: dict[str, float] = {}
    for name, cpu in figures.cpu_by_process.items():
        role = name.partition("-")[0]
        roles[role] = roles.get(role, 0.0) + cpu
    return roles


def _median(all_figures: Sequence[Figures]) -> Figures:
    middle: dict[str, Any] = {name: statistics.median(getattr(f, name) for f in all_figures) for name in FIELDS}
    processes = all_figures[0].cpu_by_process
    cpu = {name: statistics.median(f.cpu_by_process[name] for f in all_figures) for name in processes}
    return Figures(**middle, cpu_by_process=cpu)
