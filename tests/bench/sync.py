"""``python -m tests.bench.sync``: what it costs when NATS syncs always, so that a power cut loses nothing.

Two systems of ours take turns, run by run; the second one's NATS syncs each message before it says that it has it. How
much that is depends on the disk of the temporary folder (TMPDIR).
"""

import argparse
import sys

import uvloop

from tests.bench import options, report
from tests.bench.__main__ import measure
from tests.bench.client import Fault
from tests.bench.target import started


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sync", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each relay phase [%(default)s]")
    parser.add_argument("--rounds", type=int, default=5, help="runs that count, of each system [%(default)s]")
    asked = parser.parse_args()
    try:
        print(report.text(uvloop.run(_measure(asked.seconds, asked.rounds))))
    except Fault as fault:
        print(f"bench: {fault}", file=sys.stderr)
        return 1
    return 0


async def _measure(seconds: float, rounds: int) -> report.Report:
    async with started(2, "always synced", "always") as synced:
        given = options.parse(["--seconds", str(seconds), "--rounds", str(rounds)])
        given.against = synced
        return await measure(given)


if __name__ == "__main__":
    sys.exit(main())
