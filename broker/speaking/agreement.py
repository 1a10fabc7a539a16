"""What all brokers have to agree on before it changes: the level of the log, and the limits.

Every broker says once a second that it is up and which levels it knows. The speaker puts into the log what is due, once
it has heard of every broker that reads the log. A broker of a release that knew no levels reads it too, and says
nothing: then nothing changes until it is gone.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import msgspec
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from broker.core.levels import limits_set
from broker.core.limits import Limits
from broker.core.machine import Core
from broker.speaking.lease import Lease
from broker.storage.stream import EventLog
from shared.envelopes import levels, subjects
from shared.envelopes.entries import Agreed, LevelRaised
from shared.envelopes.levels import Known, pack_known, unpack_known
from shared.messaging.connection import cancelled
from shared.messaging.messaging import Message, Messaging

log = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between two times that a broker says what it knows, or asks who reads the log
LOOK_INTERVAL = 0.1  # seconds between looks at whether something is due
PATIENCE = 2.5  # seconds after which one that says nothing is taken to be gone


class Agreement:
    """One broker's part in it. ``limits`` are its own settings, which hold if it speaks."""

    def __init__(
        self,
        nc: Messaging,
        event_log: EventLog,
        core: Core,
        lease: Lease,
        limits: Limits,
        broker: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._nc = nc
        self._log = event_log
        self._core = core
        self._lease = lease
        self._limits = limits
        self._broker = broker
        self._monotonic = monotonic
        self._began = 0.0  # to listen, in monotonic seconds
        self._ask_at = 0.0  # who reads the log, in monotonic seconds
        self._heard: dict[str, tuple[float, int]] = {}  # broker -> when it was heard last, and what it knows
        self._said: list[Agreed] = []  # what was put into the log last
        self._silent = 0  # readers of the log that say nothing, as far as they were reported

    async def run(self) -> None:
        """Say what this broker knows, and see what is due, until cancelled."""
        subscription = await self._nc.subscribe(subjects.ROLL_CALL, cb=self._hear)
        self._began = say_at = self._monotonic()
        try:
            while not cancelled():
                if self._monotonic() >= say_at:
                    say_at = self._monotonic() + INTERVAL
                    self._say_what_it_knows()
                if self._lease.held and self._broker in self._heard:
                    await self._settle()
                await asyncio.sleep(LOOK_INTERVAL)
        finally:
            if not self._nc.is_closed:
                await subscription.unsubscribe()

    def _say_what_it_knows(self) -> None:
        with contextlib.suppress(NatsError):
            self._nc.publish_now(subjects.ROLL_CALL, pack_known(Known(self._broker, levels.LEVEL)))

    async def _hear(self, message: Message) -> None:
        try:
            known = unpack_known(message.data)
        except (msgspec.MsgspecError, UnicodeError):
            return
        self._heard[known.broker] = (self._monotonic(), known.level)

    async def _settle(self) -> None:
        """Put into the log what is due, if all who read it will understand."""
        due, now = self._due(), self._monotonic()
        if not due or due == self._said or now < self._ask_at:
            return
        self._ask_at = now + INTERVAL
        try:
            if await self._all_are_heard():
                position = await self._log.append(self._broker, list(due))
                self._said = due
                log.info("said to all brokers", extra={"facts": {"position": position, "entries": [*map(_line, due)]}})
        except (NatsError, NotFoundError, TimeoutError) as error:
            log.debug("nothing is agreed on: %s", type(error).__name__)

    def _due(self) -> list[Agreed]:
        """What the log does not have yet."""
        state, term = self._core.state, self._lease.term
        due: list[Agreed] = []
        if (level := self._common_level()) > state.level:
            due.append(LevelRaised(term, level))
        if state.limits != self._limits:
            due.append(limits_set(term, self._limits))
        return due

    def _common_level(self) -> int:
        """The highest level that all who are up know."""
        now = self._monotonic()
        self._heard = {broker: (at, level) for broker, (at, level) in self._heard.items() if now - at < PATIENCE}
        gateways = (gateway.level for gateway in self._core.state.gateways.values())
        return min([levels.LEVEL, *(level for _, level in self._heard.values()), *gateways])

    async def _all_are_heard(self) -> bool:
        silent = await self._log.readers() - len(self._heard)
        if silent <= 0:
            return True
        if silent != self._silent and self._monotonic() - self._began > PATIENCE:
            self._silent = silent
            log.warning(
                "level and limits stay as they are, since there are readers of the log that do not say what they know: "
                "brokers of an earlier release, or tools",
                extra={"facts": {"readers": silent}},
            )
        return False


def _line(entry: Agreed) -> str:
    return f"{type(entry).__name__}{msgspec.structs.astuple(entry)}"
