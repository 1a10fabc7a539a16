"""Over WebSockets; test_engineio_polling.py has the rest."""

import json
import time

import aiohttp
import pytest
from prometheus_client import REGISTRY

from gateway.engineio_overrides import SLOW
from tests.gateway.conftest import OpenSite
from tests.gateway.site import Heard, Site
from tests.system.rawsocket import HANDSHAKE, RawSocket
from tests.system.tcpsocket import CLOSE, TEXT, TcpSocket, frame
from tests.system.waiting import until

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


async def test_frames_and_packets_of_the_library_arrive_in_the_order_sent(site: Site) -> None:
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        site.sockets[0].send_frame(b'42["first"]')
        await site.server.emit("second")
        site.sockets[0].send_frame(b'42["third"]')
        assert [json.loads((await raw.receive())[2:]) for _ in range(3)] == [["first"], ["second"], ["third"]]


async def test_no_compression_is_answered_when_it_is_offered(site: Site) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(site.url + HANDSHAKE + "websocket", compress=15) as offering,
    ):
        assert offering.compress == 0
        await offering.send_str("40")
        await offering.receive_str()
        assert (await offering.receive_str()).startswith("40")


async def test_one_that_does_not_read_is_cut_off_and_others_go_on(open_site: OpenSite) -> None:
    limit = 100_000
    site = await open_site(max_unsent=limit)
    counted = REGISTRY.get_sample_value("parley_gateway_slow_clients_total") or 0
    async with TcpSocket(site.port) as slow, RawSocket(site.url) as quick:
        await connected(slow)
        await quick.connect("")
        transport = site.sockets[0].ws
        assert transport is not None
        most = sent = 0
        while not site.left:
            assert sent < 1000, "it goes on for ever"
            for socket in site.sockets:
                socket.send_frame(FRAME)
            sent += 1
            most = max(most, transport.unsent())
            await quick.expect('42["large"')
        assert site.left == [SLOW]
        assert limit < most <= limit + 2 * len(FRAME)
        assert await slow.drain() < sent * len(FRAME)
        await quick.event("still", "here")
        await until(lambda: site.events, "the other goes on")
    assert REGISTRY.get_sample_value("parley_gateway_slow_clients_total") == counted + 1


async def test_one_that_does_not_read_cannot_put_off_its_end(site: Site) -> None:
    async with TcpSocket(site.port) as slow:
        await connected(slow)
        socket = site.sockets[0]
        transport = socket.ws
        assert transport is not None
        while transport.unsent() < 200_000:
            socket.send_frame(FRAME)
        socket.hang_up()
        await until(lambda: transport.transport.is_closing(), "the connection is closed", within=6)
    assert site.left == ["server disconnect"]


