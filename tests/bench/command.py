"""What the commands that judge one goal each have in common: ``hold``, ``rooms``, ``soak``, ``storm`` and the like."""

import argparse
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from tests.bench import report
from tests.bench.client import Fault


class Finding(msgspec.Struct, kw_only=True):
    """What was measured. ``missed`` has a sentence for each goal that was not reached."""

    machine: str = msgspec.field(default_factory=report.machine)
    missed: list[str] = []

    def text(self) -> str:
        """For people."""
        raise NotImplementedError


class Options(argparse.Namespace):
    """What every command takes."""

    json: Path | None


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """The command line of ``tests.bench <name>``, to be extended."""
    made = argparse.ArgumentParser(
        prog=f"python -m tests.bench {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="where all figures go")
    return made


def carry_out(work: Coroutine[Any, Any, Finding], options: Options) -> int:
    """Measure, and tell what was found. The exit code: 1 if a goal was missed, or nothing could be measured."""
    try:
        found = uvloop.run(work)
    except Fault as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    if options.json is not None:
        report.write(found, options.json)
    print(found.machine, found.text(), *(_verdict(found)), sep="\n\n")
    return 1 if found.missed else 0


def say(what: str) -> None:
    """Tell whoever waits how far it is."""
    print(what, file=sys.stderr, flush=True)


def _verdict(found: Finding) -> list[str]:
    return [f"MISSED: {goal}" for goal in found.missed] or ["all goals reached"]
