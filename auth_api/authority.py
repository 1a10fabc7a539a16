"""The line to the room authority: asks the speaking broker over NATS."""

import asyncio
import contextlib
import logging
from types import TracebackType

import msgspec
from nats.errors import Error as NatsError

from auth_api.answers import Refused
from auth_api.sparing import Sparing, left_out
from shared.envelopes import subjects
from shared.envelopes.admin import Answer, AnyAsk, pack, unpack_answer
from shared.messaging.connection import connect, end
from shared.messaging.messaging import Messaging
from shared.messaging.settings import NatsSettings
from shared.process.stop import Stop
from shared.process.world import World

log = logging.getLogger(__name__)

TIMEOUT = 6.0  # seconds; a broker that takes over needs two or three
MAX_TELLING = 1000  # what may wait for the broker at once


class Authority:
    """Connects in the background; until then, and whenever no broker answers, questions are refused with 503.

    If it is rarely asked it need not connect ``at_once``: then it does when it is asked for the first time.
    """

    def __init__(self, settings: NatsSettings, stop: Stop, world: World, *, at_once: bool = True) -> None:
        self._at_once = at_once
        self._settings = settings
        self._monotonic = world.monotonic
        self._stop = stop
        self._connecting: asyncio.Task[Messaging] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._silences = Sparing()

    async def __aenter__(self) -> "Authority":
        if self._at_once:
            self._connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (client := self.client()) is not None:
            await client.close()
        elif self._connecting is not None:
            await end(self._connecting)

    async def ask(self, ask: AnyAsk) -> Answer:
        """The broker's answer. Raises Refused with 503 when there is none."""
        if self._connecting is None:
            await asyncio.wait({self._connect()}, timeout=TIMEOUT)
        client = self.client()
        if client is None:
            raise Refused(503, "NATS cannot be reached")
        try:
            return unpack_answer((await client.request(subjects.ADMIN, pack(ask), timeout=TIMEOUT)).data)
        except (NatsError, TimeoutError, msgspec.MsgspecError) as error:
            if self._silences.due("", self._monotonic()):
                log.warning("the broker does not answer: %s", type(error).__name__, extra=left_out(self._silences))
            raise Refused(503, "The broker does not answer") from None

    def tell(self, ask: AnyAsk) -> None:
        """Tell the broker, without waiting. Dropped if it cannot be reached, or if too much waits for it already."""
        if len(self._telling) >= MAX_TELLING:
            return
        task = asyncio.ensure_future(self._tell(ask))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, ask: AnyAsk) -> None:
        with contextlib.suppress(Refused):
            await self.ask(ask)

    def _connect(self) -> asyncio.Task[Messaging]:
        self._connecting = asyncio.create_task(
            connect(self._settings.nats_url, "auth_api", self._stop, tls=self._settings.tls)
        )
        return self._connecting

    def client(self) -> Messaging | None:
        """The connection to NATS; None before there is one."""
        done = self._connecting is not None and self._connecting.done() and not self._connecting.cancelled()
        return self._connecting.result() if done and self._connecting is not None else None
