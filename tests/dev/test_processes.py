"""The runner, on stand-ins: small Python programs that behave well or badly."""

import asyncio
import os
import sys
import time

import pytest

from dev import processes
from dev.processes import Processes, Program
from dev.trouble import Trouble

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
POLITE = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("bye", flush=True), sys.exit(0)))
print("up", flush=True)
time.sleep(60)
"""


class Log:
    """Records what the processes say."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, name: str, text: str) -> None:
        self.lines.append((name, text))

    async def until(self, *expected: tuple[str, str]) -> None:
        async with asyncio.timeout(10):
            while not set(expected) <= set(self.lines):
                await asyncio.sleep(0.01)


def python(name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code], os.environ)


async def test_each_line_comes_with_the_name_of_its_process() -> None:
    log = Log()
    async with Processes(log) as running:
        await running.start(python("base", "import sys; print('out'); print('err', file=sys.stderr)"))
        await log.until(("base", "out"), ("base", "err"))


async def test_the_base_stops_last() -> None:
    log = Log()
    async with Processes(log) as running:
        await running.start(python("base", POLITE))
        await running.start(python("other", POLITE.replace("(print", "(time.sleep(0.3), print")))
        await log.until(("base", "up"), ("other", "up"))
    assert log.lines[-2:] == [("other", "bye"), ("base", "bye")]


async def test_one_that_does_not_stop_is_killed_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.3)
    log = Log()
    async with Processes(log) as running:
        await running.start(python("base", SLEEP))
        await running.start(python("deaf", DEAF))
        await log.until(("base", "up"), ("deaf", "up"))
    assert ("deaf", "did not stop within 0.3 s: killed") in log.lines


async def test_a_death_is_told_with_its_exit_code_and_last_words() -> None:
    log = Log()
    async with Processes(log) as running:
        await running.start(python("base", SLEEP))
        await running.start(python("mortal", "print('last words'); raise SystemExit(7)"))
        with pytest.raises(Trouble, match="mortal ended with exit code 7"):
            await running.watch()
        assert ("mortal", "last words") in log.lines


async def test_a_death_by_signal_is_told_with_the_name_of_the_signal() -> None:
    async with Processes(Log()) as running:
        await running.start(python("mortal", "import os; os.kill(os.getpid(), 9)"))
        with pytest.raises(Trouble, match=r"mortal ended with signal 9 \(SIGKILL\)"):
            await running.watch()


async def test_one_that_ends_all_the_time_is_not_started_for_ever() -> None:
    told: list[str] = []
    async with Processes(Log()) as running:
        await running.start(python("mortal", "raise SystemExit(3)"))
        with pytest.raises(Trouble, match="mortal ended with exit code 3, after 10 restarts"):
            await running.keep(told.append)
    assert told == ["mortal ended with exit code 3: starting it again"] * processes.MOST_RESTARTS


async def test_kill_ends_even_the_deaf_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BASE_PATIENCE", 30)
    log = Log()
    async with Processes(log) as running:
        await running.start(python("base", DEAF))
        await log.until(("base", "up"))
        started = time.monotonic()
        running.kill()
    assert time.monotonic() - started < 10


async def test_a_line_without_end_is_shown_in_pieces() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(b"x" * 200_000 + b"\nlast")
    stream.feed_eof()
    pieces = [line async for line in processes.lines(stream)]
    assert max(map(len, pieces)) <= 2 * processes.LONGEST_LINE
    assert "".join(pieces) == "x" * 200_000 + "last"
