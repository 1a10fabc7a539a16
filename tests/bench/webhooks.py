"""What a notice costs auth_api and NATS, with and without a webhook: ``python -m tests.bench webhooks``.

Notices are put into their stream as the speaker would, one in each message, and come to a receiver in this process.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from broker.webhook_bucket import make_bucket
from tests.auth_api.webhooks.conftest import SECRET
from tests.auth_api.webhooks.stream import Stream
from tests.bench import command
from tests.bench.meter import Meter
from tests.nats_server import NatsServer
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process

SECONDS = 15.0
RATES = (10, 100)  # notices a second
BACKLOG = 10_000


class Cost(msgspec.Struct):
    """Microseconds of CPU for each notice, and bytes ``sent`` to the receiver, heads included.

    ``notices`` came in ``posts``, within ``seconds``.
    """

    what: str
    notices: int
    posts: int
    seconds: float
    auth_api: float
    nats: float
    sent: float


class Finding(command.Finding, kw_only=True):
    """Costs without a webhook, and with one."""

    costs: list[Cost]

    def text(self) -> str:
        head = "| notices | in POSTs | seconds | CPU a notice (µs): auth_api | NATS | bytes sent |\n"
        return f"{head}|---|---|---|---|---|---|\n" + "\n".join(
            f"| {cost.what}: {cost.notices:,} | {cost.posts:,} | {cost.seconds:.1f} | {cost.auth_api:.0f} "
            f"| {cost.nats:.0f} | {cost.sent:.0f} |"
            for cost in self.costs
        )


class Bench:
    """A receiver that counts, NATS, and an auth_api while it is needed."""

    def __init__(self, nats: NatsServer, stream: Stream, folder: Path) -> None:
        self._nats = nats
        self._stream = stream
        self._folder = folder
        self._auth_api: Process | None = None
        self.costs: list[Cost] = []
        self.notices = self.posts = self.sent = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.notices += body.count(b'"id":')
        self.posts += 1
        self.sent += len(f"POST {request.raw_path} HTTP/1.1\r\n\r\n") + len(body)
        self.sent += sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)
        return web.Response(status=204)

    async def start(self, url: str) -> None:
        port = free_port()
        env = {"NATS_URL": self._nats.url, "APP_SECRET": SECRET, "APP_PASS": "bench", "APP_HOST": "127.0.0.1"}
        env |= {"APP_PORT": str(port), "WEBHOOK_URL": url, "WEBHOOK_SECRET": SECRET}
        self._auth_api = Process("auth_api", [sys.executable, "-m", "auth_api"], env, port, self._folder)
        self._auth_api.start()
        await self._auth_api.ready()

    async def stop(self) -> None:
        if self._auth_api is not None:
            await self._auth_api.stop()
            self._auth_api = None

    async def measure(self, what: str, count: int, rate: float) -> None:
        """Put that many notices into the stream, and wait until they have come if there is a webhook."""
        command.say(what)
        pids = {"nats": self._nats.process.pid} | ({"auth_api": self._auth_api.pid} if self._auth_api else {})
        self._count_anew()
        meter, began = Meter(pids), time.monotonic()
        for number in range(1, count + 1):
            await self._stream.add(1)
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await self.have_come(count)
        self._note(what, count, meter.read(), time.monotonic() - began)

    async def catch_up(self, url: str) -> None:
        """What has piled up, while no auth_api was there."""
        await self._stream.add(BACKLOG)
        command.say("catching up")
        self._count_anew()
        await self.start(url)
        assert self._auth_api
        before = self.notices
        meter, began = Meter({"nats": self._nats.process.pid, "auth_api": self._auth_api.pid}), time.monotonic()
        await self.have_come(BACKLOG)
        self._note("catching up", BACKLOG - before, meter.read(), time.monotonic() - began)

    def _count_anew(self) -> None:
        self.notices = self.posts = self.sent = 0

    async def have_come(self, count: int) -> None:
        async with asyncio.timeout(60):
            while self._auth_api is not None and self.notices < count:
                await asyncio.sleep(0.02)

    def _note(self, what: str, count: int, used: dict[str, float], seconds: float) -> None:
        auth_api, nats = (used.get(name, 0.0) / count * 1e6 for name in ("auth_api", "nats"))
        sent = self.sent / max(1, self.notices)
        self.costs.append(Cost(what, count, self.posts, seconds, auth_api, nats, sent))


async def find() -> Finding:
    """Measure everything."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="parley-bench-")))
        nats = NatsServer(folder)
        await nats.start()
        stack.push_async_callback(nats.kill)
        nc = await nats.client()
        stack.push_async_callback(nc.close)
        await make_bucket(nc, 1)
        stream = Stream(nc)
        await stream.make()
        bench = Bench(nats, stream, folder)
        stack.push_async_callback(bench.stop)
        app = web.Application()
        app.router.add_post("/", bench.take)
        server = TestServer(app)
        await server.start_server()
        stack.push_async_callback(server.close)
        url = str(server.make_url("/"))
        for rate in RATES:
            await bench.measure(f"{rate} a second, no webhook", int(rate * SECONDS), rate)
        await bench.start(url)
        await bench.have_come(len(stream.ids))
        for rate in RATES:
            await bench.measure(f"{rate} a second", int(rate * SECONDS), rate)
        await bench.stop()
        await bench.catch_up(url)
        return Finding(costs=bench.costs)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    options = command.parser("webhooks", __doc__ or "").parse_args(arguments, namespace=command.Options())
    return command.carry_out(find(), options)
