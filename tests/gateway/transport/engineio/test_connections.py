import asyncio
import contextlib
import subprocess
import sys
import time

import aiohttp
import pytest

from gateway.transport.engineio.endings import SLOW
from gateway.transport.engineio.moments import GRID, on_the_grid
from tests.gateway.site import Site, complaints
from tests.system.rig.rawsocket import HANDSHAKE, Closed, Polling, RawSocket
from tests.system.rig.tcpsocket import TcpSocket
from tests.system.rig.waiting import until

FRAME = b'42["news",{"text":"%s"}]' % (b"x" * 1000)


async def test_no_compression_is_agreed_on() -> None:
    async with (
        Site() as site,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{site.url}{HANDSHAKE}websocket", compress=15) as ws,
    ):
        assert ws.compress == 0
        assert "Sec-WebSocket-Extensions" not in ws._response.headers


@pytest.mark.parametrize("asked", [("first",), ("first", "second")])
async def test_the_first_subprotocol_that_a_client_asks_for_is_agreed_on(
    asked: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Site() as site,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{site.url}{HANDSHAKE}websocket", protocols=asked) as ws,
    ):
        assert ws.protocol == "first"
    assert not [record for record in caplog.records if record.name == "aiohttp.websocket"]


@pytest.mark.parametrize("header", ["", ",", "a b", "x" * 129, '"quoted"'])
async def test_a_subprotocol_that_cannot_be_one_is_refused(header: str) -> None:
    async with Site() as site, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"{site.url}{HANDSHAKE}websocket", headers={"Sec-WebSocket-Protocol": header})
        assert refused.value.status == 400
        assert not site.open_sockets


async def test_packets_of_an_upgrade_mean_nothing_outside_of_one() -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        for frame in ("5", "6"):
            await raw.send(frame)
        await raw.event("say", 1)
        await until(lambda: site.events, "the event")
        assert not site.left


async def test_events_arrive_in_order_and_frames_go_out_in_order() -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        for number in range(400):
            await raw.event("say", number, ack=str(number))
        await until(lambda: len(site.events) == 400, "all events")
        assert [(event.body, event.ack) for event in site.events] == [(number, number) for number in range(400)]
        for number in range(400):
            site.sockets[-1].send_frame(b'42["n",%d]' % number)
        assert [await raw.expect('42["n"') for _ in range(400)] == [f'42["n",{number}]' for number in range(400)]


async def test_a_client_that_does_not_read_is_disconnected_at_its_limit() -> None:
    async with Site(max_unsent=65536) as site, TcpSocket(site.port) as client:
        await client.send("40")
        await until(lambda: site.sockets, "connected")
        socket = site.sockets[-1]
        most = sent = 0
        while not site.left and sent < 50_000:
            socket.send_frame(FRAME)
            sent += 1
            assert socket.ws is not None
            most = max(most, socket.ws.transport.get_write_buffer_size())
            await asyncio.sleep(0)
        assert site.left == [SLOW]
        assert most <= 65536 + 2 * len(FRAME)
        assert socket.closed
        assert not site.open_sockets
        await client.drain(within=2)


BROKEN = [
    "",
    "9",
    "x",
    "2probe",
    "bAAAA",
    "49",
    "4",
    "4x",
    "42",
    "42[",
    "42{}",
    "42[]",
    "42[1]",
    "42nonsense",
    '421234567890123456["x"]',
    '42²["x"]',
    '42-1["x"]',
    '42/other,["x"]',
    '42/,/,["x"]',
    "42/," * 5000,
    "42" + "/," * 20000,
    "42/,",
    '451-["x",{"_placeholder":true,"num":0}]',
    '461-1[{"_placeholder":true,"num":0}]',
    "40{",
    "40" + "[" * 5000,
    "42[" + "[" * 5000,
]


