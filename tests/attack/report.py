"""What the attacks did, as a table for people and as JSON."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.attack.judge import GROWTH, WORST, Evidence
from tests.bench import report

HEAD = (
    "attack", "row", "worst ms", "disconnected", "refused", "places", "rooms", "most grown", "MiB", "MB sent",
    "CPU ns/byte", "tracebacks", "lines", "",
)  # fmt: skip
LEFT = (0, 7, len(HEAD) - 1)
GOALS = (
    f"Goals: no witness is disconnected or refused, none waits longer than {WORST * 1000:g} ms, no process grows by "
    f"more than {GROWTH:g} MiB, no place or room is lost, no process ends, no traceback is logged, no breach."
)
METHOD = (
    "Two gateways, two brokers, NATS with its users, and auth_api: a new system for each attack, with witnesses and\n"
    "attacker on the same machine. The attacker is a process of its own, at an address of its own, and niced, so that\n"
    "what is measured is the servers' doing, and not how the cores are shared with the attacker."
)


class Report(msgspec.Struct):
    """Everything."""

    machine: str
    attacks: list[Evidence]
    missed: dict[str, list[str]]


def made(found: Sequence[Evidence]) -> Report:
    """The report on these attacks."""
    missed = {seen.attack: seen.missed for seen in found if seen.missed}
    return Report(report.machine(), list(found), missed)


def write(found: Report, path: Path) -> None:
    """All figures."""
    report.write(found, path)


def text(found: Report) -> str:
    """For people."""
    parts = [found.machine, METHOD, report.table(HEAD, [row(seen) for seen in found.attacks], LEFT), GOALS]
    parts += [f"MISSED {name}: {'; '.join(goals)}" for name, goals in found.missed.items()]
    return "\n\n".join(parts if found.missed else [*parts, "all goals reached"])


def page(found: Report) -> str:
    """A page in Markdown, with what each attack does."""
    lines = ["# Attacks", "", *METHOD.splitlines(), f"Machine: {found.machine}.", "", GOALS, ""]
    lines += ["`make attack ARGS='--page ATTACKS.md'` writes this page.", ""]
    lines += [
        "| attack | what it does | MB sent | longest wait of a witness | most grown | goals |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(_page_row(seen))} |" for seen in found.attacks]
    return "\n".join(lines) + "\n"


def _page_row(seen: Evidence) -> list[str]:
    most = _most_grown(seen)
    grown = f"{most} {seen.grown[most]:,.0f} MiB" if most else ""
    what = seen.what.replace("|", "&#124;")
    missed = "; ".join(seen.missed) or "held"
    return [f"`{seen.attack}`", what, f"{seen.sent / 1e6:.1f}", f"{seen.worst * 1000:,.0f} ms", grown, missed]


def _most_grown(seen: Evidence) -> str:
    return max(seen.grown, key=lambda name: seen.grown[name], default="")


def row(seen: Evidence) -> list[str]:
    """One attack's line."""
    most = _most_grown(seen)
    return [
        seen.attack,
        str(seen.row or ""),
        f"{seen.worst * 1000:,.0f}",
        str(seen.disconnected),
        str(sum(seen.refused.values())),
        str(seen.places),
        str(seen.rooms),
        most,
        f"{seen.grown.get(most, 0):,.0f}",
        f"{seen.sent / 1e6:.2f}",
        f"{seen.cpu / seen.sent * 1e9:,.0f}" if seen.sent else "",
        str(seen.tracebacks),
        str(seen.lines),
        "MISSED" if seen.missed else "held",
    ]
