import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.test_utils import TestServer

from gateway.transport.aiohttp.sluice import READ_AHEAD
from gateway.transport.aiohttp.websocket import WebSocket
from tests.system.rig.waiting import until


class Line:
    """The server's end of one WebSocket. ``open`` lets it receive; ``takes`` says which texts it takes as they come."""

    def __init__(
        self, max_size: int = 1_000_000, takes: Callable[[str], bool] = lambda text: True, first: bytes = b""
    ) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.taken: list[str] = []
        self.received: list[Any] = []
        self.ended = asyncio.Event()
        self._takes = takes
        self._max_size = max_size
        self._first = first

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.ws = WebSocket(self._take, max_msg_size=self._max_size, timeout=2.0)
        await self.ws.prepare(request, self._first)
        while (message := await self.ws.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            self.received.append(message.data)
            await self.open.wait()
        self.ended.set()
        return self.ws

    def _take(self, text: str) -> bool:
        if self._takes(text):
            self.taken.append(text)
            return True
        return False


Dial = Callable[..., Awaitable[aiohttp.ClientWebSocketResponse[Any]]]


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """A client's end of a line."""
    async with aiohttp.ClientSession() as http:
        servers: list[TestServer] = []

        async def dialing(line: Line, **options: Any) -> aiohttp.ClientWebSocketResponse[Any]:
            app = web.Application()
            app.router.add_get("/", line.handle)
            servers.append(TestServer(app))
            await servers[-1].start_server(shutdown_timeout=0.1)
            client: aiohttp.ClientWebSocketResponse[Any]
            client = await http.ws_connect(servers[-1].make_url("/"), max_msg_size=0, **options)
            return client

        yield dialing
        for server in servers:
            await server.close()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 3_000_000])
async def test_a_text_arrives_as_it_was_written(dial: Dial, size: int) -> None:
    line = Line()
    client = await dial(line)
    text = ("0123456789" * (size // 10 + 1))[:size]
    line.ws.write_text(text.encode())
    line.ws.write_text("ж and after".encode())
    assert await client.receive_str(timeout=5) == text
    assert await client.receive_str(timeout=5) == "ж and after"


async def test_a_first_message_can_go_out_with_the_answer_to_the_handshake(dial: Dial) -> None:
    line = Line(first="ж first".encode())
    client = await dial(line)
    line.ws.write_text(b"second")
    assert await client.receive_str(timeout=5) == "ж first"
    assert await client.receive_str(timeout=5) == "second"


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 999_999])
@pytest.mark.parametrize("taken", [True, False])
async def test_a_text_is_read_as_it_was_sent(dial: Dial, size: int, taken: bool) -> None:
    line = Line(takes=lambda text: taken)
    client = await dial(line)
    text = "ж" * (size // 2) + "x" * (size % 2)
    await client.send_str(text)
    await until(lambda: line.taken + line.received, "it has come")
    assert (line.taken, line.received) == (([text], []) if taken else ([], [text]))


async def test_what_is_not_taken_is_received_in_its_place(dial: Dial) -> None:
    story: list[str] = []
    line = Line(takes=lambda text: int(text) % 5 != 0)
    line.taken = line.received = story
    client = await dial(line)
    for number in range(500):
        await client.send_str(str(number))
    await until(lambda: len(story) == 500, "all have come")
    assert story == [str(number) for number in range(500)]


async def test_nothing_is_taken_while_an_earlier_message_is_at_work(dial: Dial) -> None:
    line = Line(takes=lambda text: text.startswith("take"))
    client = await dial(line)
    line.open.clear()
    await client.send_str("long work")
    await until(lambda: line.received, "it works")
    for number in range(10):
        await client.send_str(f"take {number}")
    await client.ping()
    await client.send_bytes(b"last")
    assert line.taken == []
    line.open.set()
    await until(lambda: b"last" in line.received, "all have come")
    assert line.received == ["long work", *(f"take {number}" for number in range(10)), b"last"]
    await client.send_str("take this")
    await until(lambda: line.taken, "it is taken again")
    assert line.taken == ["take this"]


async def test_only_texts_are_taken(dial: Dial) -> None:
    line = Line()
    client = await dial(line)
    await client.send_bytes(b"binary")
    await until(lambda: line.received, "it has come")
    assert (line.taken, line.received) == ([], [b"binary"])


async def test_one_that_sends_more_than_is_read_is_held_up(dial: Dial) -> None:
    line = Line(takes=lambda text: False)
    client = await dial(line)
    line.open.clear()
    message = "x" * READ_AHEAD
    sent = 0

    async def send() -> None:
        nonlocal sent
        while sent < 1000:
            await client.send_str(message)
            sent += 1

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(send(), 1)
    assert 0 < sent < 1000
    line.open.set()
    await until(lambda: len(line.received) >= sent, "the rest is read")
    assert set(line.received) == {message}


async def test_a_text_beyond_the_limit_ends_the_connection(dial: Dial) -> None:
    line = Line(max_size=1001)
    client = await dial(line)
    await client.send_str("x" * 1000)
    await client.send_str("x" * 1001)
    assert (await client.receive(timeout=5)).type is WSMsgType.CLOSE
    assert client.close_code == WSCloseCode.MESSAGE_TOO_BIG
    assert line.taken == ["x" * 1000]


async def test_no_compression_is_answered_when_it_is_offered(dial: Dial) -> None:
    line = Line()
    client = await dial(line, compress=15)
    assert client.compress == 0
    await client.send_str("plain")
    await until(lambda: line.taken == ["plain"], "it is read")


async def test_nothing_is_written_or_taken_once_the_line_closes(dial: Dial) -> None:
    line = Line()
    client = await dial(line, autoclose=False)
    line.ws.write_text(b"before")
    closing = asyncio.create_task(line.ws.close(code=1012))
    assert await client.receive_str() == "before"
    assert (await client.receive()).type is WSMsgType.CLOSE
    with pytest.raises(ConnectionError):
        line.ws.write_text(b"after")
    await client.send_str("late")
    await client.close()
    assert await closing
    assert line.taken == []


async def test_nothing_is_taken_while_the_client_keeps_the_line_from_closing(dial: Dial) -> None:
    line = Line()
    client = await dial(line)
    for _ in range(300):
        line.ws.write_text(b"x" * 65536)  # in all more than fits on the way to a client that does not read
    closing = asyncio.create_task(line.ws.close())
    await until(lambda: line.ws.closed, "it closes")
    await client.send_str("late")
    assert not closing.done()
    assert {len(await client.receive_str()) for _ in range(300)} == {65536}
    assert (await client.receive()).type is WSMsgType.CLOSE
    await asyncio.wait_for(closing, 5)
    assert line.taken == []


async def test_it_says_how_much_waits_for_a_client_that_does_not_read(dial: Dial) -> None:
    line = Line()
    client = await dial(line)
    written = 1
    while line.ws.write_text(b"x" * 65536) <= 200_000:
        written += 1
        assert written < 1000
    assert {len(await client.receive_str()) for _ in range(written)} == {65536}
    assert line.ws.write_text(b"and on") < 200_000
    assert await client.receive_str() == "and on"


async def test_nothing_is_written_once_the_client_is_gone(dial: Dial) -> None:
    line = Line()
    client = await dial(line)
    await client.close()
    await asyncio.wait_for(line.ended.wait(), 5)
    with pytest.raises(ConnectionError):
        line.ws.write_text(b"after")
