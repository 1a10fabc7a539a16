"""How much is acted on in one turn of the loop: counted for all sockets of one address together."""

import asyncio
from collections import deque
from typing import Protocol

TURN_BYTES = 65536  # of one lane, that are parsed in one turn of the loop
TURN_MESSAGES = 64  # the same in messages; those of one slice may be more


class Waits(Protocol):
    """What waits in a lane."""

    def turn(self) -> None:
        """It may continue."""


class Turns:
    """Counts the turns of the loop in which somebody asks. ``number`` is that of this one, while it is ``known``."""

    __slots__ = ("_loop", "known", "number")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.number = 0
        self.known = False

    def ask(self) -> None:
        """Number this turn: the same until its end, and another one in the next."""
        self.known = True
        self._loop.call_soon(self._end)

    def _end(self) -> None:
        self.known = False
        self.number += 1


class Lane:
    """The sockets of one address: a bounded amount of their input, all together, is acted on in one turn of the loop.

    Those with more to say are heard one after the other.
    """

    __slots__ = ("__weakref__", "_bytes", "_loop", "_messages", "_running", "_turn", "_turns", "_waiting")

    def __init__(self, turns: Turns | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = turns or Turns()
        self._waiting: deque[Waits] = deque()
        self._running = False
        self._turn = 0
        self._bytes = 0
        self._messages = 0

    @property
    def free(self) -> bool:
        """Whether more may be acted on in this turn."""
        turns = self._turns
        if not turns.known:
            turns.ask()
        if turns.number != self._turn:
            self._turn = turns.number
            self._bytes = self._messages = 0
        return self._bytes < TURN_BYTES and self._messages < TURN_MESSAGES

    def spend(self, size: int, messages: int) -> None:
        """So much has been acted on."""
        self._bytes += size
        self._messages += messages

    def wait(self, one: Waits) -> None:
        """Give one a turn when it is due."""
        self._waiting.append(one)
        if not self._running:
            self._running = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        while self._waiting and self.free:
            self._waiting.popleft().turn()
        self._running = bool(self._waiting)
        if self._running:
            self._loop.call_soon(self._run)
