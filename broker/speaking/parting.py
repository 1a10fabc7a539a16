"""A gateway that knows more than the log holds is parted with: NATS has lost the end of the log.

NATS says that it has a message before its disk has it, so after a power cut it may have lost the last of them. Whoever
said them, or was told what followed, is ahead of the log: it would take what comes next for what it has had. Such a
gateway is given up, and so are the places of its peers, since what they were told is not what is the case. Their
clients come back as somebody new. All others go on; revocations stay.

A broker that began in the middle of the log parts with everybody whom it then knows of, for the same reason: they were
told what followed from all of it. All brokers that began there come to the same state in this way.
"""

import asyncio
import logging

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from broker.core.machine import Core
from broker.speaking.lease import Lease
from broker.storage.stream import EventLog
from shared.envelopes import subjects
from shared.envelopes.deliveries import Beat
from shared.envelopes.entries import UNKNOWN, Entry, GatewayLost, PeerRemoved
from shared.process.world import World

log = logging.getLogger(__name__)

LOOK_INTERVAL = 0.05  # seconds between looks at whether a place has been read
READ_WITHIN = 1.0  # seconds in which the newest messages of the log are usually read
ENTRIES = 10_000  # in one message of the log: some 300 KiB


class Parting:
    """Compares what gateways know of the log with the log, for the speaker."""

    def __init__(self, event_log: EventLog, core: Core, lease: Lease, broker: str, world: World) -> None:
        self._log = event_log
        self._core = core
        self._lease = lease
        self._broker = broker
        self._monotonic = world.monotonic
        self._tasks: dict[str, asyncio.Task[None]] = {}  # one for each known gateway at most
        self._distrusted: list[str] = []  # gateways and peers that have to go

    def is_due(self, beat: Beat) -> bool:
        """Whether the log is not the one that this gateway knows. Sees to what follows."""
        denied = self._log.marks.deny(beat.position, beat.taken)
        ahead = beat.position > self._core.state.position
        if (denied or ahead) and beat.gateway not in self._tasks:
            task = asyncio.create_task(self._part(beat) if denied else self._look_for(beat))
            self._tasks[beat.gateway] = task
            task.add_done_callback(lambda _: self._tasks.pop(beat.gateway))
        return denied

    def is_looking(self, gateway: str) -> bool:
        """Whether the place that a gateway knows has not been compared yet."""
        return gateway in self._tasks

    def distrust(self) -> None:
        """The state follows from a part of the log."""
        self._distrusted = [*self._core.state.gateways, *self._core.state.peers]

    def distrusted(self) -> list[Entry]:
        """What ends as many as one message can of those who are known from a part of the log."""
        state = self._core.state
        self._distrusted = [name for name in self._distrusted if name in state.gateways or name in state.peers]
        return [
            GatewayLost(self._lease.term, name, UNKNOWN) if name in state.gateways else PeerRemoved(name)
            for name in self._distrusted[:ENTRIES]
        ]

    async def _look_for(self, beat: Beat) -> None:
        """The place that a gateway knows will be read in a moment, or there is no such place any more."""
        until = self._monotonic() + READ_WITHIN + self._log.patience
        while self._core.state.position < beat.position:
            if self._monotonic() > until:
                if await self._is_lost(beat) and self._core.state.position < beat.position:
                    await self._part(beat)
                return
            await asyncio.sleep(LOOK_INTERVAL)
        if self._log.marks.deny(beat.position, beat.taken):  # something else has been written there meanwhile
            await self._part(beat)

    async def _is_lost(self, beat: Beat) -> bool:
        try:
            return (await self._log.extent()).last < beat.position
        except (NatsError, NotFoundError, TimeoutError):
            return False  # the gateway says it again

    async def _part(self, beat: Beat) -> None:
        facts = {"gateway": subjects.public_id(beat.gateway), "position": beat.position}
        log.error("NATS has lost what a gateway knows: its clients start afresh", extra={"facts": facts})
        theirs = [peer.peer_id for peer in self._core.state.peers.values() if peer.gateway == beat.gateway]
        # first the gateway: then nobody of them has a socket that would be told not to come back
        entries: list[Entry] = [GatewayLost(self._lease.term, beat.gateway, UNKNOWN), *map(PeerRemoved, theirs)]
        try:
            for start in range(0, len(entries), ENTRIES):
                await self._log.append(self._broker, entries[start : start + ENTRIES])
        except (NatsError, TimeoutError) as error:
            log.warning("the log does not take entries: %s", type(error).__name__)
