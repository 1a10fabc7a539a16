"""The polls of one session. A poll whose connection has gone takes nothing with it."""

from collections.abc import Callable
from typing import Any

from gateway.transport.engineio.endings import ProtocolError
from gateway.transport.packet_queue import PacketQueue

MAX_POLLS = 4  # of one session that wait at once: some may be of a connection that broke


class Polls:
    """How many polls wait, and whether the last answer can have arrived.

    ``on_lost`` is called when it turns out that it cannot have.
    """

    __slots__ = ("_answered", "_on_lost", "waiting")

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self.waiting = 0
        self._answered: Any = None

    async def wait(self, queue: PacketQueue, caller: Any) -> None:
        """Return as soon as something is in the ``queue``. ``caller`` is the connection that the client asks on.

        Raises ConnectionError when that has gone; ProtocolError when too many polls wait already, or the last answer
        has not arrived.
        """
        if self.waiting >= MAX_POLLS:
            raise ProtocolError("Too many polls")
        self._look_after_last_answer(caller)
        self.waiting += 1
        caller.on_lost = queue.wake
        try:
            while queue.empty() and _is_open(caller):
                await queue.wait()
        finally:
            self.waiting -= 1
            caller.on_lost = None
        if not _is_open(caller):
            raise ConnectionError
        self._answer_on(caller)

    def let_go(self) -> None:
        """The session has ended: whether an answer arrives no longer matters."""
        self._answered = None
        self._on_lost = _nothing

    def _answer_on(self, caller: Any) -> None:
        """The next poll's answer goes out there. If it turns out that it cannot have arrived, the session ends."""
        caller.transport.set_write_buffer_limits(0)  # so that it counts as unsent until the kernel has all of it
        caller.on_lost = self._on_answered_lost
        self._answered = caller

    def _look_after_last_answer(self, caller: Any) -> None:
        """A client that asks again has had its last answer, or will never get it."""
        answered, self._answered = self._answered, None
        if answered is not None and answered.on_lost == self._on_answered_lost:
            answered.on_lost = None
            if answered is not caller and answered.writing_paused:
                raise ProtocolError("The last answer was not read")

    def _on_answered_lost(self) -> None:
        answered, self._answered = self._answered, None
        if answered is not None and answered.writing_paused:
            self._on_lost()


def _is_open(caller: Any) -> bool:
    return caller.transport is not None and not caller.transport.is_closing()


def _nothing() -> None:
    pass
