"""The lease in a KV bucket: the broker that holds it speaks.

It only saves work: two speakers say the same things, and gateways drop duplicates.
"""

import asyncio
import logging
from collections.abc import Callable

from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BadRequestError, KeyWrongLastSequenceError

from shared.envelopes import subjects
from shared.messaging.connection import cancelled
from shared.messaging.messaging import JetStream, KeyValue

log = logging.getLogger(__name__)

KEY = "speaker"
LIFE = 2.0  # seconds
RENEWAL = 0.5  # seconds


class Lease:
    """Tries to get the lease, and to keep it. ``term`` is higher each time it changes hands.

    It is the lease's revision, unless that is not above the ``newest`` term that the log is known to hold: revisions
    begin at 1 again when the bucket is lost and the log is not.
    """

    def __init__(self, js: JetStream, broker: str, replicas: int, newest: Callable[[], int]) -> None:
        self._js = js
        self._broker = broker
        self._replicas = replicas
        self._newest = newest
        self._bucket: KeyValue | None = None
        self._revision = 0
        self.term = 0

    @property
    def held(self) -> bool:
        """Whether this broker holds it, as far as it knows."""
        return self.term > 0

    async def run(self, on_change: Callable[[], None]) -> None:
        """Campaign and renew until cancelled; ``on_change`` is called whenever the term changes."""
        while not cancelled():
            before = self.term
            try:
                await (self._renew() if self.held else self._campaign())
            except KeyWrongLastSequenceError:
                self.term = 0
            except (NatsError, TimeoutError) as error:
                log.debug("lease: %s", type(error).__name__)  # keeps speaking: two speakers do no harm
                self._bucket = None  # it may be gone: opening it again makes it
            if self.term != before:
                on_change()
            await asyncio.sleep(RENEWAL if self.held else RENEWAL / 5)

    async def release(self) -> None:
        """Give it up, so that the next one need not wait for its end."""
        if self.held and self._bucket is not None:
            self.term = 0
            try:
                async with asyncio.timeout(0.5):
                    await self._bucket.delete(KEY, last=self._revision)
            except (NatsError, TimeoutError):
                log.debug("the lease could not be released; it ends by itself")

    async def _campaign(self) -> None:
        bucket = await self._open()
        try:
            self._revision = await bucket.create(KEY, self._broker.encode())
        except KeyWrongLastSequenceError:
            return  # another broker has it
        self.term = max(self._revision, self._newest() + 1)

    async def _renew(self) -> None:
        bucket = await self._open()
        self._revision = await bucket.update(KEY, self._broker.encode(), last=self._revision)
        if self._newest() > self.term:  # this broker had not read it yet when it began
            self.term = self._newest() + 1

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
