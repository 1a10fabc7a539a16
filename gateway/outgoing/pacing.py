"""Clients that read more slowly than others speak to them: the log is told, and the rest waits at the broker.

So what waits here for one client is bounded, and nothing is dropped: it is MAX_UNSENT, and what was on the way when the
log heard of it.
"""

import asyncio
from collections.abc import Callable

from gateway.backlog import LOW_WATER
from gateway.connection import Connection
from shared.envelopes.entries import Pace

LOOK_INTERVAL = 0.05  # seconds between looks at whether slow clients can continue

Say = Callable[[Pace], None]


class Pacing:
    """Says through ``say`` which clients are slow, and which no longer are. ``max_unsent`` is in bytes."""

    def __init__(self, max_unsent: int, say: Say) -> None:
        self._low = int(max_unsent * LOW_WATER)
        self._say = say
        self._slow: dict[str, Connection] = {}
        self._look: asyncio.TimerHandle | None = None

    def note(self, connection: Connection) -> None:
        """More than MAX_UNSENT waits for a client."""
        self._slow[connection.sid] = connection
        self._say(Pace(connection.sid, True))
        if self._look is None:
            self._look_soon()

    def forget(self, connection: Connection) -> None:
        """A client is gone."""
        self._slow.pop(connection.sid, None)

    def _look_soon(self) -> None:
        self._look = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look_after)

    def _look_after(self) -> None:
        for connection in [one for one in self._slow.values() if one.socket.unsent <= self._low]:
            del self._slow[connection.sid]
            connection.socket.slow = False
            self._say(Pace(connection.sid, False))
        self._look = None
        if self._slow:
            self._look_soon()
