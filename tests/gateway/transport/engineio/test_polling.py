"""What a client that polls hears, and how its session ends."""

import asyncio

import aiohttp
import pytest

from gateway.transport.engineio.endings import SLOW
from gateway.transport.engineio.polls import MAX_POLLS
from tests.gateway.conftest import OpenSite
from tests.gateway.site import Site
from tests.gateway.transport.engineio.conftest import polling_on
from tests.system.rig.rawsocket import HANDSHAKE, Polling
from tests.system.rig.waiting import until


async def test_frames_wait_for_the_next_poll_in_order(site: Site, polling: Polling) -> None:
    for number in range(3):
        site.sockets[0].send_frame(b"42[%d]" % number)
    assert await polling.get() == (200, "42[0]\x1e42[1]\x1e42[2]")


async def test_one_that_does_not_poll_is_disconnected_and_others_stay(
    open_site: OpenSite, http: aiohttp.ClientSession
) -> None:
    limit, frame = 100_000, b'42["%b"]' % (b"x" * 9_993)
    site = await open_site(max_unsent=limit)
    slow, quick = await polling_on(site, http), await polling_on(site, http)
    for _ in range(limit // len(frame)):
        for one in site.sockets:
            one.send_frame(frame)
        assert await quick.get() == (200, frame.decode())
    assert site.left == []
    for one in site.sockets:
        one.send_frame(frame)
    await until(lambda: site.left == [SLOW], "the slow one is cut off")
    assert await quick.get() == (200, frame.decode())
    assert (await slow.get())[0] == 400


async def test_a_poll_makes_room_again(open_site: OpenSite, http: aiohttp.ClientSession) -> None:
    site = await open_site(max_unsent=1000)
    polling = await polling_on(site, http)
    for _ in range(10):
        site.sockets[0].send_frame(b"4" + b"x" * 900)
        assert len((await polling.get())[1]) == 901
    assert site.left == []


async def test_a_poll_under_way_learns_of_the_end(site: Site, polling: Polling) -> None:
    socket = site.sockets[0]
    poll = asyncio.create_task(polling.get())
    await until(lambda: socket.queue._getters, "the poll waits")
    socket.hang_up()
    assert await poll == (200, "1")
    assert site.left == ["server disconnect"]
    assert (await polling.get())[0] == 400


async def test_pings_are_polled_and_a_lost_one_is_noticed(open_site: OpenSite, http: aiohttp.ClientSession) -> None:
    site = await open_site(ping_interval=0.2, ping_timeout=1.0)
    polling = await polling_on(site, http)
    for _ in range(3):
        assert await polling.poll() == (200, "2")
        assert await polling.post("3") == 200
    assert await polling.poll() == (200, "2")
    await until(lambda: site.left == ["ping timeout"], "it is given up", within=4)
    assert (await polling.poll())[0] == 400


async def test_one_that_never_proves_who_it_is_is_closed(open_site: OpenSite, http: aiohttp.ClientSession) -> None:
    site = await open_site(stay=False, welcome_timeout=0.3)
    polling = await polling_on(site, http)
    assert await polling.get() == (400, '"Session has ended"')
    assert site.left == ["server disconnect"]


async def test_a_poll_that_was_given_up_takes_nothing_with_it(site: Site, polling: Polling) -> None:
    socket = site.sockets[0]
    for _ in range(2 * MAX_POLLS):
        abandoned = asyncio.create_task(polling.get())
        await until(lambda: socket.queue._getters, "the poll waits")
        abandoned.cancel()
        await until(lambda: not socket.queue._getters, "it waits no more")
    socket.send_frame(b'42["kept"]')
    assert await polling.get() == (200, '42["kept"]')
    assert site.left == []


async def test_events_that_come_in_the_moment_in_which_a_poll_is_given_up_stay(site: Site, polling: Polling) -> None:
    socket = site.sockets[0]
    path = polling.url.removeprefix(site.url)
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await until(lambda: socket.queue._getters, "the poll waits")
    [caller] = (handler for handler in site.callers if handler.on_lost == socket.queue.wake)
    caller.transport.abort()
    socket.send_frame(b'42["kept"]')
    assert await polling.get() == (200, '42["kept"]')
    writer.close()


@pytest.mark.parametrize("how", ["closes", "asks again"])
async def test_a_session_whose_answer_cannot_have_arrived_ends(
    open_site: OpenSite, http: aiohttp.ClientSession, how: str
) -> None:
    site = await open_site(max_unsent=16 * 1024 * 1024)
    polling = await polling_on(site, http)
    path = polling.url.removeprefix(site.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1024)
    site.sockets[0].send_frame(b'42["%b"]' % (b"x" * 12 * 1024 * 1024))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert b" 200 " in await asyncio.wait_for(reader.readline(), 5)
    if how == "closes":
        writer.transport.abort()
        await until(lambda: site.left == ["transport error"], "the session has ended")
    else:
        assert await polling.poll() == (400, '"The last answer was not read"')
        assert site.left == ["server disconnect"]
        writer.transport.abort()


async def test_a_client_may_close_its_connection_after_each_answer(site: Site) -> None:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        polling = await polling_on(site, http)
        for number in range(20):
            site.sockets[0].send_frame(b"42[%d]" % number)
            assert await polling.get() == (200, f"42[{number}]")
    assert site.left == []


async def test_jsonp_is_refused_at_the_handshake(site: Site, http: aiohttp.ClientSession) -> None:
    async with http.get(site.url + HANDSHAKE + "polling&j=0") as answer:
        assert answer.status == 400
        assert "JSONP is not served" in await answer.text()
    assert site.open_sockets == 0
