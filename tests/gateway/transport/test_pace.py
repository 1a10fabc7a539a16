"""The pace at which newcomers are let in, without and with a network."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway.transport.pace import LATE, TICK, Entrance, Pace
from tests.gateway.site import Site
from tests.system.rig.rawsocket import HANDSHAKE, Polling, RawSocket
from tests.system.rig.waiting import until

PATIENCE = aiohttp.ClientTimeout(total=5)


def let_in(pace: Pace) -> int:
    """How many come in before the next tick, if there are many."""
    return sum(pace.take() for _ in range(10_000))


@pytest.mark.parametrize("per_second", [1.0, 30.0, 150.0, 1000.0])
def test_a_second_sees_the_rate_and_no_more_than_a_tick_of_it_beside(per_second: float) -> None:
    pace = Pace(per_second)
    came = 0
    for _ in range(int(1 / TICK)):
        came += let_in(pace)
        pace.tick(0.0)
    assert per_second - 1 <= came <= per_second * (1 + TICK) + 1


def test_those_who_did_not_come_are_not_made_up_for() -> None:
    pace = Pace(1000.0)
    for _ in range(100):
        pace.tick(0.0)
    assert let_in(pace) == 11


def test_fewer_come_in_while_ticks_are_late_and_more_again_when_they_are_on_time() -> None:
    pace = Pace(1000.0)
    rates = []
    for _ in range(6):
        pace.tick(2 * LATE)
        rates.append(pace.per_second)
    assert rates == [500, 250, 125, 100, 100, 100]
    let_in(pace)
    pace.tick(2 * LATE)
    assert let_in(pace) == 1
    for _ in range(18):
        pace.tick(LATE / 2)
    assert pace.per_second == 1000


def test_a_pace_below_the_least_is_kept() -> None:
    pace = Pace(20.0)
    pace.tick(2 * LATE)
    assert pace.per_second == 20


class Held(Pace):
    """Lets nobody in but those for whom there is a ``permit``."""

    def __init__(self) -> None:
        super().__init__(1000.0)
        self.permits = 0

    def take(self) -> bool:
        self.permits -= 1
        if self.permits < 0:
            self.permits = 0
            return False
        return True


class Knocking:
    """``async with Knocking(site) as knocking``: those who connect, in order, each as soon as the one before waits."""

    def __init__(self, site: Site) -> None:
        self.served: list[int] = []
        self._site = site
        self._knocks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Knocking":
        return self

    async def __aexit__(self, *_: object) -> None:
        for knock in self._knocks:
            knock.cancel()
        await asyncio.gather(*self._knocks, return_exceptions=True)

    async def one(self) -> asyncio.Task[None]:
        """One more waits."""
        number, before = len(self._knocks), self._site.entrance.waiting
        self._knocks.append(asyncio.create_task(self._knock(number)))
        await until(lambda: self._site.entrance.waiting > before, "it waits")
        return self._knocks[-1]

    async def _knock(self, number: int) -> None:
        url = f"{self._site.url}{HANDSHAKE}websocket"
        async with aiohttp.ClientSession(timeout=PATIENCE) as http, http.ws_connect(url) as ws:
            assert (await ws.receive_str()).startswith("0")
            self.served.append(number)
            await asyncio.get_running_loop().create_future()


@contextlib.asynccontextmanager
async def busy(max_waiting: int = 10) -> AsyncIterator[tuple[Site, Held, Knocking, RawSocket]]:
    """A site with one client, which is too busy for others."""
    pace = Held()
    pace.permits = 1
    async with Site(pace=pace, max_waiting=max_waiting) as site, RawSocket(site.url) as inside:
        await inside.connect("token")
        async with Knocking(site) as knocking:
            yield site, pace, knocking, inside


def has(some: list[Any], count: int) -> bool:
    return len(some) == count


async def test_those_who_wait_are_served_in_order_and_those_inside_all_the_time() -> None:
    async with busy() as (site, pace, knocking, inside):
        for _ in range(4):
            await knocking.one()
        for number in range(4):
            await inside.event("say", number)
            await until(functools.partial(has, site.events, number + 1), "those inside are heard")
            assert knocking.served == list(range(number))
            pace.permits = 1
            await until(functools.partial(has, knocking.served, number + 1), "one more is served")
        assert knocking.served == [0, 1, 2, 3]
        assert site.entrance.waiting == 0


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_beyond_the_bound_a_newcomer_is_told_when_to_come_again(transport: str) -> None:
    async with busy(max_waiting=2) as (site, _, knocking, inside), aiohttp.ClientSession(timeout=PATIENCE) as http:
        await knocking.one()
        await knocking.one()
        headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
        sent = headers if transport == "websocket" else {}
        for _ in range(3):
            async with http.get(f"{site.url}{HANDSHAKE}{transport}", headers=sent) as answer:
                assert answer.status == 503
                assert int(answer.headers["Retry-After"]) >= 1
        await inside.event("say")
        await until(lambda: site.events, "those inside are heard")
        assert (site.open_sockets, site.entrance.waiting) == (1, 2)


async def test_one_that_has_hung_up_takes_nobodys_turn() -> None:
    async with busy() as (site, pace, knocking, _):
        first = await knocking.one()
        await knocking.one()
        first.cancel()
        await until(lambda: site.entrance.waiting == 1, "it is not waited for")
        pace.permits = 1
        await until(lambda: knocking.served == [1], "the next one is served")


async def test_one_that_polls_waits_as_well() -> None:
    async with busy() as (site, pace, _, _), aiohttp.ClientSession(timeout=PATIENCE) as http:
        coming = asyncio.create_task(Polling(http, site.url).get())
        await until(lambda: site.entrance.waiting == 1, "it waits")
        pace.permits = 1
        assert (await coming)[0] == 200


async def test_who_waits_while_the_server_begins_to_leave_is_sent_away() -> None:
    async with busy() as (site, pace, _, _), aiohttp.ClientSession(timeout=PATIENCE) as http:
        coming = asyncio.create_task(Polling(http, site.url).get())
        await until(lambda: site.entrance.waiting == 1, "it waits")
        site.server.eio.accepting = False
        pace.permits = 1
        assert (await coming)[0] == 503


class Here:
    """A caller whose connection is there."""

    transport = object()


async def test_nobody_overtakes_those_who_wait() -> None:
    pace = Held()
    entrance = Entrance(pace, 10)
    first = asyncio.create_task(entrance.wait(Here()))
    await until(lambda: entrance.waiting == 1, "it waits")
    pace.permits = 1
    second = asyncio.create_task(entrance.wait(Here()))
    done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    assert done == {first}
    second.cancel()


async def test_an_entrance_nobody_comes_to_needs_no_ticks() -> None:
    async with Site() as site, RawSocket(site.url):
        await until(lambda: site.entrance.resting, "no timer is left")
