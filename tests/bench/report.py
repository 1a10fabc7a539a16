"""What a benchmark found, as a JSON file and as tables for people."""

import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tests.bench.core_speed import CoreSpeed
from tests.bench.figures import Figures, Run, by_role, median
from tests.bench.meter import cpu_model


class Result(msgspec.Struct):
    """All runs of one target, and the memory of an idle connection in bytes (None if it was not measured)."""

    name: str
    gateways: int
    runs: list[Run]
    idle_bytes: float | None


class Report(msgspec.Struct):
    """Everything. ``core`` is our own core's speed, alone."""

    machine: str
    results: list[Result]
    core: CoreSpeed | None


def machine() -> str:
    """What the figures were obtained on."""
    return f"{cpu_model()}, Linux {platform.release()}, Python {platform.python_version()}"


def write(report: msgspec.Struct, path: Path) -> None:
    """The raw figures."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def text(report: Report) -> str:
    """Tables: each target on its own, then side by side if there are two."""
    medians = [median(result.runs) for result in report.results]
    parts = [report.machine]
    for result, middle in zip(report.results, medians, strict=True):
        parts.append(f"{result.name}, {result.gateways} gateways, medians of {len(result.runs)}")
        parts.append(table(HEAD, (_row(phase, figures) for phase, figures in middle.items()), left=(0, 5)))
        if result.idle_bytes is not None:
            parts.append(f"idle connection: {result.idle_bytes / 1024:.1f} KiB")
    if len(medians) == 2:
        parts.append(f"{report.results[0].name} / {report.results[1].name}")
        parts.append(table(HEAD[:5], _ratios(medians[0], medians[1])))
    if report.core is not None:
        core = report.core
        visits = f"{core.visits:,.0f} visits/s, {core.noticed:,.0f} with notices"
        parts.append(f"core alone: {core.relays:,.0f} relays/s, {visits}")
    return "\n\n".join(parts)


HEAD = ("", "rate /s", "p50 ms", "p99 ms", "CPU µs", "of which")


def _row(phase: str, figures: Figures) -> list[str]:
    roles = ", ".join(f"{role} {cpu * 1e6:.0f}" for role, cpu in by_role(figures).items())
    delays = (f"{delay * 1e3:.2f}" for delay in (figures.p50, figures.p99))
    return [phase, f"{figures.rate:,.0f}", *delays, f"{figures.cpu * 1e6:,.0f}", roles]


def _ratios(ours: Run, theirs: Run) -> Iterable[list[str]]:
    for phase, figures in ours.items():
        other = theirs[phase]
        pairs = (
            (figures.rate, other.rate),
            (figures.p50, other.p50),
            (figures.p99, other.p99),
            (figures.cpu, other.cpu),
        )
        yield [phase, *(f"{a / b:.2f}" if b else "" for a, b in pairs)]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Columns of equal width; those numbered in ``left`` begin at their left, the others are numbers."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
