"""The event loop of one simulated process: its time is the universe's, give or take what its clock is off."""

import asyncio
import functools
import itertools
import math
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

from tests.sim.universe import Universe

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where in memory it lies."""

    _number = 0

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number


class Handle:
    """Something that is to be done. What is simulated has no context variables, so none are kept for it."""

    __slots__ = ("args", "callback", "due", "loop", "void")

    def __init__(self, loop: "Loop", callback: Callable[..., object], args: tuple[Any, ...], due: float = 0.0) -> None:
        self.loop = loop
        self.callback = callback
        self.args = args
        self.due = due
        self.void = False

    def cancel(self) -> None:
        self.void = True

    def cancelled(self) -> bool:
        return self.void

    def when(self) -> float:
        return self.due

    def come(self) -> None:
        """It is time for it."""
        if not self.void:
            self.loop.come(self)


class Loop(asyncio.BaseEventLoop):
    """First in, first out, as any event loop. Its clock runs ``rate`` times as fast as time passes.

    What it does takes no time: whenever it has something to do, it does that, and all that follows, before anything
    else happens. A loop that is ``frozen`` does nothing until it is thawed; one that was dropped never does anything
    again.
    """

    def __init__(self, universe: Universe, complain: Callable[[str], None], rate: float = 1.0) -> None:
        super().__init__()
        self.universe = universe
        self.who = ""  # the process that it is of
        self.frozen = False
        self.dropped = False
        self._complain = complain
        self._rate = rate
        self._ready: deque[Handle] = deque()
        self._turn_due = False
        self._numbers = itertools.count()

    # what a process asks of its loop

    def time(self) -> float:
        return self.universe.time * self._rate

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: object = None) -> Any:
        handle = Handle(self, callback, args)
        if not self.dropped:
            self._ready.append(handle)
            if not self._turn_due and not self.frozen:
                self._take_turn_soon()
        return handle

    def call_soon_threadsafe(self, callback: Callable[[*Ts], object], *args: *Ts, context: object = None) -> Any:
        return self.call_soon(callback, *args)

    def call_later(self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: object = None) -> Any:
        return self.call_at(self.universe.time * self._rate + delay, callback, *args)

    def call_at(self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: object = None) -> Any:
        handle = Handle(self, callback, args, when)
        due = when / self._rate
        while due * self._rate < when:
            due = math.nextafter(due, math.inf)
        self.universe.at(due, handle.come)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **options: Any) -> Task:
        return Task(next(self._numbers), coro, loop=self, **options)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """What another thread would do, done at once; its result comes a little later."""
        future: asyncio.Future[T] = self.create_future()
        try:
            step: Any = functools.partial(_resolve, future, func(*args))
        except Exception as error:
            step = functools.partial(_fail, future, error)
        self.call_later(self.universe.chance.uniform(0, 0.02), step)
        return future

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return self.dropped

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.dropped:
            self._complain(f"{context.get('message')}: {context.get('exception')!r}")

    # what the world does to it

    def arrive(self, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Something comes in from outside: a step of the universe, and nothing else happens in that."""
        self.come(Handle(self, callback, args))

    def come(self, handle: Handle) -> None:
        """Something is to be done now: likewise."""
        if not self.dropped:
            self._ready.append(handle)
            if not self._turn_due and not self.frozen:
                self._turn()

    def freeze(self) -> None:
        """Like SIGSTOP."""
        self.frozen = True

    def thaw(self) -> None:
        """Like SIGCONT."""
        self.frozen = False
        if self._ready and not self._turn_due:
            self._take_turn_soon()

    def drop(self) -> None:
        """Like ``kill -9``: nothing of it runs again, not even what was to be done in the end."""
        self.dropped = True
        self._ready.clear()

    def dispose(self) -> None:
        """Free what a dropped loop's tasks hold. What they would do in the end comes to nothing."""
        self.drop()
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _close(task.get_coro())
        self._ready.clear()

    def _take_turn_soon(self) -> None:
        self._turn_due = True
        self.universe.soon(self._turn)

    def _turn(self) -> None:
        if self.frozen or self.dropped:
            self._turn_due = False
            return
        ready = self._ready
        self._turn_due = True  # what comes up meanwhile belongs to it
        events._set_running_loop(self)
        try:
            while ready:
                handle = ready.popleft()
                if not handle.void:
                    try:
                        handle.callback(*handle.args)
                    except Exception as error:
                        self.call_exception_handler({"message": "in a callback", "exception": error})
        finally:
            events._set_running_loop(None)
            self._turn_due = False


def _close(coroutine: Any) -> None:
    """End a coroutine where it stands; some of them do not want to at once."""
    for _ in range(100):
        try:
            coroutine.close()
        except BaseException:  # noqa: S112 - whatever it would have done is of no interest any more
            continue
        return


def _resolve(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