@pytest.mark.parametrize("frame", BROKEN)
async def test_a_broken_packet_closes_the_connection_without_a_traceback(
    frame: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        await raw.send(frame)
        await raw.closed(within=2)
        assert raw.ws.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
        await until(lambda: site.left, "the disconnect is told")
        assert not site.events
    assert not complaints(caplog.records)


async def test_a_binary_message_closes_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        await raw.send(b"\x01\x02")
        await raw.closed(within=2)
        assert raw.ws.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert not complaints(caplog.records)


async def test_who_does_not_answer_a_ping_is_gone_when_its_time_is_up() -> None:
    async with Site(ping_interval=0.1, ping_timeout=0.2) as site, TcpSocket(site.port) as client:
        await client.send("40")
        await until(lambda: site.sockets, "connected")
        await client.drain(within=1.5)
        await until(lambda: site.left == ["ping timeout"], "noticed")


async def test_those_who_come_together_are_not_pinged_together() -> None:
    async with Site(ping_interval=1.0) as site, contextlib.AsyncExitStack() as stack:
        raws = [await stack.enter_async_context(RawSocket(site.url)) for _ in range(20)]
        begin = time.monotonic()

        async def pinged(raw: RawSocket) -> float:
            assert (await raw.ws.receive(timeout=5)).data == "2"
            return time.monotonic() - begin

        times = sorted(await asyncio.gather(*map(pinged, raws)))
        assert times[-1] - times[0] > 0.3


def test_timers_of_one_process_end_together() -> None:
    asked = [1000 + number * GRID / 50 for number in range(100)]
    moments = [on_the_grid(time) for time in asked]
    assert all(0 <= moment - time <= GRID + 1e-9 for moment, time in zip(moments, asked, strict=True))
    assert len({round(moment, 6) for moment in moments}) in (2, 3)


def test_two_processes_have_their_own_moments() -> None:
    said = [
        sys.executable,
        "-c",
        "from gateway.transport.engineio.moments import on_the_grid; print(on_the_grid(1000))",
    ]
    moments = {subprocess.run(said, check=True, capture_output=True).stdout for _ in range(2)}
    assert len(moments) == 2


async def test_who_answers_pings_stays() -> None:
    async with Site(ping_interval=0.05, ping_timeout=0.1) as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await raw.receive()
        assert not site.left


@pytest.mark.parametrize("connects", [False, True])
async def test_who_does_not_prove_who_it_is_in_time_is_closed(connects: bool) -> None:
    async with Site(stay=False, welcome_timeout=0.3) as site, RawSocket(site.url) as raw:
        if connects:
            await raw.connect("token")
        await raw.closed(within=2)
        await until(lambda: not site.open_sockets, "nothing is left of it")


async def test_who_has_proved_who_it_is_may_stay() -> None:
    async with Site(welcome_timeout=0.2) as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        with pytest.raises(TimeoutError):
            await raw.receive(within=0.6)


async def test_hanging_up_closes_the_tcp_connection_even_of_a_client_that_does_not_answer() -> None:
    async with Site() as site, TcpSocket(site.port) as client:
        await client.send("40")
        await until(lambda: site.sockets, "connected")
        site.sockets[-1].hang_up()
        await until(lambda: site.left, "told at once", within=0.5)
        await client.drain(within=4)


async def test_the_close_code_is_the_one_asked_for() -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        site.sockets[-1].close_code = int(aiohttp.WSCloseCode.SERVICE_RESTART)
        site.sockets[-1].hang_up()
        with pytest.raises(Closed):
            await raw.receive()
        assert raw.ws.close_code == aiohttp.WSCloseCode.SERVICE_RESTART


async def test_a_disconnect_is_told_once_however_many_reasons_there_are() -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        socket = site.sockets[-1]
        socket.hang_up()
        socket.disconnect("a second reason")
        socket.hang_up()
        await raw.closed()
        socket.send_frame(FRAME)
        assert len(site.left) == 1


async def test_nobody_is_taken_in_by_a_server_that_leaves() -> None:
    async with Site() as site, aiohttp.ClientSession() as http:
        site.server.eio.accepting = False
        status, _ = await Polling(http, site.url).get()
        assert status == 503
        assert not site.open_sockets
