"""Somebody on the inner network with the NATS password of one process."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from tests.attack import entries, subjects
from tests.attack.entries import GATEWAY_UP, Entry
from tests.attack.me import Me

LISTENING = 1.5  # seconds; gateways are spoken to twice a second


class Thief:
    """A connection to NATS as one of its users. What NATS does not allow is no error here.

    ``known`` are the names of other gateways, as far as it has overheard them.
    """

    def __init__(self, me: Me, nc: Client) -> None:
        self.me = me
        self.own = f"g{secrets.token_hex(8)}"  # as a gateway calls itself
        self.known: set[str] = set()
        self._nc = nc

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Say something; it is on its way then. Raises purse.Spent."""
        self.me.purse.pay(len(data) + len(subject))
        with contextlib.suppress(NatsError):
            await self._nc.publish(subject, data, reply=reply)
        await asyncio.sleep(0)

    async def write(self, *said: Entry, number: int = 0, writer: str = "") -> None:
        """Put a batch into the log, wherever that may be allowed."""
        await self.write_bytes(entries.batch(writer or self.own, number, *said))

    async def write_bytes(self, data: bytes) -> None:
        """The same with anything at all."""
        for subject in subjects.events(self.own, sorted(self.known)):
            await self.publish(subject, data)

    async def introduce(self) -> None:
        """Become a gateway that the brokers know."""
        await self.write((GATEWAY_UP, "thief"), number=1)
        await self.learn(LISTENING)

    async def learn(self, seconds: float) -> None:
        """Listen everywhere for a while, for the names of other gateways."""

        async def note(message: Msg) -> None:
            heard = message.subject.encode() + message.data
            self.known |= {name for name in self.me.scene.ids if name.encode() in heard}
            self.known.add(message.subject.rpartition(".")[2])

        ears = [await self._nc.subscribe(subject, cb=note) for subject in subjects.ears()]
        await asyncio.sleep(seconds)
        for ear in ears:
            await ear.unsubscribe()
        self.known.discard(self.own)


@asynccontextmanager
async def thief(me: Me, user: str) -> AsyncIterator[Thief]:
    """Connect with a stolen password."""

    async def ignore(_: Exception) -> None:
        pass

    password = me.scene.passwords[user]
    url = f"nats://{user}:{password}@127.0.0.1:{me.scene.nats}"
    nc = await nats.connect(url, error_cb=ignore, inbox_prefix=f"_INBOX_{user}".encode(), max_reconnect_attempts=1)
    try:
        yield Thief(me, nc)
        await nc.flush()
    finally:
        await nc.close()
