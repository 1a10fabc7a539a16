"""The queue of incoming messages, and the way past it.

A text message can be acted on as it comes in: waking the task that waits for it, ten coroutines deep, costs more than
what there is to do. A message that is not taken so is charged to its sender, whatever it is.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import WSMessage, WSMsgType
from aiohttp._websocket.models import WSMessageTextBytes
from aiohttp._websocket.reader import WebSocketDataQueue

HEAD = 8  # bytes that a frame takes beside its content
_TEXT = WSMsgType.TEXT  # members of an enumeration take long to look up

TakeText = Callable[[str], bool]
Charge = Callable[[int, int], None]  # bytes and frames


class Inlet(WebSocketDataQueue):
    """The queue of incoming messages, past which ``take`` may lead a text message: it says whether it took it.

    What is not taken is charged here. ``messages`` counts all there were; ``unpaid`` is how many of the bytes that the
    reader has been given were in none of them.
    """

    def __init__(self, *args: Any, take: TakeText, charge: Charge, **options: Any) -> None:
        super().__init__(*args, **options)
        self._take = take
        self._charge = charge
        self.deaf = False
        self.messages = 0
        self.unpaid = 0

    def let_go(self) -> None:
        """Take nothing more."""
        self.deaf = True
        self._take = _no
        self._charge = nothing

    def feed_data(self, data: WSMessage | WSMessageTextBytes, size: int) -> None:
        """A message has come in. None overtakes another."""
        self.messages += 1
        self.unpaid -= size + HEAD
        if self._buffer or data.type is not _TEXT or not self._take(data.data):
            self._charge(size, 1)
            if not self.deaf:
                super().feed_data(data, size)


def _no(_text: str) -> bool:
    return False


def nothing(_size: int, _frames: int) -> None:
    pass
