"""An app's backend that takes webhooks during a chaos run. Often it is slow, refuses them, or breaks the connection."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from tests.chaos.rig.deliveries import Deliveries
from tests.system.rig.ports import free_port
from tests.system.rig.waiting import until

SECRET = "whsec_Y2hhb3MgY2hhb3MgY2hhb3MgY2hhb3MgY2hhb3MgY2hhb3M="  # pragma: allowlist secret
WELL = 0.6  # share of the POSTs that it answers as it should, at once
SLOWEST = 4.0  # seconds until it answers
MOST_LAPSES = 4  # in a row, or the pauses between two attempts become so long that little is tried
CATCHING_UP = 60.0  # seconds in which everything must have come, once all is well

Respond = Callable[[web.Request, str], Awaitable[web.StreamResponse]]


class Receiver:
    """Listens while it is entered. ``faults`` are the POSTs that the reference implementation does not believe."""

    def __init__(self, chance: random.Random, host: str = "127.0.0.1") -> None:
        self._chance = chance
        self._host = host
        self._port = free_port()
        self._lapses = 0  # in a row
        self._is_well = False  # and stays so
        self._ways: list[Respond] = [
            self._be_slow,
            self._fail,
            self._ask_for_patience,
            self._hang_up,
            self._lose_answer,
            self._stop_in_answer,
        ]
        self.url = f"http://{host}:{self._port}/webhooks"
        self.deliveries = Deliveries()
        self.faults: list[str] = []

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/webhooks", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def catch_up(self, stream: Sequence[dict[str, Any]]) -> None:
        """Be well from now on, and wait until the last notice there is has come. If it does not, the judge says so."""
        self._is_well = True
        with contextlib.suppress(AssertionError):
            await until(lambda: self._has_come(stream), "all notices have come", CATCHING_UP)

    def _has_come(self, stream: Sequence[dict[str, Any]]) -> bool:
        return self.deliveries.notices[-1:] == list(stream[-1:])

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        respond = self._way()
        if respond == self._hang_up:
            return await respond(request, "")
        body = await request.read()
        try:
            Webhook(SECRET).verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            self.faults.append(f"a webhook is not believed: {error}")
            return web.Response(status=401)
        batch = request.headers["webhook-id"]
        self.deliveries.arrive(batch, body)
        return await respond(request, batch)

    def _way(self) -> Respond:
        """How to treat the next one."""
        lapse = not self._is_well and self._lapses < MOST_LAPSES and self._chance.random() >= WELL
        self._lapses = self._lapses + 1 if lapse else 0
        return self._chance.choice(self._ways) if lapse else self._take

    async def _take(self, _: web.Request, batch: str) -> web.Response:
        self.deliveries.take(batch)
        return web.Response(status=204)

    async def _be_slow(self, request: web.Request, batch: str) -> web.Response:
        await asyncio.sleep(self._chance.uniform(0, SLOWEST))
        return await self._take(request, batch)

    async def _fail(self, *_: object) -> web.Response:
        return web.Response(status=500)

    async def _ask_for_patience(self, *_: object) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": str(self._chance.randint(1, 3))})

    async def _hang_up(self, request: web.Request, _: str) -> web.Response:
        """Without having read it."""
        _break(request)
        return web.Response()

    async def _lose_answer(self, request: web.Request, batch: str) -> web.Response:
        """It is taken, and the sender cannot know."""
        _break(request)
        return await self._take(request, batch)

    async def _stop_in_answer(self, request: web.Request, batch: str) -> web.StreamResponse:
        """It is taken, and the connection ends in the middle of an answer that says so."""
        self.deliveries.take(batch)
        answer = web.StreamResponse(status=200, headers={"Content-Length": "100"})
        with contextlib.suppress(ConnectionError):  # the sender may have been killed
            await answer.prepare(request)
            await answer.write(b"{")
        _break(request)
        return answer


def _break(request: web.Request) -> None:
    if request.transport is not None:  # it is, once the sender has gone
        request.transport.abort()
