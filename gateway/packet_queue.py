"""What waits for a client that polls. Every session has one, mostly empty, and asyncio's takes 3 KiB when it is."""

import asyncio
import collections
from typing import Any


class PacketQueue:
    """As much of an ``asyncio.Queue`` as python-engineio uses, without a limit of its own."""

    __slots__ = ("_getters", "_items")

    def __init__(self) -> None:
        self._items: collections.deque[Any] | None = None
        self._getters: list[asyncio.Future[None]] = []

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._items is None

    def put_nowait(self, item: Any) -> None:
        """Add something, and wake up whoever waits longest."""
        if self._items is None:
            self._items = collections.deque()
        self._items.append(item)
        self._wake_one()

    def get_nowait(self) -> Any:
        """Take what has waited longest. Raises asyncio.QueueEmpty."""
        if self._items is None:
            raise asyncio.QueueEmpty
        item = self._items.popleft()
        if not self._items:
            self._items = None
        return item

    async def get(self) -> Any:
        """Take what has waited longest, as soon as there is something."""
        while self._items is None:
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if not self.empty():
                    self._wake_one()
                raise
            finally:
                if getter in self._getters:
                    self._getters.remove(getter)
        return self.get_nowait()

    def task_done(self) -> None:
        """Nobody waits for that."""

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.pop(0)
            if not getter.done():
                getter.set_result(None)
                return
