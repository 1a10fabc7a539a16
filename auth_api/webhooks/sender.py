"""Sends the notices, batch by batch, while it is this process's turn."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Sequence

from auth_api.notices import Gone, Told, Unavailable
from auth_api.sparing import Sparing, left_out
from auth_api.webhooks import pauses
from auth_api.webhooks.metrics import BACKLOG, DELIVERED, OLDEST_SECONDS, POSTS, SENDER
from auth_api.webhooks.notices import MOST, Batch, Notices, batch
from auth_api.webhooks.receiver import Answer, Outcome, Receiver
from auth_api.webhooks.turn import Lost, Turn
from shared.envelopes.notices import NoticeId
from shared.messaging.connection import cancelled, end
from shared.process.world import World

log = logging.getLogger(__name__)

WAIT = 25.0  # seconds for new notices
AGAIN = 1.0  # seconds until notices are read again that could not be read
GAP = 0.1  # seconds behind a batch that is not full: many notices in few POSTs cost a tenth
MEASURE_INTERVAL = 5.0  # seconds between looks at the backlog


class Sender:
    """Never skips a batch: each is sent until the receiver has taken it."""

    def __init__(self, turn: Turn, notices: Notices, receiver: Receiver, world: World) -> None:
        self._turn = turn
        self._notices = notices
        self._receiver = receiver
        self._world = world
        self._since = math.nan  # when the oldest notice happened that is not delivered; seconds since the epoch
        self._lines = Sparing(period=60.0)
        OLDEST_SECONDS.set_function(self._age)
        for outcome in Outcome:  # all are shown from the start, or their first one would be no increase
            POSTS.labels(outcome.value)

    async def run(self) -> None:
        """Wait for the turn and use it, again and again, until cancelled."""
        try:
            while not cancelled():
                SENDER.set(0)
                await self._turn.take()
                SENDER.set(1)
                log.info("sending webhooks to %s", self._receiver.name)
                await self._while_held()
                log.warning("another process sends webhooks now, or NATS is away")
        finally:
            await self._turn.release()

    async def _while_held(self) -> None:
        """Send until the turn is lost: what is on its way then is broken off."""
        tasks = [asyncio.create_task(each) for each in (self._turn.keep(), self._send(), self._measure())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(*tasks)
            self._since = math.nan
            BACKLOG.set(0)

    async def _measure(self) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                BACKLOG.set(await self._notices.backlog(_parse(self._turn.record.delivered)))
            await asyncio.sleep(MEASURE_INTERVAL)

    async def _send(self) -> None:
        while True:
            try:
                await self._send_next()
            except Lost:
                return
            except Unavailable as error:
                if self._lines.due("", self._world.monotonic()):
                    log.warning("notices cannot be read: %s", error, extra=left_out(self._lines))
                await asyncio.sleep(AGAIN)
            except Exception:  # an error of ours: it shall be seen, and the rest of auth_api go on
                log.exception("a webhook could not be sent")
                await asyncio.sleep(AGAIN)

    async def _send_next(self) -> None:
        """Wait for notices and deliver them. What is in flight is noted first: whoever comes next sends the same."""
        record = self._turn.record
        if not (found := await self._read(record.delivered)):
            return
        next_batch = batch(found, record.sending)
        await self._turn.note(record.delivered or next_batch.before, next_batch.last)
        await self._deliver(next_batch)
        await self._turn.note(next_batch.last, "")
        if len(next_batch.notices) < MOST:
            await asyncio.sleep(GAP)

    async def _read(self, delivered: str) -> Sequence[Told]:
        """What follows. If some of it is not kept any more, that is a notice of its own, which says so."""
        try:
            return await self._notices.read(_parse(delivered), MOST, WAIT)
        except Gone as gone:
            log.warning("notices were dropped before they were delivered, the oldest is %s", gone.oldest)
            return [gone.lost]

    async def _deliver(self, batch: Batch) -> None:
        self._since = batch.since
        failures = 0
        while (answer := await self._try(batch)).outcome is not Outcome.DELIVERED:
            failures += 1
            pause = self._pause(answer, failures)
            facts = {"outcome": answer.outcome.value, "why": answer.why, "failures": failures, "pause": round(pause, 1)}
            log.warning("a webhook was not taken, it is tried again", extra={"facts": facts})
            await asyncio.sleep(pause)
        if failures:
            log.info("webhooks are taken again")
        DELIVERED.inc(len(batch.notices))
        self._since = math.nan

    async def _try(self, batch: Batch) -> Answer:
        self._turn.check()
        answer = await self._receiver.post(batch, self._world.now())
        POSTS.labels(answer.outcome.value).inc()
        return answer

    def _pause(self, answer: Answer, failures: int) -> float:
        asked = pauses.asked(answer.retry_after, self._world.now())
        if asked is not None:
            return asked
        return pauses.GONE if answer.outcome is Outcome.GONE else pauses.backoff(failures, self._world.chance.uniform)

    def _age(self) -> float:
        return 0.0 if math.isnan(self._since) else max(0.0, self._world.now() - self._since)


def _parse(name: str) -> NoticeId | None:
    return NoticeId.parse(name) if name else None
