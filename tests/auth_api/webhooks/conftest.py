"""A receiver of webhooks that does what the test wants, and notices without a broker."""

import asyncio
import contextlib
import dataclasses
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from auth_api.notices import Gone, Told, Unavailable
from broker.webhook_bucket import make_bucket
from shared.envelopes.notices import NoticeId
from shared.messaging.nats import Client
from tests.nats_server import nats_server, nc

__all__ = ["nats_server", "nc"]

SECRET = "whsec_c2VjcmV0IGZvciB0ZXN0cywgbm8gbW9yZQ=="  # pragma: allowlist secret


@dataclasses.dataclass(frozen=True)
class Post:
    """One request, verified by the reference implementation."""

    webhook_id: str
    body: bytes

    @property
    def ids(self) -> list[str]:
        return [notice["id"] for notice in json.loads(self.body)["data"]]


Respond = Callable[[web.Request], Any]


class Backend:
    """Notes what it gets. ``respond`` answers, as often as ``responses`` are given; after that, 204 does."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.responses: list[Respond] = []
        self.answering = 0
        self.most_at_once = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        Webhook(SECRET).verify(body, dict(request.headers))
        assert request.headers["Content-Type"] == "application/json"
        self.posts.append(Post(request.headers["webhook-id"], body))
        respond = self.responses.pop(0) if self.responses else None
        self.answering += 1
        self.most_at_once = max(self.most_at_once, self.answering)
        try:
            answer = await respond(request) if respond else web.Response(status=204)
            assert isinstance(answer, web.StreamResponse)
            return answer
        finally:
            self.answering -= 1

    @property
    def ids(self) -> list[str]:
        """Of the notices, in the order in which they came first."""
        return list(dict.fromkeys(itertools.chain.from_iterable(post.ids for post in self.posts)))


def answers(status: int, **headers: str) -> Respond:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return respond


async def hangs(request: web.Request) -> web.Response:
    await asyncio.sleep(3600)
    raise AssertionError


async def breaks_off(request: web.Request) -> web.Response:
    assert request.transport
    request.transport.abort()
    return web.Response()


def told(position: int, log: str = "log") -> Told:
    name = NoticeId(log, position, 0)
    fields = {"id": str(name), "time": 1_800_000_000_000 + position, "type": "room-closed"}
    return Told(name, json.dumps(fields).encode())


class Kept:
    """Notices that a test makes, with ids ``log-<position>-0``. ``dropped`` of them are not kept any more."""

    def __init__(self) -> None:
        self.all: list[Told] = []
        self.dropped = 0
        self.available = True
        self._more = asyncio.Event()

    def add(self, count: int) -> Sequence[str]:
        """More of them; their ids."""
        new = [told(position) for position in range(len(self.all) + 1, len(self.all) + 1 + count)]
        self.all += new
        self._more.set()
        return [str(each.id) for each in new]

    async def read(self, after: NoticeId | None, limit: int, wait: float) -> Sequence[Told]:
        if not self.available:
            raise Unavailable("NATS is away")
        begin = len([each for each in self.all if each.id.place <= after.place]) if after else self.dropped
        if begin < self.dropped:
            raise Gone(self.all[self.dropped].id, self.all[self.dropped - 1])
        if begin == len(self.all):
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._more.wait()
        return self.all[begin : begin + limit]

    async def backlog(self, after: NoticeId | None) -> int:
        if not self.available:
            raise Unavailable("NATS is away")
        return len([each for each in self.all if after is None or each.id.place > after.place])


@pytest.fixture
async def bucket(nc: Client) -> None:
    """What the brokers make."""
    await make_bucket(nc, 1)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
async def url(backend: Backend) -> AsyncIterator[str]:
    """Where the backend listens."""
    app = web.Application()
    app.router.add_post("/webhooks", backend.handle)
    server = TestServer(app, shutdown_timeout=0.1)
    await server.start_server()
    yield str(server.make_url("/webhooks"))
    await server.close()
