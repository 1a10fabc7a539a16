"""Whose turn it is to send, and how far the notices are delivered: one record in a KV bucket.

Every change of the record is made in place of the revision that its writer knows, and the sender renews the record by
writing it again. So one that has lost its turn, having been frozen or cut off, cannot change how far the notices are
delivered: the revision it knows is not the newest. Nobody's clock is compared with another's. The sender takes its
turn to last ``LIFE`` from before its last renewal; the others take it for dead when they have seen no change for
``PATIENCE``, which is longer.
"""

import asyncio
import logging
import math
from collections.abc import Callable

import msgspec
from msgspec.structs import replace
from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError

from shared.envelopes import subjects
from shared.envelopes.notices import NoticeId
from shared.messaging.connection import cancelled
from shared.messaging.messaging import KeyValue, Messaging

log = logging.getLogger(__name__)

KEY = "sender"
LIFE = 2.0  # seconds
RENEWAL = 0.5  # seconds
PATIENCE = 2.5  # seconds
LOOK_INTERVAL = 0.25  # seconds
TIMEOUT = 1.0  # seconds for NATS to answer


class Lost(Exception):
    """It is another process's turn, or may be."""


class Record(msgspec.Struct, frozen=True):
    """Ids of notices, empty for none: the last one ``delivered``, and the last one of the batch in flight."""

    holder: str = ""
    delivered: str = ""
    sending: str = ""


class Turn:
    """One process's view of the record."""

    def __init__(self, connection: Callable[[], Messaging | None], name: str, monotonic: Callable[[], float]) -> None:
        """``connection`` gives the one to NATS, None while there is none. ``name`` is no other process's."""
        self._connection = connection
        self._name = name
        self._monotonic = monotonic
        self._bucket: KeyValue | None = None
        self._writing = asyncio.Lock()
        self._revision = 0
        self._until = -math.inf  # monotonic seconds
        self.record = Record()

    @property
    def held(self) -> bool:
        """Whether no other process can have the turn."""
        return self._monotonic() < self._until

    async def take(self) -> None:
        """Wait for the turn."""
        seen, since = -1, self._monotonic()  # a revision, and when it was first seen
        while not cancelled():
            try:
                revision = await self._look()
                if revision != seen:
                    seen, since = revision, self._monotonic()
                if self.record.holder in ("", self._name) or self._monotonic() - since >= PATIENCE:
                    await self._put(replace(self.record, holder=self._name), revision)
                    return
            except KeyWrongLastSequenceError:
                log.debug("another process was faster")
            except (NatsError, TimeoutError) as error:
                self._missed(error)
            await asyncio.sleep(LOOK_INTERVAL)

    async def keep(self) -> None:
        """Renew the turn until it is lost."""
        while self.held and not cancelled():
            await asyncio.sleep(RENEWAL)
            await self._write(lambda record: record)

    async def note(self, delivered: str, sending: str) -> None:
        """Say how far the notices are. Raises Lost."""
        while not await self._write(lambda record: replace(record, delivered=delivered, sending=sending)):
            self.check()
            await asyncio.sleep(LOOK_INTERVAL)

    def check(self) -> None:
        """Raises Lost unless this process has the turn."""
        if not self.held:
            raise Lost

    async def release(self) -> None:
        """Give the turn up, so that the next one need not wait for its end."""
        await self._write(lambda record: replace(record, holder=""))
        self._until = -math.inf

    async def _write(self, change: Callable[[Record], Record]) -> bool:
        """Whether the record is changed now."""
        async with self._writing:  # each revision takes the place of the one before
            if not self.held:
                return False
            try:
                await self._put(change(self.record), self._revision)
            except KeyWrongLastSequenceError:
                await self._look_again()
            except (NatsError, TimeoutError) as error:
                self._missed(error)
            else:
                return True
        return False

    async def _look_again(self) -> None:
        """The newest revision is not the one this process knows: another's, or one that NATS never confirmed."""
        try:
            revision = await self._look()
        except (NatsError, TimeoutError) as error:
            self._missed(error)
            return
        if self.record.holder == self._name:
            self._revision = revision
        else:
            self._until = -math.inf

    async def _look(self) -> int:
        """Read the record; its revision, 0 if there is none. If NATS has lost it, what is known of it is kept."""
        bucket = await self._open()
        try:
            found = await bucket.get(KEY)
        except KeyNotFoundError:
            self.record = replace(self.record, holder="")
            return 0
        self.record = _read(found.value or b"")
        return found.revision or 0

    async def _put(self, record: Record, last: int) -> None:
        asked = self._monotonic()
        bucket = await self._open()
        data = msgspec.json.encode(record)
        self._revision = await (bucket.update(KEY, data, last=last) if last else bucket.create(KEY, data))
        self.record, self._until = record, asked + LIFE

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            if (connection := self._connection()) is None:
                raise TimeoutError("there is no connection")
            self._bucket = await connection.jetstream(timeout=TIMEOUT).key_value(subjects.WEBHOOKS_BUCKET)
        return self._bucket

    def _missed(self, error: Exception) -> None:
        log.debug("the turn: %s", type(error).__name__)
        self._bucket = None  # it may have been lost and made again


def _read(data: bytes) -> Record:
    """Raises nothing: a record that is none says that nothing is delivered."""
    try:
        record = msgspec.json.decode(data, type=Record)
        for name in filter(None, (record.delivered, record.sending)):
            NoticeId.parse(name)
    except ValueError:  # msgspec's own errors too
        log.warning("the record of what is delivered cannot be read: notices are sent from the oldest on")
        return Record()
    return record
