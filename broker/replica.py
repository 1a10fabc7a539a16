"""One broker's replica of the room authority, for one log: reads the log into the core, and publishes."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from nats.errors import Error as NatsError

from broker import journal
from broker.archivist import Archivist
from broker.core.belief import NOTHING, believe
from broker.core.levels import NewerLog
from broker.core.machine import Core, Place, RuleFailed
from broker.core.rules.orders import missed
from broker.core.state import KnownApp, State
from broker.doubts import Doubts
from broker.metrics import Figures
from broker.settings import Settings
from broker.speaking.agreement import Agreement
from broker.speaking.desk import Desk
from broker.speaking.hour import Hour
from broker.speaking.lease import Lease
from broker.speaking.log_clock import LogClock
from broker.speaking.notices import NoticeWriter
from broker.speaking.speaker import Speaker
from broker.speaking.watch import Watch
from broker.storage.extent import Extent
from broker.storage.notice_stream import NoticeStream
from broker.storage.reader import LogReplaced, Reader
from broker.storage.snapshots import Snapshots
from broker.storage.stream import EventLog, Stored
from broker.storage.trimming import Trimming
from shared.envelopes.entries import Batch, Tick
from shared.messaging.messaging import Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

MOST_ORDERS = 1000  # that are said again in one message of the log
LOOK_INTERVAL = 1.0  # seconds between looks at whether they have been taken
SILENCE = 5.0  # seconds without any news of the log, after which a broker does not call itself ready


class Replica:
    """State, speaker and snapshots for one log, from opening it to its end."""

    def __init__(
        self,
        nc: Messaging,
        settings: Settings,
        broker: str,
        world: World,
        failed: frozenset[Place] = frozenset(),
        apps: Mapping[str, KnownApp] | None = None,
    ) -> None:
        """``failed`` is as in Core. ``apps`` are those of a log that this one has taken the place of."""
        self._settings = settings
        self._world = world
        self._monotonic = world.monotonic
        self._failed = failed
        self._apps = dict(apps or {})
        self._failure: RuleFailed | NewerLog | None = None
        self._broken_off = asyncio.Event()
        self._nc = nc
        self._broker = broker
        self._log = EventLog(nc, settings, world)
        self._reader = Reader(self._log, lambda: self.core.state.position, self._on_stored, world.monotonic)
        self._trimming = Trimming(self._log, world.monotonic)
        snapshots_js = nc.jetstream(timeout=5.0)
        self._snapshots = Snapshots(snapshots_js, self._log, self._trimming, settings.log_replicas, world)
        self._watch = Watch(settings.gateway_timeout)
        self._lease = Lease(nc, broker, settings.log_replicas, lambda: self.core.state.term, world.monotonic)
        self._clock = LogClock()
        self._doubts = Doubts(world)
        self._newer: State | None = None
        self._behind = 0  # messages of the log after the one applied last
        self._words = 0  # position of the newest message that may hold clients' words
        self.core = Core(settings.limits, failed=failed)
        self._notices: NoticeWriter | None = None
        self._hour = Hour()
        self._caught_up = False
        self._is_partial = False  # the state follows from a part of the log alone

    async def run(self) -> None:
        """Serve until cancelled.

        Raises LogReplaced, and RuleFailed: what is wrong then is all of the state; and NewerLog.
        """
        extent = await self._restore(await self._log.open())
        self._speaker = Speaker(
            self._nc, self._log, self.core, self._lease, self._watch, self._clock, self._broker, self._world
        )
        notices = self._notices = NoticeWriter(
            self._nc, NoticeStream(self._nc.jetstream(timeout=5.0), self._settings), self._log, self.core, self._lease,
            extent.log_id, self._settings.notices_keep, self._world,
        )  # fmt: skip
        stop_reading = await self._reader.start()
        try:
            await self._reader.catch_up(extent.log_id, extent.last, self._broken_off)
            self._raise_failure()
            self._caught_up = True
            if self._is_partial:
                self._speaker.distrust()
                notices.distrust()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._lease.run(self._on_lease_change), name="lease")
                tasks.create_task(self._speaker.run(), name="speaker")
                tasks.create_task(notices.run(), name="notices")
                desk = Desk(
                    self._nc, self._log, self.core, self._lease, self._clock, notices.id_of_newest, self._hour,
                    self._broker, self._world,
                )  # fmt: skip
                tasks.create_task(desk.run(), name="desk")
                tasks.create_task(self._agreement().run(), name="agreement")
                tasks.create_task(self._archivist().run(extent.log_id), name="snapshots")
                tasks.create_task(self._trimming.run(), name="trimming")
                tasks.create_task(self._reader.check(extent.log_id), name="check")
                tasks.create_task(self._until_a_rule_fails(), name="rules")
                tasks.create_task(self._say_again(), name="orders")
        except* LogReplaced:
            raise LogReplaced from None
        finally:
            if self._nc.is_connected:
                await self._lease.release()
                await stop_reading()

    @property
    def missing(self) -> dict[str, str]:
        """Why this broker cannot serve, for the readiness probe."""
        if not self._caught_up:
            return {"log": "has not been read to its end"}
        if self._monotonic() - self._reader.answered > SILENCE:
            return {"nats": "cannot be reached" if not self._nc.is_connected else "does not answer about the log"}
        return {}

    def on_disconnect(self) -> None:
        """NATS is away."""
        self._reader.doubt()

    def on_reconnect(self) -> None:
        """NATS was away: gateways could not be heard."""
        self._watch.grant_grace(self._monotonic())
        if self._notices is not None:
            self._notices.look_again()

    def figures(self) -> Figures:
        """Numbers for metrics."""
        state, snapshots = self.core.state, self._snapshots
        return Figures(
            speaking=float(self._lease.held),
            term=state.term,
            position=state.position,
            lag=self._behind,
            rooms=len(state.rooms),
            peers=len(state.peers),
            absent_peers=len(state.absent),
            gateways=len(state.gateways),
            snapshot_age_seconds=self._monotonic() - snapshots.taken_at if snapshots.taken_at else -1,
            snapshot_seconds=snapshots.duration,
            snapshot_bytes=snapshots.size,
            notices_waiting=self._notices.waiting if self._notices else 0,
            notices_waiting_seconds=self._notices.oldest(self._clock.read(self._monotonic())) if self._notices else 0,
        )

    def _agreement(self) -> Agreement:
        return Agreement(
            self._nc, self._log, self.core, self._lease, self._settings.limits, self._broker, self._monotonic
        )

    def _archivist(self) -> Archivist:
        interval = self._settings.snapshot_interval
        return Archivist(
            self._snapshots, self.core, self._lease, self._speaker, self._reader, interval,
            lambda: self._log.first <= self._words, self._world,
        )  # fmt: skip

    async def _restore(self, extent: Extent) -> Extent:
        """Begin from a snapshot, the log's beginning, or afresh when there is neither. Returns the log's extent."""
        base, self._newer = await self._snapshots.load(extent)
        if base is None and extent.first > 1 and await self._lease.is_anothers():
            extent, base = await self._wait_for_a_snapshot(extent)
        if base is not None:
            self.core = Core(self._settings.limits, base, self._failed)
            log.info("state restored", extra={"facts": {"position": base.position, "peers": len(base.peers)}})
            if self._newer is not None:
                self.core.rehearse(self._newer)
            self._adopt_newer()
        elif extent.first > 1:
            log.error("the log's beginning is gone and no snapshot is good: starting afresh, clients will reconnect")
            self._is_partial = True
            self.core.state.position = extent.first - 1  # where every broker begins that starts afresh from this log
        return extent

    async def _wait_for_a_snapshot(self, extent: Extent) -> tuple[Extent, State | None]:
        """Wait for a good one, as long as another broker speaks: it has the rooms, and writes one in a while.

        One that began afresh beside it would write one of its void state, which takes the place of all before.
        """
        log.warning("the log's beginning is gone and no snapshot is good: waiting for the speaker to write one")
        base = None
        while base is None and await self._lease.is_anothers():
            await self._log.append(self._broker, [Tick(0)])  # which means nothing: a log that grows has new snapshots
            await asyncio.sleep(LOOK_INTERVAL)
            extent = await self._log.open()
            base, self._newer = await self._snapshots.load(extent)
        return extent, base

    def _adopt_newer(self) -> None:
        if self._newer is not None and self._newer.position == self.core.state.position:
            self.core.adopt(self._newer)
            self._newer = None

    def _on_lease_change(self) -> None:
        self._speaker.on_lease_change()
        if self._notices is not None:
            self._notices.look_again()

    def _on_stored(self, stored: Stored) -> None:
        """A message of the log takes effect, unless it has already."""
        if self._failure is not None:
            return
        self._behind = stored.behind
        if stored.position <= self.core.state.position:
            return
        try:
            self._take(stored)
        except (RuleFailed, NewerLog) as failure:
            self._break_off(failure)

    def _take(self, stored: Stored) -> None:
        """Let a message of the log take effect. Raises RuleFailed and NewerLog."""
        batch = self._believe(stored)
        if batch.number:
            self._words = stored.position
            self._watch.note_alive(batch.writer, self._monotonic())
        doubted = self.core.doubted
        applied = self.core.apply(stored.position, stored.time, batch)
        self._reader.newest = (stored.position, stored.time)
        self._log.marks.note(stored.position, batch.taken)
        self._clock.set(self.core.state.now, self._monotonic())
        if self.core.doubted != doubted and self._newer is None:  # until then, who was believed is not yet known
            self._doubts.note(stored.position)
        journal.note(stored.position, batch)
        self._adopt_newer()
        self._speaker.publish(applied.parcels)
        if applied.notices:
            self._hour.take(applied.notices)
            if self._notices is not None:
                self._notices.add(stored.position, applied.notices)

    def _break_off(self, failure: RuleFailed | NewerLog) -> None:
        """Apply nothing more: the state is half changed, or what is to be done is not known."""
        self._failure = failure
        self._broken_off.set()

    async def _say_again(self) -> None:
        """What operators ordered outlives a log that is lost, as long as one broker knows of it."""
        while entries := missed(self._apps, self.core.state.apps):
            if self._lease.held:
                with contextlib.suppress(NatsError, TimeoutError):
                    await self._log.append(self._broker, entries[:MOST_ORDERS])
            await asyncio.sleep(LOOK_INTERVAL)

    async def _until_a_rule_fails(self) -> None:
        await self._broken_off.wait()
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _believe(self, stored: Stored) -> Batch:
        """As much of a message of the log as is believed, which may be nothing. Raises NewerLog."""
        try:
            batch, whole = believe(self.core.state, stored.subject, stored.data)
        except NewerLog:
            raise
        except Exception:  # whatever it is: it must not end every broker, at each start again
            batch, whole = NOTHING, False
        if not whole:
            self._doubts.note(stored.position)
        return batch
