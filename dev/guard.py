"""Ends the children of a launcher that was killed and could not end them itself.

The launcher says on this process's standard input which children it has (``watch PID``) and which have ended
(``forget PID``). The input ends when the launcher does, however that came about.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Set

PATIENCE = 3.5  # seconds that the children have to end in good order


def read(lines: Iterable[str]) -> set[int]:
    """The children that are still watched when the lines end."""
    watched: set[int] = set()
    for line in lines:
        verb, pid = line.split()
        if verb == "watch":
            watched.add(int(pid))
        else:
            watched.discard(int(pid))
    return watched


def end(children: Set[int], patience: float = PATIENCE) -> None:
    """Ask the children's process groups to end, and kill those that do not."""
    _signal(children, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(map(_is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    _signal(children, signal.SIGKILL)


def _signal(children: Set[int], number: int) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, number)


def _is_alive(child: int) -> bool:
    try:
        os.killpg(child, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says this of a group that only has dead processes
        return False
    return True


if __name__ == "__main__":
    end(read(sys.stdin))
