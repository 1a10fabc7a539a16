"""What waits for a client that polls. Every session has one, mostly empty, and asyncio's takes 3 KiB when it is."""

import asyncio
import collections
from typing import Any


class PacketQueue:
    """Like an ``asyncio.Queue`` without a limit, but one can wait without taking anything out."""

    __slots__ = ("_getters", "_items")

    def __init__(self) -> None:
        self._items: collections.deque[Any] | None = None
        self._getters: list[asyncio.Future[None]] = []

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._items is None

    def put_nowait(self, item: Any) -> None:
        """Add something, and wake up all who wait: the first of them to look takes it."""
        if self._items is None:
            self._items = collections.deque()
        self._items.append(item)
        self.wake()

    def get_nowait(self) -> Any:
        """Take what has waited longest. Raises asyncio.QueueEmpty."""
        if self._items is None:
            raise asyncio.QueueEmpty
        item = self._items.popleft()
        if not self._items:
            self._items = None
        return item

    async def wait(self) -> None:
        """Return as soon as there is something, or when ``wake`` is called."""
        if self._items is not None:
            return
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        finally:
            if getter in self._getters:
                self._getters.remove(getter)

    def wake(self) -> None:
        """Wake up all who wait, whether there is something or not."""
        for getter in self._getters:
            if not getter.done():
                getter.set_result(None)
