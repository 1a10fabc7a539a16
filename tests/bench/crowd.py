"""The clients of one run."""

import asyncio
import itertools
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from tests.bench.client import Client
from tests.bench.target import Target

T = TypeVar("T")
Item = TypeVar("Item")

AT_ONCE = 50  # operations in flight in phases that go through a list


class Couple:
    """Two peers on different gateways: ``owner`` of the room named ``room``, and ``guest``, who comes in."""

    def __init__(self, owner: Client, guest: Client) -> None:
        self.owner = owner
        self.guest = guest
        self.room = f"bench-{uuid.uuid4().hex}"


class Crowd:
    """All clients of one run against one target. The first fault, of a server or of a connection, ends the run."""

    def __init__(self, target: Target, app_token: str) -> None:
        self._target = target
        self._app_token = app_token
        self._faults: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._clients: set[Client] = set()
        self._numbers = itertools.count()

    async def arrive(self, gateway: int, deflate: bool = False, **more: Any) -> Client:
        """A new client that has connected and authenticated, with ``more`` in its request. Gateways are counted round
        and round.
        """
        client = Client(self._faults)
        self._clients.add(client)
        urls = self._target.urls
        await client.connect(urls[gateway % len(urls)], self._app_token, deflate)
        await client.authenticate({"name": f"peer {next(self._numbers)}"}, **more)
        return client

    async def see_off(self, client: Client) -> None:
        """Forget a client that leaves, once its connection is closed."""
        await client.closed
        self._clients.remove(client)

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work``, then close all connections. Raises Fault as soon as there is one."""
        task = asyncio.ensure_future(work)
        self._faults.add_done_callback(lambda _: task.cancel())
        try:
            return await task
        except (asyncio.CancelledError, Exception):
            if self._faults.done():
                self._faults.result()
            raise
        finally:
            task.cancel()
            for client in self._clients:
                client.abort()


async def each(items: Iterable[Item], act: Callable[[Item], Awaitable[T]], at_once: int = AT_ONCE) -> list[T]:
    """Do something with each item, so many at once; returns the results in the order of the items."""
    waiting = iter(enumerate(items))
    results: dict[int, T] = {}

    async def work() -> None:
        for number, item in waiting:
            results[number] = await act(item)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())
    return [results[number] for number in sorted(results)]
