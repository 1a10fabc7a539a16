"""``python -m tests.attack``."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.attack import report
from tests.attack.catalogue import ATTACKS, named
from tests.attack.judge import Evidence
from tests.attack.run import MOST, Run
from tests.bench import files

DESCRIPTION = """\
Attack a whole system on this machine from outside, in one way after the other, while honest clients are served, and
judge whether they noticed. Each attack has a system of its own, and ends by itself: after --seconds, or --bytes.

The attacker is a process of its own, at an address of its own (127.0.0.2, so it needs Linux), and nice."""

SECONDS = 5.0
MOST_FILES = 8000


class Options(argparse.Namespace):
    """What was asked for."""

    only: list[str]
    list: bool
    seconds: float
    bytes: int
    json: Path | None
    page: Path | None
    folder: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Attack, and print the table; 1 if a goal was missed."""
    options = _parse(arguments)
    names = list(dict.fromkeys(name for part in options.only for name in named(part))) or list(ATTACKS)
    if options.list:
        _list(names)
        return 0
    files.allow(MOST_FILES)
    folder = options.folder or Path(tempfile.mkdtemp(prefix="parley-attack-"))
    found = [carry_out(name, folder, options) for name in names]
    made = report.made(found)
    if options.json is not None:
        report.write(made, options.json)
    if options.page is not None:
        options.page.write_text(report.page(made))
    print("\n" + report.text(made))
    print(f"\nthe logs are in {folder}")
    return 1 if made.missed else 0


def carry_out(name: str, folder: Path, options: Options) -> Evidence:
    """One attack; says at once how it went."""
    own = folder / name
    own.mkdir(parents=True)
    try:
        # not in uvloop, whose sockets cannot be cut
        evidence = asyncio.run(Run(ATTACKS[name], own, options.seconds, options.bytes).run())
    except (AssertionError, OSError) as trouble:
        evidence = Evidence(attack=name, what=ATTACKS[name].what, breaches=[f"it could not be carried out: {trouble}"])
    print(f"{name}: {'; '.join(evidence.missed) or 'held'}", file=sys.stderr, flush=True)
    return evidence


def _list(names: Sequence[str]) -> None:
    for name in names:
        print(f"{name:32} {ATTACKS[name].row or '':2} {ATTACKS[name].what}")


def _parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m tests.attack",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="attacks named so (again for more)")
    parser.add_argument("--list", action="store_true", help="name the attacks, and do nothing")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each attack lasts [%(default)s]")
    parser.add_argument("--bytes", type=int, default=MOST, help="how much it sends at most [%(default)s]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all figures go")
    parser.add_argument("--page", type=Path, metavar="FILE", help="where a page in Markdown goes")
    parser.add_argument("--folder", type=Path, help="for logs and the log's data; a new temporary one if not given")
    options = parser.parse_args(arguments, namespace=Options())
    if unknown := [part for part in options.only if not named(part)]:
        parser.error(f"no attack is named so: {', '.join(unknown)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
