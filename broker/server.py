"""A broker process: probes, the connection to NATS, and a replica for each log that it reads."""

import asyncio
import logging

from aiohttp import web
from nats.errors import Error as NatsError
from prometheus_client import REGISTRY

from broker.core.levels import NewerLog
from broker.core.machine import Place, RuleFailed
from broker.core.state import KnownApp
from broker.garbage import collect_now_and_then
from broker.metrics import NOTHING, RULES_FAILED, BrokerCollector, Figures
from broker.replica import Replica
from broker.settings import Settings
from broker.storage.reader import LogReplaced
from broker.storage.stream import wait_for_jetstream
from broker.webhook_bucket import keep_bucket
from shared.http.edge import Runner, listen
from shared.messaging.connection import connect, end
from shared.messaging.messaging import Messaging
from shared.process.logs import where
from shared.process.probes import add_probes
from shared.process.stop import Stop
from shared.process.world import World

log = logging.getLogger(__name__)

NAME_BYTES = 8  # of what is not the same in any two names
RETRY_PAUSE = 0.5  # seconds


class Broker:
    """One broker process. ``replica`` is the one at work, None before there is a connection."""

    def __init__(self, settings: Settings, world: World) -> None:
        self._settings = settings
        self._world = world
        self._name = f"b{world.new_id(NAME_BYTES)}"
        self.replica: Replica | None = None
        self._failed: set[Place] = set()  # where rules are known to fail, for as long as this process lives
        self._newer: NewerLog | None = None  # what this release is too old for
        self._apps: dict[str, KnownApp] = {}  # what operators ordered in a log that was lost

    async def run(self, stop: Stop) -> None:
        """Serve until ``stop`` is set. Raises SettingError, and NewerLog."""
        REGISTRY.register(BrokerCollector(self))
        runner = await self._serve_probes()
        serving = asyncio.create_task(self._serve(stop), name="broker")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await end(serving)
        await runner.cleanup()
        if self._newer is not None:
            raise self._newer
        if not serving.cancelled():
            serving.result()

    async def _serve(self, stop: Stop) -> None:
        settings = self._settings
        nc = await connect(
            settings.nats_url, f"broker {self._name}", stop, self.on_reconnect, settings.tls, self.on_disconnect
        )
        beside = [asyncio.create_task(collect_now_and_then(), name="collector")]
        if settings.notices:
            beside.append(asyncio.create_task(keep_bucket(nc, settings.log_replicas), name="bucket"))
        try:
            await self.serve(nc)
        except NewerLog as newer:
            self._newer = newer
            stop.set()  # before the connection is closed, which is not what is wrong
        finally:
            await end(*beside)
            await nc.close()

    async def serve(self, nc: Messaging) -> None:
        """Everything from a connection inwards: one replica after the other, until cancelled. Raises NewerLog."""
        await wait_for_jetstream(nc)
        while True:
            self.replica = Replica(nc, self._settings, self._name, self._world, frozenset(self._failed), self._apps)
            newer: NewerLog | None = None
            try:
                await self.replica.run()
            except* NewerLog as found:
                newer = _first(found)
            except* RuleFailed as failures:
                self._note_failures(failures)
            except* LogReplaced:
                log.error("the event log was replaced: starting afresh, clients will reconnect")
                self._apps = self.replica.core.state.apps
            except* (NatsError, TimeoutError) as errors:
                error = errors.exceptions[0]
                log.warning("the event log cannot be read, trying again: %s", str(error) or type(error).__name__)
                await asyncio.sleep(RETRY_PAUSE)
            if newer is not None:
                raise newer

    def _note_failures(self, failures: BaseExceptionGroup[RuleFailed]) -> None:
        """A rule failed: the state is made anew without the entry, as on every other broker."""
        for failure in failures.exceptions:
            if isinstance(failure, RuleFailed):
                RULES_FAILED.inc()
                self._failed.add(failure.place)
                log.error("a rule failed %s, its entry is refused: %s", failure, where(failure.__cause__))

    def on_disconnect(self) -> None:
        """The connection to NATS is lost."""
        if self.replica is not None:
            self.replica.on_disconnect()

    async def on_reconnect(self) -> None:
        """The connection to NATS was lost and has been made again."""
        if self.replica is not None:
            self.replica.on_reconnect()

    async def _serve_probes(self) -> web.AppRunner:
        app = web.Application()
        add_probes(app, self._missing)
        runner = Runner(app)
        await runner.setup()
        await listen(runner, self._settings.app_host, self._settings.app_port)
        return runner

    def figures(self) -> Figures:
        """Numbers for metrics; all are 0 until the broker is connected."""
        return self.replica.figures() if self.replica is not None else NOTHING

    def decisions(self) -> dict[tuple[str, str], int]:
        """How often each client event had each outcome."""
        return self.replica.core.tally if self.replica is not None else {}

    def _missing(self) -> dict[str, str]:
        return self.replica.missing if self.replica is not None else {"nats": "cannot be reached"}


def _first(found: BaseExceptionGroup[NewerLog]) -> NewerLog | None:
    return next((one for one in found.exceptions if isinstance(one, NewerLog)), None)
