"""Brokers ask each other whether they are there."""

import contextlib
import enum
import math
from collections.abc import AsyncIterator, Callable

from nats.errors import NoRespondersError

from shared.envelopes import subjects
from shared.messaging.messaging import Messaging

PATIENCE = 0.7  # seconds


class Sign(enum.Enum):
    """What came of a question: an answer; none within PATIENCE; or NATS says that nobody listens there."""

    HERE = "here"
    SILENT = "silent"
    GONE = "gone"


class Presence:
    """One broker's. Only brokers may ask: NATS sees to it. ``asked_at`` is when one did, in monotonic seconds."""

    def __init__(self, nc: Messaging, broker: str, monotonic: Callable[[], float]) -> None:
        self._nc = nc
        self._broker = broker
        self._monotonic = monotonic
        self.asked_at = -math.inf

    @contextlib.asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Answer whoever asks for this broker, for as long as the context lasts."""
        subject = subjects.presence(self._broker)
        subscription = await self._nc.subscribe_straight(subject, lambda _, reply, __: self._answer(reply))
        try:
            yield
        finally:
            if not self._nc.is_closed:
                await subscription.unsubscribe()

    async def ask(self, broker: str) -> Sign:
        """Whether a broker is there. NATS knows at once that a process has died, unless its whole host has."""
        try:
            await self._nc.request(subjects.presence(broker), b"", timeout=PATIENCE)
        except NoRespondersError:
            return Sign.GONE
        except TimeoutError:
            return Sign.SILENT
        return Sign.HERE

    async def heard(self) -> bool:
        """Whether this broker hears itself by way of NATS.

        What waits to be read on its connection is read before the answer: it cannot take its own slowness for another's
        silence.
        """
        return await self.ask(self._broker) is Sign.HERE

    def _answer(self, reply: str) -> None:
        self.asked_at = self._monotonic()
        if reply:
            self._nc.publish_now(reply, b"here")
