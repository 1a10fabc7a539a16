"""Where HTTP begins: heads, bodies, connections; over real sockets."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
from aiohttp import web

from shared.http import edge as http_edge
from shared.http.broken_http import keep_broken_http_out_of_the_log
from shared.http.client_address import networks
from shared.http.edge import MAX_FIELD, MAX_HEAD, UNSENT, UNUSED, Caller, Crowd, Handler, Runner, listen
from shared.http.listening import UNREAD
from tests.system.rig.waiting import until

Serve = Callable[..., Awaitable[int]]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
UPGRADE = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves an application that says how long a body is; returns the port."""
    runners: list[Runner] = []
    never = asyncio.Event()

    async def busy(request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    async def early(_: web.Request) -> web.Response:
        return web.Response(text="early")

    async def large(_: web.Request) -> web.Response:
        return web.Response(text="x" * 8000)

    async def serving(crowd: Crowd | None = None, upgrades: Mapping[str, Handler] | None = None) -> int:
        app = web.Application(client_max_size=10 * MAX_HEAD)
        app.router.add_route("*", "/", answer)
        app.router.add_route("*", "/early", early)
        app.router.add_route("*", "/busy", busy)
        app.router.add_route("*", "/large", large)
        runner = Runner(app, crowd, upgrades, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await listen(runner, "127.0.0.1", 0)
        port: int = runner.addresses[0][1]
        return port

    yield serving
    for runner in runners:
        await runner.cleanup()


async def exchange(port: int, *parts: bytes) -> bytes:
    """All that is answered until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def headers(size: int, each: int = 4000) -> bytes:
    """Headers that are that many bytes together."""
    lines = [b"X-%d: %s\r\n" % (number, b"x" * (each - 10)) for number in range(size // each)]
    return b"".join(lines)


async def test_a_head_may_be_large_and_no_larger(serve: Serve) -> None:
    port = await serve()
    last = b"Connection: close\r\n\r\n"
    assert b" 200 " in await exchange(port, GET + headers(MAX_HEAD - 1000) + last)
    assert b" 200 " in await exchange(port, GET, headers(MAX_HEAD - 1000), last)
    assert b" 431 " in await exchange(port, GET + headers(MAX_HEAD + 4000))
    answers = await asyncio.gather(*(exchange(port, GET, *[headers(4000)] * 20) for _ in range(3)))
    assert all(b" 200 " not in answer for answer in answers)


async def test_one_header_may_hold_the_cookies_of_a_browser(serve: Serve) -> None:
    port = await serve()
    fitting = b"Cookie: %s\r\nConnection: close\r\n\r\n" % (b"x" * (MAX_FIELD - 100))
    assert b" 200 " in await exchange(port, GET + fitting)
    assert b" 400 " in await exchange(port, GET + fitting.replace(b"xx", b"x" * 4, 200))


async def test_each_of_many_requests_has_a_head_of_its_own(serve: Serve) -> None:
    port = await serve()
    one = GET + headers(8000) + b"\r\n"
    answer = await exchange(port, one * 20 + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b" 200 ") == 21


async def test_a_body_may_be_larger_than_a_head(serve: Serve) -> None:
    port = await serve()
    size = 5 * MAX_HEAD
    post = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size
    assert (await exchange(port, post, b"x" * size)).endswith(b"%d" % size)


async def test_a_compressed_body_is_not_unpacked(serve: Serve) -> None:
    port = await serve()
    post = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    assert (await exchange(port, post)).endswith(b"3")


@pytest.mark.parametrize("parts", [[], [b"GET / HT"], [GET], [GET + b"\r\n"]], ids=["nothing", "word", "head", "idle"])
async def test_a_connection_on_which_no_request_comes_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, parts: list[bytes]
) -> None:
    monkeypatch.setattr(http_edge, "HEAD_SECONDS", 0.3)
    await exchange(await serve(), *parts)


async def test_a_connection_on_which_nothing_was_said_takes_no_task(serve: Serve) -> None:
    crowd = Crowd()
    port, before = await serve(crowd), asyncio.all_tasks()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: crowd._total == 1, "it is there")
    assert asyncio.all_tasks() == before
    writer.transport.abort()
    await until(lambda: crowd._total == 0, "it has gone")


async def test_a_websocket_takes_one_task(serve: Serve) -> None:
    port, before = await serve(), asyncio.all_tasks()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(UPGRADE % b"/busy" + b"\r\n")
    await until(lambda: the_caller()._current_request is not None, "it is served")
    assert len(asyncio.all_tasks() - before) == 1
    writer.transport.abort()


async def test_a_handshake_is_led_past_the_router_and_nothing_else_is(serve: Serve) -> None:
    async def straight(request: web.Request) -> web.Response:
        return web.Response(text=f"straight {request.query['x']}")

    port = await serve(upgrades={"/early": straight})
    last = GET + b"Connection: close\r\n\r\n"
    assert b"straight 1" in await exchange(port, UPGRADE % b"/early?x=1" + b"\r\n", last)
    assert b"early" in await exchange(port, GET.replace(b"/", b"/early?x=1", 1) + b"Connection: close\r\n\r\n")
    assert b"404" in await exchange(port, UPGRADE % b"/early/?x=1" + b"\r\n", last)


async def test_a_handshake_that_comes_to_nothing_leaves_the_connection_to_other_requests(serve: Serve) -> None:
    port = await serve()
    last = GET + b"Connection: close\r\n\r\n"
    assert (await exchange(port, UPGRADE % b"/early" + b"\r\n", last)).count(b" 200 ") == 2
    assert (await exchange(port, UPGRADE % b"/early" + b"\r\n" + last)).count(b" 200 ") == 2
    assert (await exchange(port, (UPGRADE % b"/early" + b"\r\n") * 2 + last)).count(b" 200 ") == 3
    assert (await exchange(port, UPGRADE % b"/" + b"Content-Length: 3\r\n\r\nabc" + last)).count(b" 200 ") == 2


async def test_a_connection_is_closed_when_no_request_follows_a_handshake_that_came_to_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_edge, "HEAD_SECONDS", 0.3)
    assert b"early" in await exchange(await serve(), UPGRADE % b"/early" + b"\r\n")


async def test_a_body_that_nobody_wants_is_not_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_edge, "LINGERING", 0.2)
    head = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    assert b"early" in await exchange(await serve(), head)


async def test_there_are_so_many_connections_and_no_more(serve: Serve) -> None:
    port = await serve(Crowd(most=3))
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    held[0][1].write(GET + b"\r\n")
    assert b" 200 " in await held[0][0].readline()
    assert await exchange(port, GET + b"Connection: close\r\n\r\n") == b""
    held[1][1].transport.abort()
    async with asyncio.timeout(5):
        while b" 200 " not in await exchange(port, GET + b"Connection: close\r\n\r\n"):
            pass
    for _, writer in held:
        writer.transport.abort()


def test_one_address_has_so_many_connections_and_no_more() -> None:
    crowd = Crowd(most=10, each=2, trusted=networks(["10.0.0.0/8"]))
    assert [crowd.enter("192.0.2.1") for _ in range(3)] == ["192.0.2.1", "192.0.2.1", None]
    assert crowd.enter("192.0.2.2") == "192.0.2.2"
    crowd.leave("192.0.2.1")
    assert crowd.enter("192.0.2.1") == "192.0.2.1"
    one, other = "2001:db8::1", "2001:db8::ffff:2"
    assert [crowd.enter(address) is None for address in (one, other, one)] == [False, False, True]


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", ""])
def test_this_machine_and_proxies_are_counted_in_all_only(peer: str) -> None:
    crowd = Crowd(most=10, each=2, trusted=networks(["10.0.0.0/8"]))
    assert [crowd.enter(peer) is None for _ in range(11)] == [False] * 10 + [True]
    crowd.leave("")
    assert crowd.enter(peer) == ""


async def test_one_who_is_turned_away_at_once_leaves_no_trace(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    port = await serve(Crowd(most=0))
    assert {await exchange(port, GET) for _ in range(5)} == {b""}
    gc.collect()  # of a task that failed, and that nobody waited for, is told when it goes
    assert caplog.records == []


def the_caller() -> Caller:
    """The one connection that is served in this process."""
    [caller] = [one for one in gc.get_objects() if isinstance(one, Caller) and one.transport is not None]
    return caller


async def say_until_held_up(port: int, said: bytes) -> asyncio.StreamWriter:
    """Say the same again and again, until nobody takes it any more."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
    _, writer = await asyncio.open_connection(sock=plain, limit=1)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            while True:
                writer.write(said)
                async with asyncio.timeout(0.5):
                    await writer.drain()
    return writer


async def test_little_of_a_body_that_nobody_wants_is_taken_in(serve: Serve) -> None:
    port = await serve()
    head = b"POST /busy HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
    writer = await say_until_held_up(port, head + bytes(100_000))
    request = the_caller()._current_request
    assert request is not None
    assert 0 < request.content.total_bytes < 2 * UNUSED + 2 * UNREAD
    writer.transport.abort()


async def test_one_who_does_not_read_answers_is_not_served_more_of_them(serve: Serve) -> None:
    port = await serve()
    writer = await say_until_held_up(port, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    transport = the_caller().transport
    assert transport is not None
    assert 0 < transport.get_write_buffer_size() < 2 * UNSENT
    writer.transport.abort()


async def test_one_who_goes_in_the_middle_of_a_body_leaves_no_traceback(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    keep_broken_http_out_of_the_log()
    port = await serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + bytes(100_000))
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    caller = the_caller()
    assert caller.transport is not None
    caller.transport.abort()
    caller.data_received(b"more")  # is read after the connection has ended
    await until(lambda: caller.transport is None and caller._current_request is None, "it has gone")
    await asyncio.sleep(0.1)
    assert [record.exc_info for record in caplog.records if record.exc_info] == []
    writer.transport.abort()
