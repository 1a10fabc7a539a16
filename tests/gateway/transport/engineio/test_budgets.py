"""What a client may send, over a WebSocket and over polling, and what happens to one who does not heed it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.rate import STRANGER_FRAMES, Rates
from gateway.transport.engineio import posts, websocket
from gateway.transport.engineio.endings import FLOOD
from gateway.transport.engineio.polls import MAX_POLLS
from gateway.transport.engineio.server import MAX_QUERY
from tests.gateway.conftest import OpenSite
from tests.gateway.site import Heard, Site
from tests.gateway.transport.engineio.conftest import polling_on
from tests.system.rig.rawsocket import HANDSHAKE, RawSocket
from tests.system.rig.tcpsocket import PING, TEXT, TcpSocket, frame
from tests.system.rig.waiting import until

SMALL = Rates(frames=0.001, frames_burst=10, bytes=0.001, bytes_burst=10_000)


async def bytes_until_closed(http: aiohttp.ClientSession, url: str, sent: bytes) -> int:
    """Send half a POST; returns the status of the answer."""

    async def body() -> AsyncIterator[bytes]:
        yield sent
        await asyncio.sleep(5)

    async with http.post(url, data=body(), headers={"Content-Length": "100"}) as answer:
        return answer.status


async def test_what_is_beyond_the_budget_of_a_peer_is_refused_unread(site: Site) -> None:
    site.rates = SMALL
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        for number in range(14):
            await raw.event("say", number, ack=str(number))
        await until(lambda: len(site.events) == 14, "all have come")
        assert site.events[:10] == [Heard("say", number, number) for number in range(10)]
        assert site.events[10:] == [Heard("say", b"!", number) for number in range(10, 14)]
        await raw.event("Odd name", 1)
        await until(lambda: len(site.events) == 15, "it has come")
        assert site.events[14] == Heard("", b"!", None)
        for _ in range(6):
            await raw.event("say", "x")
        await raw.closed()
    assert site.left == [FLOOD]
    assert len(site.events) == 20


async def test_bytes_are_counted_as_well(site: Site) -> None:
    site.rates = SMALL
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        for _ in range(3):
            await raw.send(f'42["say","{"ж" * 2000}"]')
        await until(lambda: len(site.events) == 3, "all have come")
        assert [event.body == b"!" for event in site.events] == [False, False, True]


@pytest.mark.parametrize("sent", [frame(TEXT, b"3"), frame(PING, b""), frame(TEXT, b"40"), frame(TEXT, b"40/x,")])
async def test_frames_without_an_answer_come_out_of_the_same_budget(site: Site, sent: bytes) -> None:
    site.rates = SMALL
    async with TcpSocket(site.port) as tcp:
        await tcp.send("40")
        await tcp.expect("40")
        await tcp.write(sent * 8)
        await tcp.send('421["still",1]')
        await until(lambda: site.events, "it is heard")
        assert site.events == [Heard("still", 1, 1)]
        await tcp.write(sent * 20)
        await tcp.drain()
    assert site.left == [FLOOD]


async def test_pongs_that_were_asked_for_cost_nothing(open_site: OpenSite, http: aiohttp.ClientSession) -> None:
    site = await open_site(ping_interval=0.01)
    site.rates = Rates(frames=0.001, frames_burst=2, bytes=1.0, bytes_burst=10_000)
    async with TcpSocket(site.port) as tcp:
        await tcp.send("40")
        for _ in range(10):
            await tcp.expect("2")
            await tcp.send("3")
        await tcp.send('42["here",1]')
        await until(lambda: site.events, "it is heard")
    assert site.events == [Heard("here", 1, None)]


@pytest.mark.parametrize("sent", [b"3", b"41", b"40/x,", b'42["say",1]'])
async def test_a_stranger_has_a_small_budget(open_site: OpenSite, sent: bytes) -> None:
    site = await open_site(stay=False)
    async with TcpSocket(site.port) as tcp:
        await tcp.send("40")
        await tcp.write(frame(TEXT, sent) * 1000)
        await tcp.drain()
    assert len(site.events) <= STRANGER_FRAMES
    assert site.open_sockets == 0


async def test_one_that_sends_on_while_it_is_being_closed_is_disconnected(open_site: OpenSite) -> None:
    site = await open_site(stay=False)
    async with TcpSocket(site.port) as tcp:
        await tcp.send("9")
        await until(lambda: not site.open_sockets, "it is closed")
        await tcp.write(frame(TEXT, b"3") * 1000)
        await tcp.drain(within=websocket.SHUTTING / 2)


async def test_one_that_probes_without_end_is_disconnected(open_site: OpenSite, http: aiohttp.ClientSession) -> None:
    site = await open_site(stay=False)
    polling = await polling_on(site, http)
    ws = await http.ws_connect(polling.url.replace("transport=polling", "transport=websocket"))
    for _ in range(1000):
        await ws.send_str("3")
    while not ws.closed:
        await ws.receive(timeout=5)
    await until(lambda: site.left, "it is cut off")
    assert site.left == [FLOOD]


async def test_one_that_is_ignored_is_not_heard_and_still_closed_properly(site: Site) -> None:
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        site.sockets[0].ignore()
        await raw.event("say", 1)
        await raw.send("41")
        await raw.event("say", 2)
        await raw.ws.close()
    await until(lambda: site.left, "it has left")
    assert site.events == []


async def test_packets_in_a_post_come_out_of_the_same_budget(site: Site, http: aiohttp.ClientSession) -> None:
    site.rates = SMALL
    polling = await polling_on(site, http)
    assert await polling.post("\x1e".join(["3"] * 8)) == 200
    assert await polling.post('42["say",1]') == 200
    assert site.events == [Heard("say", 1, None)]
    await polling.post("\x1e".join(["3"] * 1000))
    await until(lambda: site.left == [FLOOD], "it is cut off")


async def test_empty_posts_cost_something(site: Site, http: aiohttp.ClientSession) -> None:
    site.rates = SMALL
    polling = await polling_on(site, http)
    for _ in range(20):
        await polling.post("\x1e")
    await until(lambda: site.left == [FLOOD], "it is cut off")


async def test_a_post_at_a_time(site: Site, http: aiohttp.ClientSession) -> None:
    polling = await polling_on(site, http)
    slow = asyncio.create_task(bytes_until_closed(http, polling.url, b"42"))
    [session] = site.server.eio.sockets.values()
    await until(lambda: session._posting, "the first is under way")
    assert await polling.post('42["say",1]') == 400
    assert site.events == []
    slow.cancel()


async def test_a_post_that_does_not_come_ends_the_session(
    site: Site, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "BODY_SECONDS", 0.2)
    polling = await polling_on(site, http)
    assert await bytes_until_closed(http, polling.url, b'42["say",1]') == 400
    assert site.left == ["server disconnect"]


async def test_so_many_polls_wait_and_no_more(site: Site, http: aiohttp.ClientSession) -> None:
    polling = await polling_on(site, http)
    polls = [asyncio.create_task(polling.poll()) for _ in range(MAX_POLLS)]
    [session] = site.server.eio.sockets.values()
    await until(lambda: session._polls is not None and session._polls.waiting == MAX_POLLS, "all wait")
    assert (await polling.poll())[0] == 400
    await until(lambda: site.left, "the session is closed")
    await asyncio.wait(polls, timeout=0.5)
    for poll in polls:
        poll.cancel()


async def test_a_query_has_a_length(site: Site, http: aiohttp.ClientSession) -> None:
    url = site.url + HANDSHAKE + "polling&x="
    start = len(url.partition("?")[2])
    for size, status in ((MAX_QUERY, 200), (MAX_QUERY + 1, 414)):
        async with http.get(url + "x" * (size - start)) as answer:
            assert answer.status == status
