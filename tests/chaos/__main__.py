"""``python -m tests.chaos``."""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.rig.run import Run

SHORT = 1.0  # minutes up to which faults are short, too


def main() -> int:
    """Run, and say what came of it; 1 if promises were broken."""
    options = _options()
    print(f"CHAOS_SEED={options.seed} CHAOS_MINUTES={options.minutes:g}", flush=True)
    longest = 4.0 if options.minutes <= SHORT else 20.0
    folder = Path(options.folder or tempfile.mkdtemp(prefix="parley-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    run = Run(folder, options.seed, options.minutes * 60, longest, lambda line: print(line, flush=True))
    outcome = asyncio.run(run.run())
    print(outcome.summary())
    for fault in outcome.faults + outcome.complaints:
        print(f"FAULT {fault}")
    print(f"the logs are in {folder}")
    return 1 if outcome.faults or outcome.complaints else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Kill, freeze and restart processes of a whole system under load, and check what its clients saw.",
    )
    environ = os.environ.get
    parser.add_argument("--seed", type=int, default=int(environ("CHAOS_SEED") or random.randrange(1_000_000)))
    parser.add_argument("--minutes", type=float, default=float(environ("CHAOS_MINUTES") or 1))
    parser.add_argument("--folder", help="for logs and the log's data; a new temporary one if not given")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
