"""Polling, and the upgrade from it to a WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.transport.engineio import posts, socket
from gateway.transport.engineio.endings import SLOW
from gateway.transport.engineio.polls import MAX_POLLS
from gateway.transport.engineio.posts import MAX_POLLED_PACKETS, MAX_POST
from tests.gateway.conftest import OpenSite
from tests.gateway.site import Site
from tests.system.rig.rawsocket import HANDSHAKE, Polling
from tests.system.rig.waiting import until


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def polling_on(site: Site, http: aiohttp.ClientSession) -> Polling:
    polling = Polling(http, site.url)
    await polling.open("")
    return polling


@pytest.fixture
async def polling(site: Site, http: aiohttp.ClientSession) -> Polling:
    return await polling_on(site, http)


def packets(count: int) -> str:
    return "\x1e".join(f'42["count",{number}]' for number in range(count))


async def probing(http: aiohttp.ClientSession, polling: Polling) -> aiohttp.ClientWebSocketResponse:
    """The WebSocket that the client would go on with."""
    return await http.ws_connect(polling.url.replace("transport=polling", "transport=websocket"))


async def upgraded(http: aiohttp.ClientSession, polling: Polling) -> aiohttp.ClientWebSocketResponse:
    ws = await probing(http, polling)
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    await ws.send_str("5")
    return ws


@pytest.mark.parametrize("count", [1, 16, 17, 1000, MAX_POLLED_PACKETS])
async def test_a_post_of_many_packets_is_taken_whole_and_in_order(site: Site, polling: Polling, count: int) -> None:
    assert await polling.post(packets(count)) == 200
    assert [event.body for event in site.events] == list(range(count))


async def test_a_post_of_too_many_packets_is_refused_whole(site: Site, polling: Polling) -> None:
    assert await polling.post(packets(MAX_POLLED_PACKETS + 1)) == 400
    assert site.events == []
    assert site.left == ["server disconnect"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_each_packet_of_a_post_may_be_as_large_as_a_message(
    open_site: OpenSite, http: aiohttp.ClientSession, chunked: bool
) -> None:
    site = await open_site(max_http_buffer_size=1000)
    polling = await polling_on(site, http)
    fitting = f'42["fits","{"x" * (1000 - len("42[`fits`,``]"))}"]'
    assert await polling.post("\x1e".join([fitting] * 20), chunked) == 200
    assert await polling.post(f"{fitting}\x1e{fitting} ", chunked) == 400
    assert len(site.events) == 21
    assert site.open_sockets == 0


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_post_that_is_too_large_is_refused_whole(
    open_site: OpenSite, http: aiohttp.ClientSession, chunked: bool
) -> None:
    site = await open_site(max_http_buffer_size=MAX_POST)
    polling, other = await polling_on(site, http), await polling_on(site, http)
    packet = '42["x"]\x1e'
    fitting = packet.ljust(MAX_POST, "6")
    assert await polling.post(fitting, chunked) == 200
    assert await other.post(fitting + "6", chunked) == 400
    assert len(site.events) == 1
    assert site.open_sockets == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_stranger_may_post_no_more_than_it_may_say(
    open_site: OpenSite, http: aiohttp.ClientSession, chunked: bool
) -> None:
    site = await open_site(max_http_buffer_size=1000, stay=False)
    polling = await polling_on(site, http)
    assert await polling.post("6" * 900 + "\x1e" + "6" * 900, chunked) == 200
    assert await polling.post("6" * 200, chunked) == 400
    assert site.open_sockets == 0


async def test_a_body_of_broken_chunks_closes_the_session(
    site: Site, polling: Polling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "BODY_SECONDS", 0.2)
    path = polling.url.removeprefix(site.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    await until(lambda: site.sockets[0]._posting, "the body is waited for")
    writer.write(b'7\r\n42["x"]\r\nno number\r\n')
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 5)
    await until(lambda: site.left, "the session has ended")
    assert site.events == []
    writer.close()


BROKEN: dict[str, str | bytes] = {
    "no packet": "x",
    "ping": "2",
    "binary in base64": "bAAAA",
    "not UTF-8": b'42["\xff"]',
    "JSONP": "d=42%5B%22a%22%5D",
    "broken event": "42[",
    "binary event": '451-["a",{"_placeholder":true,"num":0}]',
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_post_closes_the_session(site: Site, polling: Polling, kind: str) -> None:
    assert await polling.post(BROKEN[kind]) == 400
    assert site.left == ["server disconnect"]
    assert await polling.post('42["x"]') == 400
    assert (await polling.get())[0] == 400


async def test_what_comes_before_a_broken_packet_counts_and_nothing_after_it(site: Site, polling: Polling) -> None:
    assert await polling.post('42["before",1]\x1e9\x1e42["after",1]') == 400
    assert [event.name for event in site.events] == ["before"]


async def test_nothing_is_taken_from_one_that_said_goodbye(site: Site, polling: Polling) -> None:
    await polling.post('42["before",1]\x1e1\x1e42["after",1]')
    assert [event.name for event in site.events] == ["before"]
    assert site.left == ["transport close"]


async def test_frames_wait_for_the_next_poll_in_order(site: Site, polling: Polling) -> None:
    for number in range(3):
        site.sockets[0].send_frame(b"42[%d]" % number)
    assert await polling.get() == (200, "42[0]\x1e42[1]\x1e42[2]")


async def test_one_that_does_not_poll_is_cut_off_and_others_go_on(
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


async def test_a_post_to_a_session_that_ends_meanwhile_is_refused(site: Site, polling: Polling) -> None:
    path = polling.url.removeprefix(site.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n42".encode())
    await until(lambda: site.sockets[0]._posting, "the body is waited for")
    site.sockets[0].hang_up()
    await until(lambda: site.left, "the session has ended")
    writer.write(b'["x"]')
    answer = await asyncio.wait_for(reader.readuntil(b"ended"), 5)
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert site.events == []
    writer.close()


async def test_jsonp_is_refused_at_the_handshake(site: Site, http: aiohttp.ClientSession) -> None:
    async with http.get(site.url + HANDSHAKE + "polling&j=0") as answer:
        assert answer.status == 400
        assert "JSONP is not served" in await answer.text()
    assert site.open_sockets == 0


NO_HANDSHAKES: dict[str, dict[str, str]] = {
    "no connection header": {"Upgrade": "websocket"},
    "another connection header": {"Upgrade": "websocket", "Connection": "close"},
    "no upgrade header": {"Connection": "upgrade"},
    "no key": {"Upgrade": "websocket", "Connection": "upgrade"},
}


@pytest.mark.parametrize("transport", ["websocket", "polling&transport=websocket", "&transport=websocket"])
@pytest.mark.parametrize("kind", NO_HANDSHAKES)
async def test_a_websocket_that_did_not_come_through_as_one_harms_nobody(
    site: Site, http: aiohttp.ClientSession, kind: str, transport: str
) -> None:
    headers = NO_HANDSHAKES[kind]
    async with http.get(site.url + HANDSHAKE + transport, headers=headers) as answer:
        assert answer.status == 400
    assert site.open_sockets == 0
    polling = await polling_on(site, http)
    site.sockets[0].send_frame(b'42["kept"]')
    async with http.get(polling.url.replace("polling", transport), headers=headers) as answer:
        assert answer.status == 400
        assert "WebSocket handshake" in await answer.text()
    assert await polling.get() == (200, '42["kept"]')
    await (await upgraded(http, polling)).close()


async def test_an_upgrade_loses_nothing_and_keeps_the_order(
    site: Site, http: aiohttp.ClientSession, polling: Polling
) -> None:
    socket = site.sockets[0]
    poll = asyncio.create_task(polling.get())
    await until(lambda: socket.queue._getters, "the poll waits")
    ws = await probing(http, polling)
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    assert await poll == (200, "6")  # the poll ends, so that nothing goes out on it while the client switches
    for number in range(10):
        socket.send_frame(b"42[%d]" % number)
    assert await polling.post('42["polled",1]') == 200
    await ws.send_str("5")
    await ws.send_str('42["switched",1]')
    await until(lambda: len(site.events) == 2, "both events have come")
    for number in range(10, 20):
        socket.send_frame(b"42[%d]" % number)
    assert [json.loads((await ws.receive_str())[2:])[0] for _ in range(20)] == list(range(20))
    assert [event.name for event in site.events] == ["polled", "switched"]
    assert (await polling.get())[0] == 400
    assert site.left == []
    await ws.close()


async def test_an_upgraded_socket_ends_like_any_other(
    site: Site, http: aiohttp.ClientSession, polling: Polling
) -> None:
    ws = await upgraded(http, polling)
    await ws.close()
    await until(lambda: site.left == ["transport close"], "it has left")
    assert site.open_sockets == 0


HALVES: dict[str, list[str | bytes]] = {
    "silence": [],
    "another word": ["hello"],
    "binary": [b"2probe"],
    "no upgrade": ["2probe"],
    "an event before the upgrade": ["2probe", '42["early",1]'],
}


@pytest.mark.parametrize("kind", HALVES)
async def test_a_client_whose_upgrade_fails_goes_on_polling(
    site: Site, http: aiohttp.ClientSession, polling: Polling, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(socket, "PROBE_TIMEOUT", 0.3)
    ws = await probing(http, polling)
    for message in HALVES[kind]:
        await (ws.send_bytes(message) if isinstance(message, bytes) else ws.send_str(message))
    while not ws.closed:
        await ws.receive(timeout=5)
    site.sockets[0].send_frame(b'42["still"]')
    got = (await polling.get())[1].split("\x1e")
    assert [packet for packet in got if packet != "6"] == ['42["still"]']
    assert await polling.post('42["here",1]') == 200
    assert [event.name for event in site.events] == ["here"]
    await (await upgraded(http, polling)).close()
    await until(lambda: site.left == ["transport close"], "it has upgraded and left")


async def test_only_one_upgrade_is_made_at_a_time(site: Site, http: aiohttp.ClientSession, polling: Polling) -> None:
    ws = await probing(http, polling)
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    other = await probing(http, polling)
    assert (await other.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
    await ws.send_str("5")
    site.sockets[0].send_frame(b'42["to the first"]')
    assert await ws.receive_str() == '42["to the first"]'
    await ws.close()


async def test_a_session_that_ends_meanwhile_is_not_upgraded(
    site: Site, http: aiohttp.ClientSession, polling: Polling
) -> None:
    ws = await probing(http, polling)
    await ws.send_str("2probe")
    assert await ws.receive_str() == "3probe"
    site.sockets[0].hang_up()
    await until(lambda: site.left, "it is closed")
    await ws.send_str("5")
    assert (await ws.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
    assert site.left == ["server disconnect"]
