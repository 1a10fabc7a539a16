"""How connections end, and what is taken and sent until then."""

import asyncio
import functools
import gc
import weakref
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from gateway.transport.engineio.socket import Socket
from tests.gateway.conftest import OpenSite
from tests.gateway.site import Heard, Site
from tests.system.rig.rawsocket import RawSocket
from tests.system.rig.tcpsocket import CLOSE, TEXT, TcpSocket, frame
from tests.system.rig.waiting import until

FRAME = b'42["large","%b"]' % (b"x" * 32_000)


async def connected(tcp: TcpSocket) -> None:
    await tcp.send("40")
    await tcp.expect("40")


async def test_events_are_taken_in_order_whatever_comes_between(site: Site) -> None:
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        for number in range(300):
            await raw.event("count", number)
            if number % 7 == 0:
                await raw.send("3")  # takes the long way
            if number % 11 == 0:
                await raw.send("40/nowhere,")  # so does this, and it is answered
        await until(lambda: len(site.events) == 300, "all events have come")
    assert [event.body for event in site.events] == list(range(300))


async def test_a_message_may_be_as_large_as_the_limit_and_no_larger(open_site: OpenSite) -> None:
    site = await open_site(max_http_buffer_size=1000)
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        fitting = "x" * (1000 - len('42["fits", ""]'))
        await raw.event("fits", fitting)
        await raw.event("fits", fitting + "x")
        await raw.closed()
        assert raw.ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert site.events == [Heard("fits", fitting, None)]


async def test_one_that_does_not_read_cannot_put_off_its_end(site: Site) -> None:
    async with TcpSocket(site.port) as slow:
        await connected(slow)
        socket = site.sockets[0]
        transport = socket.ws
        assert transport is not None
        while transport.transport.get_write_buffer_size() < 200_000:
            socket.send_frame(FRAME)
        socket.hang_up()
        await until(lambda: transport.transport.is_closing(), "the connection is closed", within=6)
    assert site.left == ["server disconnect"]


async def test_one_that_is_to_leave_may_hang_up_itself(site: Site) -> None:
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        site.sockets[0].leave()
        await raw.send("41")
        await until(lambda: site.left, "it has left")
        await raw.closed()  # the connection does not outlive it for long
    assert site.left == ["client disconnect"]


async def test_nothing_is_taken_from_one_who_is_sent_away(site: Site) -> None:
    async with TcpSocket(site.port) as tcp:
        await connected(tcp)
        await tcp.send('42["before",1]')
        await until(lambda: site.events, "the first event has come")
        site.sockets[0].hang_up()
        await tcp.send('42["meanwhile",1]')
        while (await tcp.receive())[0] != CLOSE:
            pass
        await tcp.send('42["after",1]')
        await tcp.drain()
    assert site.late == []
    assert "after" not in [event.name for event in site.events]


async def test_nothing_is_taken_from_one_that_said_goodbye(site: Site) -> None:
    async with TcpSocket(site.port) as tcp:
        await connected(tcp)
        texts = ('42["before",1]', "41", '42["after",1]')
        await tcp.write(b"".join(frame(TEXT, text.encode()) for text in texts))
        await tcp.drain()
    assert [event.name for event in site.events] == ["before"]
    assert site.left == ["client disconnect"]


async def test_those_that_are_gone_may_still_be_written_to(site: Site) -> None:
    async with TcpSocket(site.port) as tcp, RawSocket(site.url) as other:
        await connected(tcp)
        await other.connect("")
    while len(site.left) < 2:
        for socket in site.sockets:
            socket.send_frame(FRAME)
        await asyncio.sleep(0)
    assert set(site.left) == {"transport close"}
    assert site.open_sockets == 0


async def leave(raw: RawSocket, socket: Socket) -> None:
    await raw.send("41")


async def hang_up(raw: RawSocket, socket: Socket) -> None:
    await raw.ws.close()


async def be_hung_up_on(raw: RawSocket, socket: Socket) -> None:
    socket.hang_up()
    await raw.closed()


async def be_cut_off(raw: RawSocket, socket: Socket) -> None:
    socket.disconnect("the test says so")
    await raw.closed()


@pytest.mark.parametrize("end", [leave, hang_up, be_hung_up_on, be_cut_off])
async def test_a_connection_that_has_ended_is_gone_without_a_collection(
    site: Site, end: Callable[[RawSocket, Socket], Awaitable[None]]
) -> None:
    gc.collect()
    gc.disable()
    try:
        async with RawSocket(site.url) as raw:
            await raw.connect("")
            await raw.event("say", 1)
            await until(lambda: site.events, "it is heard")
            socket = site.sockets.pop()
            socket.on_slow = functools.partial(site.events.append, socket)  # as a gateway's refers to it
            assert socket.ws is not None
            left = [weakref.ref(part) for part in (socket, socket.ws._sock, socket.ws._sock._reader)]
            await end(raw, socket)
            del socket
        await until(lambda: not any(part() for part in left), "nothing refers to it")
    finally:
        gc.enable()
