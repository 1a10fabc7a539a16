"""What a client that polls says: the packets of its POSTs."""

import asyncio

import aiohttp
import pytest

from gateway.transport.engineio import posts
from gateway.transport.engineio.posts import MAX_POLLED_PACKETS, MAX_POST
from tests.gateway.conftest import OpenSite
from tests.gateway.site import Site
from tests.gateway.transport.engineio.conftest import polling_on
from tests.system.rig.rawsocket import Polling
from tests.system.rig.waiting import until


def packets(count: int) -> str:
    return "\x1e".join(f'42["count",{number}]' for number in range(count))


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
