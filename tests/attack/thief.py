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

from shared.log import Batch, Entry, GatewayUp, pack_batch
from tests.attack import subjects
from tests.attack.me import Me


class Thief:
    """A connection to NATS as one of its users. What NATS does not allow is no error here."""

    def __init__(self, me: Me, nc: Client) -> None:
        self.me = me
        self.own = f"g{secrets.token_hex(8)}"  # as a gateway calls itself
        self._nc = nc

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Say something; it is on its way then. Raises purse.Spent."""
        self.me.purse.pay(len(data) + len(subject))
        with contextlib.suppress(NatsError):
            await self._nc.publish(subject, data, reply=reply)
        await asyncio.sleep(0)

    async def write(self, *entries: Entry, number: int = 0, writer: str = "") -> None:
        """Put a batch into the log, wherever that may be allowed."""
        await self.write_bytes(pack_batch(Batch(writer or self.own, number, list(entries))))

    async def write_bytes(self, data: bytes) -> None:
        """The same with anything at all."""
        for subject in subjects.events(self.own, self.me.scene.ids):
            await self.publish(subject, data)

    async def introduce(self) -> None:
        """Become a gateway that the brokers know."""
        await self.write(GatewayUp("thief"), number=1)
        await self._nc.flush()

    async def listen(self, subject: str, heard: list[bytes]) -> None:
        """Note what is said there."""

        async def note(message: Msg) -> None:
            heard.append(message.data)

        await self._nc.subscribe(subject, cb=note)


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
