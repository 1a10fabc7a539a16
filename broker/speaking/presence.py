"""Brokers ask each other whether they are there."""

import asyncio
import contextlib
import enum
import math
from collections.abc import AsyncIterator, Callable

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from shared.envelopes import subjects
from shared.messaging.messaging import Messaging

PATIENCE = 0.7  # seconds
AGAIN = 0.1  # seconds until a question is asked again


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
        """Whether a broker is there.

        It is asked again and again until there is an answer: NATS knows that a process has died when its connections
        are closed, which happens after its memory is freed. What is asked before that is lost.
        """
        asked: set[asyncio.Task[Sign]] = set()
        try:
            while True:
                asked.add(asyncio.create_task(self._ask_once(broker)))
                done, asked = await asyncio.wait(asked, timeout=AGAIN, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    return done.pop().result()
        finally:
            for task in asked:
                task.cancel()

    async def heard(self) -> bool:
        """Whether this broker hears itself by way of NATS.

        What waits to be read on its connection is read before the answer: it cannot take its own slowness for another's
        silence.
        """
        return await self.ask(self._broker) is Sign.HERE

    async def _ask_once(self, broker: str) -> Sign:
        try:
            await self._nc.request(subjects.presence(broker), b"", timeout=PATIENCE)
        except NoRespondersError:
            return Sign.GONE
        except (NatsError, TimeoutError):
            return Sign.SILENT
        return Sign.HERE

    def _answer(self, reply: str) -> None:
        self.asked_at = self._monotonic()
        if reply:
            self._nc.publish_now(reply, b"here")
