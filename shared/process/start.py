"""What every process does first and last: ``--help``, settings, logs, uvloop, signals."""

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

from shared.process.settings import SettingError, read, table
from shared.process.stop import Stop

T = TypeVar("T")

MANY_FILES = 131072  # enough sockets for one process


def settings_from_environment(program: str, what: str, cls: type[T]) -> T:
    """Answer ``--help``, then read the settings; a wrong one ends the process with code 2 and one line."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=what,
        epilog=f"Settings, from the environment:\n\n{_settings_text(cls)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    try:
        return read(cls, os.environ)
    except SettingError as error:
        sys.exit(_fail(program, str(error)))


def run(main: Callable[[Stop], Coroutine[Any, Any, None]]) -> None:
    """Run ``main`` until it ends. What it gets is set on SIGTERM and SIGINT.

    The process ends with code 1 if ``main`` gave up, or raised SettingError, which is told in one line.
    """
    stop: Stop | None = None

    async def until_stopped() -> None:
        nonlocal stop
        stop = Stop()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await main(stop)

    _allow_many_files()
    gc.freeze()  # what has been imported stays: the collector need not look at it again
    try:
        uvloop.run(until_stopped())
    except SettingError as error:
        sys.exit(str(error))
    if stop is not None and stop.why:
        sys.exit(1)


def _allow_many_files() -> None:
    """Each socket is an open file, and the soft limit of many systems is 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if most == resource.RLIM_INFINITY else min(most, MANY_FILES)
    with contextlib.suppress(ValueError, OSError):  # macOS allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _fail(program: str, message: str) -> int:
    print(f"{program}: {message}", file=sys.stderr)
    return 2


def _settings_text(cls: type[Any]) -> str:
    rows = table(cls)
    width = max(len(name) for name, _, _ in rows)
    return "\n".join(f"  {name:<{width}}  {doc} [{default}]" for name, default, doc in rows)
