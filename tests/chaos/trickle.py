"""A trickle of relays from one peer to another, which shows when service stopped and when it went on."""

import asyncio
import time

from tests.chaos.company import relay
from tests.chaos.story import OK
from tests.chaos.visitor import Visitor

PAUSE = 0.01  # seconds between an answer and the next relay


class Trickle:
    """``async with Trickle(...)``: one relay after the other, each waiting for its answer.

    ``served`` are the monotonic times of the answers that said ok.
    """

    def __init__(self, sender: Visitor, receiver: Visitor, room: str) -> None:
        self.sender = sender
        self.receiver = receiver
        self.served: list[float] = []
        self._room = room

    async def __aenter__(self) -> "Trickle":
        self._flowing = asyncio.create_task(self._flow())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._flowing.cancel()
        await asyncio.wait({self._flowing})

    async def served_since(self, since: float, within: float) -> float:
        """Seconds from ``since`` to the first answer to what was sent after it."""
        while not self.served or self.served[-1] <= since:
            assert time.monotonic() - since < within, f"no service within {within:g} s"
            await asyncio.sleep(0.01)
        return next(served for served in self.served if served > since) - since

    def longest_pause(self) -> float:
        """The longest time between two answers, in seconds."""
        return max((later - before for before, later in zip(self.served, self.served[1:], strict=False)), default=0.0)

    async def _flow(self) -> None:
        while True:
            if await relay(self.sender, self.receiver, self._room) == OK:
                self.served.append(time.monotonic())
            await asyncio.sleep(PAUSE)
