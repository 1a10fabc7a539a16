"""Several ``python -m auth_api`` that would like to send the same notices, on a real NATS."""

import base64
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from shared.messaging.nats import Client
from tests.auth_api.webhooks.conftest import SECRET, Backend, hangs
from tests.auth_api.webhooks.stream import Stream
from tests.nats_server import NatsServer
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process
from tests.system.rig.waiting import until

NEW_SECRET = "whsec_" + base64.b64encode(b"n" * 32).decode()
TAKEOVER = 5.0  # seconds


@pytest.fixture
async def stream(nc: Client, bucket: None) -> Stream:
    made = Stream(nc)
    await made.make()
    return made


class Sending(Process):
    """One auth_api."""

    async def metric(self, name: str) -> float:
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])

    async def sends(self) -> bool:
        return await self.metric("parley_webhook_sender") == 1


Start = Callable[..., Awaitable[Sending]]


@pytest.fixture
async def start(nats_server: NatsServer, url: str, tmp_path: Path) -> AsyncIterator[Start]:
    started: list[Sending] = []

    async def starting(name: str, **settings: str) -> Sending:
        port = free_port()
        environ = {
            "NATS_URL": nats_server.url,
            "APP_SECRET": "s" * 32,
            "APP_PASS": "p",
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(port),
            "WEBHOOK_URL": url,
            "WEBHOOK_SECRET": SECRET,
            "LOG_FORMAT": "text",
            **settings,
        }
        process = Sending(name, [sys.executable, "-m", "auth_api"], environ, port, tmp_path)
        started.append(process)
        process.start()
        await process.ready()
        return process

    yield starting
    for process in started:
        if process.running:
            process.signal(signal.SIGCONT)
            await process.stop()
        assert process.new_complaints() == []
        assert not any(secret in process.text() for secret in (SECRET, NEW_SECRET, "/webhooks"))


async def which_sends(*processes: Sending) -> list[Sending]:
    """The one that sends, and then the others."""
    deadline = time.monotonic() + 10
    while not (sending := [each for each in processes if await each.sends()]):
        assert time.monotonic() < deadline
    return [*sending, *(each for each in processes if each not in sending)]


async def test_another_takes_over_from_one_that_is_killed_in_the_middle(
    start: Start, stream: Stream, backend: Backend
) -> None:
    first, second = await which_sends(await start("ann"), await start("bob"))
    await stream.add(3)
    await until(lambda: backend.ids == stream.ids, "all have arrived")
    backend.responses = [hangs]
    await stream.add(1)
    await until(lambda: backend.ids == stream.ids, "the next one is on its way")
    backend.posts.clear()
    await stream.add(150)
    await first.kill()
    killed = time.monotonic()
    await until(lambda: backend.posts, "the other one sends it again", within=TAKEOVER)
    assert time.monotonic() - killed < TAKEOVER
    await until(lambda: backend.ids == stream.ids[3:], "all have arrived")
    assert backend.posts[0].ids == stream.ids[3:4]  # as it was sent before, although there was more
    assert await second.sends()


async def test_one_that_was_frozen_notices_that_it_is_not_its_turn_any_more(
    start: Start, stream: Stream, backend: Backend
) -> None:
    first, second = await which_sends(await start("ann"), await start("bob"))
    backend.responses = [hangs]
    await stream.add(1)
    await until(lambda: backend.posts, "it is on its way")
    attempts = await first.metric('parley_webhook_posts_total{outcome="delivered"}')
    first.signal(signal.SIGSTOP)
    await stream.add(5)
    await until(lambda: backend.ids == stream.ids, "the other one has sent everything")
    first.signal(signal.SIGCONT)
    await until_async(lambda: first.metric("parley_webhook_sender"), 0.0)
    await stream.add(5)
    await until(lambda: backend.ids == stream.ids, "the other one goes on")
    assert await second.sends()
    assert await first.metric('parley_webhook_posts_total{outcome="delivered"}') == attempts
    assert sum(len(post.ids) for post in backend.posts) == 1 + len(stream.ids)  # none twice but what was on its way


async def until_async(read: Callable[[], Awaitable[float]], value: float, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while await read() != value:
        assert time.monotonic() < deadline


async def test_nothing_is_lost_when_nats_is_restarted(
    start: Start, stream: Stream, backend: Backend, nats_server: NatsServer
) -> None:
    await which_sends(await start("ann"), await start("bob"))
    await stream.add(3)
    await until(lambda: backend.ids == stream.ids, "all have arrived")
    await nats_server.kill()
    await nats_server.start()
    await stream.add(3)
    await until(lambda: backend.ids == stream.ids, "so have those after it", within=20)


async def test_one_that_is_stopped_hands_over_at_once(start: Start, stream: Stream, backend: Backend) -> None:
    first, second = await which_sends(await start("ann"), await start("bob"))
    await first.stop()
    stopped = time.monotonic()
    await which_sends(second)
    assert time.monotonic() - stopped < 2


async def test_a_secret_is_replaced_without_a_webhook_that_is_not_believed(
    start: Start, stream: Stream, backend: Backend
) -> None:
    """The backend knows only the former one."""
    await which_sends(await start("ann", WEBHOOK_SECRET=NEW_SECRET, WEBHOOK_SECRET_OLD=SECRET))
    await stream.add(3)
    await until(lambda: backend.ids == stream.ids, "all have arrived")


async def test_the_backlog_is_told(start: Start, stream: Stream, backend: Backend) -> None:
    backend.responses = [hangs] * 100
    await stream.add(120)
    ann = await start("ann")
    await until(lambda: backend.posts, "it is on its way")
    await until_async(lambda: ann.metric("parley_webhook_backlog"), 120.0)
    assert 0 < await ann.metric("parley_webhook_oldest_seconds") < 60
    backend.responses.clear()
    await ann.stop()
    bob = await start("bob")
    await until(lambda: backend.ids == stream.ids, "all have arrived")
    await until_async(lambda: bob.metric("parley_webhook_backlog"), 0.0, within=12)
    assert await bob.metric("parley_webhook_oldest_seconds") == 0
    assert await bob.metric("parley_webhook_notices_total") == 120
