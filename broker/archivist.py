"""Who takes snapshots, and when: a standby, since it has time; the speaker if there is none, or if it takes none."""

import asyncio
import logging
from collections.abc import Callable

from nats.errors import Error as NatsError

from broker.core.machine import Core
from broker.speaking.lease import Lease
from broker.speaking.speaker import Speaker
from broker.storage.reader import Reader
from broker.storage.snapshots import Snapshots
from shared.messaging.connection import cancelled
from shared.process.world import World

log = logging.getLogger(__name__)

LOOK_INTERVAL = 1.0  # seconds between looks at whether a snapshot is due
MOST_GROWTH = 0.125  # part of the log's space; after that a snapshot is taken early, so that the log can be trimmed
PATIENCE = 2  # intervals, or times MOST_GROWTH, after which a speaker no longer leaves it to a standby
SPREAD = 0.2  # part of the interval by which standbys differ


class Archivist:
    """Sees to it that there are snapshots. ``interval`` is in seconds; ``wordy`` says whether the log that could be
    trimmed holds clients' words.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        core: Core,
        lease: Lease,
        speaker: Speaker,
        reader: Reader,
        interval: float,
        wordy: Callable[[], bool],
        world: World,
    ) -> None:
        self._snapshots = snapshots
        self._core = core
        self._lease = lease
        self._speaker = speaker
        self._reader = reader
        self._interval = interval
        self._wordy = wordy
        self._monotonic = world.monotonic
        self._chance = world.chance
        self._taken = core.state.position  # of the newest snapshot that is known of
        self._known_at = self._monotonic()

    async def run(self, log_id: str) -> None:
        """Look whether a snapshot is due, and take it, until cancelled."""
        while not cancelled():
            await self._due()
            try:
                await self._look(log_id)
            except (NatsError, TimeoutError) as error:
                log.warning("no snapshot could be written: %s", type(error).__name__)

    async def _due(self) -> None:
        """Wait for the interval to pass, or the log to grow much after the newest snapshot."""
        left = self._interval * (1 if self._lease.held else self._chance.uniform(1, 1 + SPREAD))
        while left > 0:
            await asyncio.sleep(min(left, LOOK_INTERVAL))
            left -= LOOK_INTERVAL
            if self._growth > MOST_GROWTH:
                return

    async def _look(self, log_id: str) -> None:
        if not self._reader.certain:
            return
        newest = await self._snapshots.newest()
        if newest > self._taken:
            self._note(newest)
        elif self._core.state.position > self._taken:
            if not self._lease.held or not self._is_left_to_a_standby():
                self._note(await self._snapshots.take(log_id, self._core))
        elif self._lease.held and self._wordy():  # what was said last is not to stay until something is said again
            await self._speaker.let_time_pass()

    def _is_left_to_a_standby(self) -> bool:
        waited = self._monotonic() - self._known_at
        return self._lease.watched and waited < PATIENCE * self._interval and self._growth <= PATIENCE * MOST_GROWTH

    def _note(self, position: int) -> None:
        self._taken, self._known_at = position, self._monotonic()

    @property
    def _growth(self) -> float:
        return self._reader.seen.part_behind(self._taken)
