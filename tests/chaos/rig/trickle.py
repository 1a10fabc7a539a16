"""A trickle of relays from one peer to another, which shows when service stopped and when it went on."""

import asyncio
import time

from tests.chaos.rig.company import relay
from tests.chaos.rig.story import OK
from tests.chaos.rig.visitor import Visitor

PAUSE = 0.01  # seconds between an answer and the next relay


class Trickle:
    """``async with Trickle(...)``: one relay after the other, each waiting for its answer.

    ``served`` are the monotonic times of the answers that said ok, ``arrived`` those at which relays arrived.
    """

    def __init__(self, sender: Visitor, receiver: Visitor, room: str, pause: float = PAUSE) -> None:
        self.sender = sender
        self.receiver = receiver
        self.served: list[float] = []
        self.arrived: list[float] = []
        self._room = room
        self._pause = pause
        receiver.on_got = lambda _: self.arrived.append(time.monotonic())

    async def __aenter__(self) -> "Trickle":
        self._flowing = asyncio.create_task(self._flow())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._flowing.cancel()
        await asyncio.wait({self._flowing})

    async def served_since(self, since: float, within: float) -> float:
        """Seconds from ``since`` to the first answer after it."""
        while not self.served or self.served[-1] <= since:
            assert time.monotonic() - since < within, f"no service within {within:g} s"
            await asyncio.sleep(0.01)
        return next(served for served in self.served if served > since) - since

    async def _flow(self) -> None:
        while True:
            if await relay(self.sender, self.receiver, self._room) == OK:
                self.served.append(time.monotonic())
            await asyncio.sleep(self._pause)


def longest_pause(times: list[float], since: float = 0.0) -> float:
    """The longest time, in seconds, in which nothing happened after ``since``."""
    later = [moment for moment in times if moment > since]
    earlier = [since or later[0], *later]
    return max(after - before for before, after in zip(earlier, later, strict=False))
