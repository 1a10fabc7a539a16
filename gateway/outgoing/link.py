"""The link to the broker: introduces the gateway, gives signs of life, asks for what is missing, takes deliveries.

A link lives until the broker does not know it any more (both were apart for too long). Then the gateway's sockets are
closed, as after a death, and a new link with a new id begins.
"""

import asyncio
import logging

from nats.errors import Error as NatsError

from gateway import metrics
from gateway.incoming.log_writer import LogWriter
from gateway.outgoing.inbox import Inbox
from shared.envelopes import levels, subjects
from shared.envelopes.deliveries import Beat, Fenced, Head, pack_beat, unpack_message
from shared.envelopes.entries import LONGEST_NAME, GatewayUp
from shared.messaging.connection import end
from shared.messaging.messaging import Messaging
from shared.process.world import World

log = logging.getLogger(__name__)

BEAT_INTERVAL = 0.5  # seconds
CONFIRM_INTERVAL = 2.0  # seconds within which the log hears how far a gateway is
PROMPT = 0.005  # seconds until a beat that follows a delivery to a resumable peer


def new_gateway_id(world: World) -> str:
    """An id that no gateway has had before, and that nobody can guess: it allows to speak for this gateway."""
    return f"g{world.new_id()}"


class Link:
    """One gateway id, from its first batch to its end. ``fenced`` is set when the broker has given it up."""

    def __init__(self, nc: Messaging, gateway: str, name: str, writer: LogWriter, inbox: Inbox, world: World) -> None:
        self.gateway = gateway
        self.writer = writer
        self.inbox = inbox
        self.fenced = asyncio.Event()
        self.heard = 0.0  # monotonic seconds when the broker was heard of last
        self._nc = nc
        self._monotonic = world.monotonic
        self._name = name
        self._resend_asked = 0.0
        self._confirmed_at = 0.0
        self._beating_soon: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until the link is fenced or cancelled."""
        subscription = await self._nc.subscribe_straight(subjects.deliveries(self.gateway), self._on_message)
        self.writer.append_always(GatewayUp(self._name[:LONGEST_NAME], levels.LEVEL))
        writing = asyncio.create_task(self.writer.run(), name="log writer")
        beating = asyncio.create_task(self._beat_on(), name="beats")
        try:
            await self.fenced.wait()
        finally:
            if self._beating_soon is not None:
                self._beating_soon.cancel()
            await end(writing, beating)
            if not self._nc.is_closed:
                await subscription.unsubscribe()

    def in_touch(self) -> bool:
        """Whether the broker has been heard of lately."""
        return self._monotonic() - self.heard < 4 * BEAT_INTERVAL

    async def _beat_on(self) -> None:
        await self.writer.flush()  # before the log has it, nobody knows this gateway
        while True:
            self._beat()
            if (now := self._monotonic()) - self._confirmed_at > CONFIRM_INTERVAL:
                self._confirmed_at = now
                self.writer.confirm(least=1)
            await asyncio.sleep(BEAT_INTERVAL)

    def _beat(self, gap: bool = False, prompt: bool = False) -> None:
        if not self._nc.is_connected:
            return  # a beat is worth nothing later
        try:
            known = self.inbox.witness
            beat = Beat(self.gateway, self.inbox.have, gap, prompt, known.position, known.taken)
            self._nc.publish_now(subjects.BEATS, pack_beat(beat))
        except NatsError as error:
            log.debug("beat not sent: %s", error)

    def _on_message(self, _subject: str, _reply: str, data: bytes) -> None:
        try:
            said = unpack_message(data)
        except Exception:  # not of a broker: another gateway can make NATS answer it here
            log.debug("a message cannot be read")
            return
        self.heard = self._monotonic()
        if isinstance(said, Fenced):
            metrics.FENCED.inc()
            log.warning("the broker does not know this gateway any more")
            self.fenced.set()
        elif isinstance(said, Head):
            self.inbox.witness.answered()
            if said.number > self.inbox.have:
                self._ask_again()
        elif not self.inbox.take(said):
            self._ask_again()
        else:
            self.writer.confirm()
            if self.inbox.told_resumable and self._beating_soon is None:
                self._beating_soon = asyncio.get_running_loop().call_later(PROMPT, self._beat_soon)

    def _beat_soon(self) -> None:
        """Let the broker know how far this gateway is: should it die, returning clients hear nothing twice."""
        self.inbox.told_resumable = False
        self._beating_soon = None
        self._beat(prompt=True)

    def _ask_again(self) -> None:
        """Ask for what is missing, but not for each of the parcels that follow a gap."""
        if self._monotonic() - self._resend_asked > 0.1:
            self._resend_asked = self._monotonic()
            metrics.GAPS.inc()
            self._beat(gap=True)
