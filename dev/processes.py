"""The processes of the local system: started together, shown together, stopped together."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Self

from dev.trouble import Trouble

PATIENCE = 3.5  # seconds that a process has to end in good order
BASE_PATIENCE = 1.0  # the same for the base, which ends after all others
MOST_RESTARTS = 10  # of all processes
RESTARTS_WITHIN = 30.0  # seconds
LONGEST_LINE = 64 * 1024

Show = Callable[[str, str], None]  # gets the name of a process and one line of its log


@dataclasses.dataclass(frozen=True)
class Program:
    """A process to be: what it is called here, and how it is started."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]


class Running:
    """A program that was started, in a session of its own, so that the terminal's Ctrl-C reaches the launcher alone."""

    def __init__(self, program: Program, child: Process, show: Show) -> None:
        self.name = program.name
        self.program = program
        self.child = child
        self.output = asyncio.create_task(self._show_lines(show))
        self.ended = asyncio.create_task(child.wait())

    @classmethod
    async def start(cls, program: Program, show: Show, held: Sequence[int]) -> Self:
        child = await asyncio.create_subprocess_exec(
            *program.command,
            env=program.environ,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
            pass_fds=held,
        )
        return cls(program, child, show)

    def send(self, number: signal.Signals) -> None:
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, number)

    async def _show_lines(self, show: Show) -> None:
        assert self.child.stdout
        async for line in lines(self.child.stdout):
            show(self.name, line)


class Processes:
    """A context whose end is the end of every process started in it.

    The first one started is the base: the others need it until they have ended, so it is stopped last.
    """

    def __init__(self, show: Show, held: Sequence[int] = ()) -> None:
        """``held`` are file descriptors that stay open until the last process has ended."""
        self._show = show
        self._held = held
        self._running: list[Running] = []
        self._restarts: deque[float] = deque(maxlen=MOST_RESTARTS)  # monotonic seconds

    async def __aenter__(self) -> Self:
        # It has a session of its own as well: what kills the launcher must not kill it.
        self._guard = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dev.guard", stdin=PIPE, stdout=DEVNULL, start_new_session=True, pass_fds=self._held
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop(self._running[1:], PATIENCE)
        await self._stop(self._running[:1], BASE_PATIENCE)
        assert self._guard.stdin
        self._guard.stdin.close()
        await self._guard.wait()

    async def start(self, program: Program) -> None:
        self._running.append(await self._start(program))

    async def watch(self) -> None:
        """Wait until one of the processes ends. Raises Trouble, since none should."""
        casualties = await self._casualties()
        raise Trouble("\n".join(f"{each.name} ended with {how(each.ended.result())}." for each in casualties))

    async def keep(self, tell: Callable[[str], None]) -> None:
        """Start again each process that ends, as a supervisor does. Raises Trouble when that happens all the time."""
        while casualties := await self._casualties():
            for each in casualties:
                ended = f"{each.name} ended with {how(each.ended.result())}"
                if len(self._restarts) == MOST_RESTARTS and time.monotonic() - self._restarts[0] < RESTARTS_WITHIN:
                    raise Trouble(f"{ended}, after {MOST_RESTARTS} restarts in {RESTARTS_WITHIN:g} s.")
                self._restarts.append(time.monotonic())
                tell(f"{ended}: starting it again")
                self._running[self._running.index(each)] = await self._start(each.program)

    async def _start(self, program: Program) -> Running:
        running = await Running.start(program, self._show, self._held)
        self._tell_guard("watch", running)
        running.ended.add_done_callback(lambda _: self._tell_guard("forget", running))
        return running

    async def _casualties(self) -> list[Running]:
        """Wait until some of the processes have ended, and show what they said last."""
        ended, _ = await asyncio.wait([each.ended for each in self._running], return_when=asyncio.FIRST_COMPLETED)
        casualties = [each for each in self._running if each.ended in ended]
        await _drain(casualties)
        return casualties

    async def crash(self, name: str) -> bool:
        """Kill the process of that name, and wait until it has ended. Returns whether it was running."""
        for running in self._running:
            if running.name == name and not running.ended.done():
                running.send(signal.SIGKILL)
                await asyncio.wait([running.ended])
                return True
        return False

    def kill(self) -> None:
        """End all of them at once, without ceremony."""
        for running in self._running:
            running.send(signal.SIGKILL)

    async def _stop(self, chosen: list[Running], patience: float) -> None:
        if not chosen:
            return
        for running in chosen:
            running.send(signal.SIGTERM)
        _, stubborn = await asyncio.wait([each.ended for each in chosen], timeout=patience)
        for running in chosen:
            if running.ended in stubborn:
                self._show(running.name, f"did not stop within {patience:g} s: killed")
                running.send(signal.SIGKILL)
                await running.ended
        await _drain(chosen)

    def _tell_guard(self, verb: str, running: Running) -> None:
        assert self._guard.stdin
        self._guard.stdin.write(f"{verb} {running.child.pid}\n".encode())


async def _drain(ended: list[Running]) -> None:
    """Show what they said last. A limit, since a process of theirs may hold the pipe open."""
    await asyncio.wait([each.output for each in ended], timeout=0.5)


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """The lines of a stream. One that never ends is given out in pieces."""
    rest = b""
    while chunk := await stream.read(LONGEST_LINE):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
        if len(rest) > LONGEST_LINE:
            yield rest.decode(errors="replace")
            rest = b""
    if rest:
        yield rest.decode(errors="replace")


def how(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    return f"signal {-exit_code} ({signal.Signals(-exit_code).name})"