BROKEN: dict[str, str | bytes] = {
    "empty": "",
    "no number": "x",
    "number of no packet": "9",
    "opening": "0{}",
    "ping": "2",
    "probe": "2probe",
    "upgrade": "5",
    "noop": "6",
    "no letter of ours": "ж",
    "nul": "\0",
    "binary": b"4",
    "empty binary": b"",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_packet_closes_the_connection(site: Site, kind: str) -> None:
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        await raw.send(BROKEN[kind])
        await raw.event("after", "all")
        await raw.closed()
        assert raw.ws.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert site.left == ["transport close"]
    assert site.events == []
    assert site.open_sockets == 0


async def test_a_message_that_is_too_large_closes_the_connection(open_site: OpenSite) -> None:
    site = await open_site(max_http_buffer_size=1000)
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        fitting = "x" * (1000 - len('42["fits", ""]'))
        await raw.event("fits", fitting)
        await raw.event("fits", fitting + "x")
        await raw.closed()
        assert raw.ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert site.events == [Heard("fits", fitting, None)]


async def test_pings_go_on_as_long_as_they_are_answered(open_site: OpenSite) -> None:
    site = await open_site(ping_interval=0.05, ping_timeout=10.0)
    async with TcpSocket(site.port) as tcp:
        await connected(tcp)
        for _ in range(5):
            await tcp.expect("2")
            await tcp.send("3")
        assert site.left == []


async def test_a_lost_ping_is_noticed_when_its_time_is_up(open_site: OpenSite) -> None:
    site = await open_site(ping_interval=0.2, ping_timeout=0.4)
    start = time.monotonic()
    async with TcpSocket(site.port) as mute:
        await connected(mute)
        await until(lambda: site.left, "it is given up", within=3)
        took = time.monotonic() - start
        await mute.drain()
    assert site.left == ["ping timeout"]
    assert took >= 0.6


@pytest.mark.parametrize("as_far_as", ["the handshake", "Socket.IO"])
async def test_one_that_never_proves_who_it_is_is_closed(open_site: OpenSite, as_far_as: str) -> None:
    site = await open_site(welcome_timeout=0.3)
    async with TcpSocket(site.port) as stranger:
        if as_far_as == "Socket.IO":
            await connected(stranger)
        await stranger.drain(within=5)
    await until(lambda: site.open_sockets == 0, "it is forgotten")
    assert site.left == (["server disconnect"] if as_far_as == "Socket.IO" else [])


async def test_one_that_has_proved_who_it_is_stays(open_site: OpenSite) -> None:
    site = await open_site(welcome_timeout=0.5, ping_interval=0.2)
    start = time.monotonic()
    async with TcpSocket(site.port) as welcome:
        await connected(welcome)
        site.sockets[0].stay()
        while time.monotonic() - start < 1:
            await welcome.expect("2")
            await welcome.send("3")
        assert site.left == []


async def test_a_closed_socket_is_told_why_and_its_connection_ends_even_if_it_does_not_answer(site: Site) -> None:
    async with TcpSocket(site.port) as tcp:
        await connected(tcp)
        site.sockets[0].close_code = int(aiohttp.WSCloseCode.SERVICE_RESTART)
        site.sockets[0].hang_up()
        assert await tcp.receive() == (CLOSE, (1012).to_bytes(2, "big"))
        await tcp.drain(within=5)
    assert site.left == ["server disconnect"]
    assert site.open_sockets == 0


async def test_one_that_is_to_leave_may_hang_up_itself(site: Site) -> None:
    async with RawSocket(site.url) as raw:
        await raw.connect("")
        site.sockets[0].leave()
        await raw.send("41")
        await until(lambda: site.left, "it has left")
        await raw.closed()  # the connection does not outlive it for long
    assert site.left == ["client disconnect"]


async def test_what_comes_in_while_a_socket_closes_is_not_taken(site: Site) -> None:
    async with TcpSocket(site.port) as tcp:
        await connected(tcp)
        await tcp.send('42["before",1]')
        await until(lambda: site.events, "the first event has come")
        site.sockets[0].hang_up()
        await tcp.send('42["meanwhile",1]')
        assert (await tcp.receive())[0] == CLOSE
        await tcp.send('42["after",1]')
        await tcp.drain()
    assert [event.name for event in site.events] == ["before"]


async def test_nothing_is_taken_from_one_that_said_goodbye(site: Site) -> None:
    async with TcpSocket(site.port) as tcp:
        await connected(tcp)
        texts = ('42["before",1]', "41", '42["after",1]')
        await tcp.write(b"".join(frame(TEXT, text.encode()) for text in texts))
        await tcp.drain()
    assert [event.name for event in site.events] == ["before"]
    assert site.left == ["client disconnect"]


async def test_one_that_hangs_up_while_it_is_written_to_is_gone(site: Site) -> None:
    async with TcpSocket(site.port) as tcp, RawSocket(site.url) as other:
        await connected(tcp)
        await other.connect("")
    while len(site.left) < 2:
        for socket in site.sockets:
            socket.send_frame(FRAME)
        await site.server.sleep(0)
    assert set(site.left) <= {"transport close"}
    assert site.open_sockets == 0


async def test_nobody_new_comes_in_when_the_server_leaves(site: Site) -> None:
    async with RawSocket(site.url) as guest, aiohttp.ClientSession() as http:
        await guest.connect("")
        site.server.eio.accepting = False
        for transport in ("polling", "websocket"):
            headers = {} if transport == "polling" else {"Connection": "Upgrade", "Upgrade": "websocket"}
            async with http.get(site.url + HANDSHAKE + transport, headers=headers) as answer:
                assert answer.status == 503
        await guest.event("still", "here")
        await until(lambda: site.events, "the guest goes on")
