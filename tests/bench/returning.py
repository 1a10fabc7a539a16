"""Clients that come back when their gateway has gone. They run in a process of their own, which is told on its standard
input where to go: their load must not delay who measures beside it.
"""

import asyncio
import functools
import random
import sys
import time
from typing import Any

import msgspec
import uvloop

from tests.bench import files, wire
from tests.bench.client import Client, Fault
from tests.bench.crowd import each

FIRST_DELAY = (
    1.0  # seconds until a client tries again, give or take half of it; twice that with each try, as socket.io does
)
LONGEST_DELAY = 5.0
LOOKING = 0.01  # seconds between looks at whether all are back


class Orders(msgspec.Struct):
    """``count`` clients go to ``urls``, ``at_once`` of them at the same moment; who loses a gateway goes to another."""

    urls: list[str]
    token: str
    count: int
    at_once: int = 50


class Back(msgspec.Struct):
    """``last`` is when the last one had come, in seconds of the monotonic clock. ``lost`` is how many lost their
    gateway, ``resumed`` how many had their place again; ``turned_away`` how often one was told to come later, and
    ``failed`` how often there was no answer.
    """

    last: float
    lost: int = 0
    resumed: int = 0
    turned_away: int = 0
    failed: int = 0


class TurnedAway(Exception):
    """The server is too busy: 429 or 503."""


class Returning(Client):
    """A client that is not surprised to be turned away."""

    turned_away = False

    def _upgraded(self, data: bytes) -> bytes:
        if data.startswith((b"HTTP/1.1 429", b"HTTP/1.1 503")):
            self._leaving = True
            self._connected.set_exception(TurnedAway())
            self._transport.close()
            return b""
        return super()._upgraded(data)

    def _fail(self, what: str) -> None:
        """Nothing is a fault: it tries again."""

    def connection_lost(self, error: Exception | None) -> None:
        if not self._connected.done():
            self._connected.set_exception(ConnectionError())
        super().connection_lost(error)


class Flock:
    """All of them."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._faults: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._away = 0
        self.back = Back(0.0)
        self._coming: set[asyncio.Task[None]] = set()

    async def arrive(self) -> None:
        """Come, all of them."""
        await each(range(self._orders.count), self._come, self._orders.at_once)

    async def all_back(self) -> Back:
        """Wait until one has lost its gateway, and then until all are back."""
        while not self.back.lost or self._away:
            await asyncio.sleep(LOOKING)
        return self.back

    async def _come(self, number: int) -> None:
        await self._enter(self._orders.urls[number % len(self._orders.urls)], {})

    async def _enter(self, url: str, resume: dict[str, Any], tries: int = 0) -> None:
        while True:
            client = Returning(self._faults)
            client.on_lost = functools.partial(self._lost, client, url)
            try:
                async with asyncio.timeout(20):
                    await client.connect(url, self._orders.token)
                    resumed = await self._authenticate(client, resume)
                    self.back.resumed += bool(resume) and resumed
                    self.back.last = time.monotonic()
                    return
            except TurnedAway:
                self.back.turned_away += 1
            except (OSError, TimeoutError):
                self.back.failed += 1
            client.on_lost = lambda: None
            client.abort()
            tries += 1
            await asyncio.sleep(_delay(tries))

    async def _authenticate(self, client: Client, resume: dict[str, Any]) -> bool:
        accepted = client.expect(b"auth-accept")
        lost: asyncio.Future[Any] = client.closed
        client.send(wire.event_frame("auth-request", {"token": self._orders.token, "resumable": True, **resume}))
        await asyncio.wait([accepted, lost], return_when=asyncio.FIRST_COMPLETED)
        if not accepted.done():
            raise ConnectionError
        fields = wire.event_fields(accepted.result())
        client.token = fields["token"]
        return bool(fields["resumed"])

    def _lost(self, client: Client, url: str) -> None:
        if not client.token:
            return
        self.back.lost += 1
        self._away += 1
        task = asyncio.create_task(self._come_back(client.token, url))
        self._coming.add(task)
        task.add_done_callback(self._coming.discard)

    async def _come_back(self, token: str, url: str) -> None:
        await asyncio.sleep(_delay(0))
        others = [other for other in self._orders.urls if other != url]
        await self._enter(random.choice(others or [url]), {"resume": token})
        self._away -= 1


def _delay(tries: int) -> float:
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0**tries) * random.uniform(0.5, 1.5)


async def obey() -> None:
    """Take orders; tell how it was when all have arrived, and again when those that lost a gateway are back."""
    orders = msgspec.json.decode(await asyncio.to_thread(sys.stdin.readline), type=Orders)
    files.allow(orders.count)
    flock = Flock(orders)
    await flock.arrive()
    _tell(msgspec.json.encode(flock.back))
    _tell(msgspec.json.encode(await flock.all_back()))
    await asyncio.to_thread(sys.stdin.read)


def _tell(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        uvloop.run(obey())
    except Fault as fault:
        sys.exit(f"returning: {fault}")
