"""The command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tests.bench.target import Target, from_file

DESCRIPTION = """\
Measure what signaling costs: connect + authenticate, create, join (request, accept, accepted), relay of 1.8 KB session
descriptions between gateways (as fast as they go, then 500 round trips a second), leave (a disconnect).

Without --app or --target, the whole system is started for it on this machine, and stopped at the end. The load comes
from one cheap client that uses nothing but what every server of these events offers, so another one can be given the
same work. With --against, both take turns, run by run, and medians are printed side by side with their ratios.
The first run of each is a warm-up and does not count."""

EPILOG = """\
A JSON file for --target or --against says where a running system is, on this machine:

  {"name": "old", "app": "http://127.0.0.1:5001", "urls": ["http://127.0.0.1:5001", "http://127.0.0.1:5002"],
   "password": "secret", "pids": {"gateway-0": 4711, "gateway-1": 4712, "redis": 4713}}

`app` has POST /app, `urls` are the gateways, `pids` all server processes. To compare at 2 and at 8 gateways:

  python -m tests.bench --gateways 2 --against old-2.json --rounds 5 --json 2.json
  python -m tests.bench --gateways 8 --against old-8.json --rounds 5 --json 8.json

Six other commands judge one goal each on a system that they start (each has --help, and ends with 1 when the goal is
missed):

  python -m tests.bench hold    10,000 idle connections on one gateway for 10 minutes: memory, CPU, losses
  python -m tests.bench life    what messages and data in rooms take of a room authority: CPU, memory, snapshots
  python -m tests.bench rooms   the CPU of a join in small rooms and in rooms of 64
  python -m tests.bench soak    memory of every process under a steady load for 30 minutes
  python -m tests.bench size    memory and pace of one room authority with many peers
  python -m tests.bench storm   round trips of others while thousands connect at once, because their gateway has died
  python -m tests.bench standstill  what clients notice of snapshots of 200,000 peers, and of kills meanwhile
  python -m tests.bench takeovers   whether the speaker keeps the lease at full load for 10 minutes"""


class Options(argparse.Namespace):
    """What was asked for. ``seconds`` is for each of the two relay phases."""

    gateways: int
    seconds: float
    rounds: int
    json: Path | None
    target: Target | None
    against: Target | None
    synced: bool


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; ends the process when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--gateways", type=int, default=2, help="how many to start [%(default)s]")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each relay phase [%(default)s]")
    parser.add_argument("--rounds", type=int, default=1, help="runs that count, of each system [%(default)s]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all figures of all runs go")
    parser.add_argument("--against", type=_target, metavar="FILE", help="a second system, to compare with")
    parser.add_argument("--target", type=_target, metavar="FILE", help="a running system to measure, as JSON")
    parser.add_argument(
        "--synced", action="store_true", help="compare with the same, whose NATS always syncs (its disk: TMPDIR)"
    )
    running = parser.add_argument_group("a running system to measure, by hand")
    running.add_argument("--app", metavar="URL", help="base URL of POST /app")
    running.add_argument("--urls", type=_list, metavar="URL,…", help="its gateways")
    running.add_argument("--password", default="", help="for POST /app")
    running.add_argument("--pids", type=_pids, default={}, metavar="NAME=PID,…", help="all its processes")
    options = parser.parse_args(arguments, namespace=Options())
    if (options.app is None) != (options.urls is None):
        parser.error("--app and --urls go together")
    if options.app is not None:
        options.target = Target("running", options.app, options.urls, options.password, options.pids)
    return options


def _target(path: str) -> Target:
    return from_file(Path(path))


def _list(text: str) -> list[str]:
    return text.split(",")


def _pids(text: str) -> dict[str, int]:
    pairs = (item.partition("=") for item in text.split(","))
    return {name: int(pid) for name, _, pid in pairs}
