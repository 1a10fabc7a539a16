"""The lease in a KV bucket: the broker that holds it speaks.

It only saves work: two speakers say the same things, and gateways drop duplicates. So a standby need not wait for its
end. It asks the holder a few times a second whether it is there, and takes the lease from one that has died or does
not answer. The lease's own end is for a holder that NATS cannot tell from a living one.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable

from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BadRequestError, KeyNotFoundError, KeyWrongLastSequenceError
from prometheus_client import Counter

from broker.speaking.presence import PATIENCE, Presence, Sign
from shared.envelopes import subjects
from shared.messaging.connection import cancelled
from shared.messaging.messaging import KeyValue, Messaging, Value

log = logging.getLogger(__name__)

KEY = "speaker"
LIFE = 2.0  # seconds
RENEWAL = 0.5  # seconds
LOOK_INTERVAL = 0.1  # seconds between a standby's looks at it
WATCHED = 3.0  # seconds since it last asked in which a standby is taken to be there
LATE = PATIENCE  # seconds without a renewal after which a holder that lost it was held up
MODESTY = 10.0  # seconds in which one that lost it without having been held up does not take it back before its end

TAKEOVERS = Counter(
    "parley_broker_early_takeovers_total",
    "Times that this broker took the lease before its end: the speaker was gone, or silent.",
    ["speaker"],
)


class Lease:
    """Tries to get the lease, and to keep it. ``term`` is higher each time it changes hands.

    It is the lease's revision, unless that is not above the ``newest`` term that the log is known to hold: revisions
    begin at 1 again when the bucket is lost and the log is not.
    """

    def __init__(
        self, nc: Messaging, broker: str, replicas: int, newest: Callable[[], int], monotonic: Callable[[], float]
    ) -> None:
        self._js = nc.jetstream(timeout=1.0)
        self._presence = Presence(nc, broker, monotonic)
        self._name = broker.encode()
        self._replicas = replicas
        self._newest = newest
        self._monotonic = monotonic
        self._bucket: KeyValue | None = None
        self._revision = 0
        self._renewed = 0.0  # monotonic seconds
        self._modest_until = -math.inf  # monotonic seconds
        self._doubted = asyncio.Event()
        self.term = 0

    @property
    def held(self) -> bool:
        """Whether this broker holds it, as far as it knows."""
        return self.term > 0

    @property
    def watched(self) -> bool:
        """Whether a standby asks for this broker."""
        return self._monotonic() - self._presence.asked_at < WATCHED

    @property
    def unrenewed(self) -> float:
        """Seconds since NATS took the last renewal."""
        return self._monotonic() - self._renewed

    async def run(self, on_change: Callable[[], None]) -> None:
        """Campaign and renew until cancelled; ``on_change`` is called whenever the term changes."""
        async with self._presence.answering():  # before it holds the lease: the others ask as soon as it does
            while not cancelled():
                await self._step(on_change)
                await self._pause(RENEWAL if self.held else LOOK_INTERVAL)

    async def is_anothers(self) -> bool:
        """Whether another broker holds it: it may have died less than LIFE ago. Raises NatsError, TimeoutError."""
        held = await _find(await self._open())
        return held is not None and held.value != self._name

    def doubt(self) -> None:
        """Another broker speaks: see at once who holds it."""
        self._doubted.set()

    async def release(self) -> None:
        """Give it up, so that the next one need not wait for its end."""
        if self.held and self._bucket is not None:
            self.term = 0
            try:
                async with asyncio.timeout(0.5):
                    await self._bucket.delete(KEY, last=self._revision)
            except (NatsError, TimeoutError):
                log.debug("the lease could not be released; it ends by itself")

    async def _step(self, on_change: Callable[[], None]) -> None:
        before = self.term
        try:
            await (self._renew() if self.held else self._campaign())
        except KeyWrongLastSequenceError:
            self._lose()
        except (NatsError, TimeoutError) as error:
            log.debug("lease: %s", type(error).__name__)  # keeps speaking: two speakers do no harm
            self._bucket = None  # it may be gone: opening it again makes it
        if self.term != before:
            on_change()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._doubted.wait()
        self._doubted.clear()

    async def _campaign(self) -> None:
        bucket = await self._open()
        held = await _find(bucket)
        with contextlib.suppress(KeyWrongLastSequenceError):  # another broker was faster
            if held is None:
                self._begin(await bucket.create(KEY, self._name))
            elif held.value == self._name:  # NATS never told
                self._begin(await bucket.update(KEY, self._name, last=held.revision or 0))
            elif (sign := await self._sign_of(held)) is not Sign.HERE:
                self._begin(await bucket.update(KEY, self._name, last=held.revision or 0))
                _report(sign, held)

    async def _sign_of(self, held: Value) -> Sign:
        """What is heard of the lease's holder. If it is not here, the lease may be taken."""
        if self._monotonic() < self._modest_until:
            return Sign.HERE
        sign = await self._presence.ask(_holder(held))
        return sign if sign is Sign.HERE or await self._presence.heard() else Sign.HERE

    def _begin(self, revision: int) -> None:
        self._revision, self._renewed = revision, self._monotonic()
        self.term = max(revision, self._newest() + 1)

    async def _renew(self) -> None:
        bucket = await self._open()
        self._revision = await bucket.update(KEY, self._name, last=self._revision)
        self._renewed = self._monotonic()
        if self._newest() > self.term:  # this broker had not read it yet when it began
            self.term = self._newest() + 1

    def _lose(self) -> None:
        """Another broker has it.

        If this one was well and yet not heard, the two may be unable to hear each other, while NATS hears both: taking
        it back would be answered in kind.
        """
        now = self._monotonic()
        if now - self._renewed < LATE:
            self._modest_until = now + MODESTY
        self.term = 0

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            config = KeyValueConfig(
                bucket=subjects.LEASE_BUCKET, ttl=LIFE, storage=StorageType.FILE, replicas=self._replicas
            )
            try:
                self._bucket = await self._js.create_key_value(config)
            except BadRequestError:  # it exists, with another configuration
                self._bucket = await self._js.key_value(subjects.LEASE_BUCKET)
        return self._bucket


async def _find(bucket: KeyValue) -> Value | None:
    """The lease, if anybody holds it."""
    try:
        return await bucket.get(KEY)
    except KeyNotFoundError:
        return None


def _holder(held: Value) -> str:
    return (held.value or b"").decode(errors="replace")


def _report(sign: Sign, held: Value) -> None:
    """The lease was taken before its end."""
    log.warning("taking over from a speaker that is %s", sign.value, extra={"facts": {"broker": _holder(held)}})
    TAKEOVERS.labels(sign.value).inc()
