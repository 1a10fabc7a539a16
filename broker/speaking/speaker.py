"""The speaker's part: publishing parcels, repeating what a gateway missed, and appending what is due by time."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import msgspec
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from broker.core.machine import Core
from broker.speaking.lease import Lease
from broker.speaking.log_clock import LogClock
from broker.speaking.parting import Parting
from broker.speaking.watch import Watch
from broker.storage.stream import EventLog
from shared.envelopes import subjects
from shared.envelopes.deliveries import Fenced, Head, Parcel, pack_message, unpack_beat
from shared.envelopes.entries import Entry, GatewayLost, Speaking, Tick
from shared.messaging.connection import cancelled
from shared.messaging.messaging import Message, Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

LOOK_INTERVAL = 0.25  # seconds between looks at the clock
REPEAT_BYTES = 4 * 1024 * 1024  # sent again at a time
REPEAT_INTERVAL = 2.0  # seconds; a gateway may only be busy
GAP_INTERVAL = 0.05  # seconds; it knows that something is missing
MOST_STRANGERS = 64  # unknown gateways that are looked for in the log at the same time; the others say it again


class Speaker:
    """Speaks while it holds the lease, and listens all the time, to know how far the gateways are."""

    def __init__(
        self,
        nc: Messaging,
        event_log: EventLog,
        core: Core,
        lease: Lease,
        watch: Watch,
        clock: LogClock,
        broker: str,
        world: World,
    ) -> None:
        self._nc = nc
        self._log = event_log
        self._core = core
        self._lease = lease
        self._watch = watch
        self._clock = clock
        self._broker = broker
        self._monotonic = world.monotonic
        self._said_until = 0  # position of the last thing this broker has put into the log itself
        self._failing = False  # whether the log did not take what came last
        self._parting = Parting(event_log, core, lease, broker, world)
        self._strangers: set[str] = set()
        self._asides: set[asyncio.Task[None]] = set()

    def publish(self, parcels: list[tuple[str, Parcel]]) -> None:
        """Send parcels to their gateways, if it is this broker's turn."""
        if self._lease.held:
            if self._core.state.term > self._lease.term:
                self._lease.doubt()
            for gateway, parcel in parcels:
                self._send(gateway, pack_message(parcel))

    async def run(self) -> None:
        """Listen, and look at the clock, until cancelled."""
        subscription = await self._nc.subscribe(subjects.BEATS, cb=self._on_beat)
        try:
            while not cancelled():
                if self._lease.held and self._nc.is_connected:
                    await self._say_what_is_due()
                await asyncio.sleep(LOOK_INTERVAL)
        finally:
            if not self._nc.is_closed:
                await subscription.unsubscribe()

    def on_lease_change(self) -> None:
        """The lease was won or lost."""
        log.info(
            "speaking now" if self._lease.held else "not speaking any more", extra={"facts": {"term": self._lease.term}}
        )
        if self._lease.held:
            self._watch.grant_grace(self._monotonic())
            self._aside(self._take_over())

    def distrust(self) -> None:
        """What is known by now follows from a part of the log: all of it is to end once this broker speaks."""
        self._parting.distrust()

    async def let_time_pass(self) -> None:
        """Put an entry into the log: its time advances with its entries alone."""
        await self._append([Tick(self._lease.term)])

    async def _take_over(self) -> None:
        """Begin a term: older ones are ignored from here on, and parcels that may not have been sent are sent again.

        Not while NATS may have lost what they follow from: gateways ask again for what they miss.
        """
        await self._append([Speaking(self._lease.term)])
        for gateway in list(self._core.state.gateways) if self._log.certain else ():
            if self._watch.has_heard(gateway):  # the others will say how far they are
                await self._repeat(gateway, self._watch.have(gateway))

    async def _say_what_is_due(self) -> None:
        if self._core.state.position < self._said_until:
            return  # the last thing said has not come back yet
        state, term = self._core.state, self._lease.term
        self._watch.excuse(self._lease.unrenewed, self._monotonic())
        lost = self._watch.silent(list(state.gateways), self._monotonic())
        due: list[Entry] = [GatewayLost(term, gateway, self._watch.have(gateway)) for gateway in lost]
        if state.term < term:  # the log has not taken it at the beginning
            due.insert(0, Speaking(term))
        deadline = self._core.next_deadline()
        if deadline is not None and deadline <= self._clock.read(self._monotonic()):
            due.append(Tick(term))
        due += self._parting.distrusted()
        if due and await self._append(due):
            for gateway in lost:
                log.warning("gateway lost", extra={"facts": {"gateway": subjects.public_id(gateway)}})

    async def _append(self, entries: list[Entry]) -> bool:
        """Whether the log has taken them. If not, they are due again soon, so it is logged once."""
        try:
            self._said_until = await self._log.append(self._broker, entries)
        except (NatsError, TimeoutError) as error:
            if not self._failing:
                log.warning("the log does not take entries: %s", type(error).__name__)
            self._failing = True
        else:
            self._failing = False
        return not self._failing

    async def _on_beat(self, message: Message) -> None:
        try:
            beat = unpack_beat(message.data)
        except (msgspec.MsgspecError, UnicodeError):
            return  # not of a gateway as it should be
        gateway = self._core.state.gateways.get(beat.gateway)
        if gateway is None:
            if self._lease.held and beat.gateway not in self._strangers and len(self._strangers) < MOST_STRANGERS:
                self._strangers.add(beat.gateway)
                self._aside(self._meet_stranger(beat.gateway))
            return
        now = self._monotonic()
        heard = self._watch.note(beat, now, gateway.parcel)
        if not self._lease.held or not self._log.certain or self._parting.is_due(beat):
            return
        misses = beat.have < gateway.parcel and (beat.gap or heard.had == beat.have)
        if misses and now - heard.repeated > (GAP_INTERVAL if beat.gap else REPEAT_INTERVAL):
            heard.repeated = now
            await self._repeat(beat.gateway, beat.have)
        if not beat.prompt and not self._parting.is_looking(beat.gateway):  # it takes this for a comparison
            self._send(beat.gateway, pack_message(Head(gateway.parcel)))

    async def _repeat(self, gateway: str, have: int) -> None:
        """Send again what follows parcel ``have``, a part at a time. What is not kept ends the gateway's link."""
        known = self._core.state.gateways.get(gateway)
        if known is None or not known.have <= have < known.parcel:
            return
        parcels = self._core.out.after(gateway, have)
        if not parcels or parcels[0].number != have + 1:
            facts = {"gateway": subjects.public_id(gateway), "have": have}
            log.warning("gateway is too far behind", extra={"facts": facts})
            await self._append([GatewayLost(self._lease.term, gateway, have)])
            return
        size = 0
        for parcel in parcels:
            packed = pack_message(parcel)
            self._send(gateway, packed)
            if (size := size + len(packed)) > REPEAT_BYTES:
                self._send(gateway, pack_message(Head(known.parcel)))  # it asks for more when it has read this
                return

    async def _meet_stranger(self, gateway: str) -> None:
        """A gateway that is not known, once all that the log held when it spoke has been read, is to start anew."""
        try:
            last = (await self._log.extent()).last
            while self._core.state.position < last:  # noqa: ASYNC110 - the core is pure, it wakes nobody
                await asyncio.sleep(0.05)
            if gateway not in self._core.state.gateways:
                self._send(gateway, pack_message(Fenced()))
        except (NatsError, NotFoundError, TimeoutError):
            log.debug("cannot tell yet whether a gateway is known")
        finally:
            self._strangers.discard(gateway)

    def _send(self, gateway: str, data: bytes) -> None:
        """Publish to a gateway. What cannot be sent now is asked for later."""
        try:
            self._nc.publish_now(subjects.deliveries(gateway), data)
        except NatsError as error:
            log.debug("not sent: %s", type(error).__name__)

    def _aside(self, step: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(step)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)
