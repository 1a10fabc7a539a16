"""The guard, with a launcher that is killed."""

import os
import signal
import subprocess
import sys
import time

from dev import guard

LAUNCHER = """
import asyncio, os, sys
from dev.processes import Processes, Program

async def main():
    async with Processes(lambda name, line: print(line, flush=True)) as running:
        code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
        await running.start(Program("child", [sys.executable, "-c", code], os.environ))
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_it_watches_what_it_is_not_told_to_forget() -> None:
    assert guard.read(["watch 1\n", "watch 2\n", "forget 1\n"]) == {2}


def test_a_launcher_that_is_killed_leaves_no_child() -> None:
    with subprocess.Popen([sys.executable, "-c", LAUNCHER], stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout
        child = int(launcher.stdout.readline())
        launcher.kill()
    assert ends(child, within=guard.PATIENCE + 2)


def test_one_that_ignores_the_request_is_killed() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    command = [sys.executable, "-c", deaf]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout
        child.stdout.readline()
        guard.end({child.pid}, patience=0.2)
        assert child.wait(5) == -signal.SIGKILL


def ends(pid: int, within: float) -> bool:
    """Whether the process is gone, or dead and not yet collected, in that many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        if state.stdout.strip()[:1] in ("", "Z"):
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return False
