import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.streams import EofStream
from aiohttp.test_utils import TestServer

from gateway.transport.aiohttp import READ_AHEAD, SLICE, SMALL_SLICE, TURN_BYTES, TURN_MESSAGES, Lane, Sluice, WebSocket
from tests.system.rig.tcpsocket import CLOSE, PING, TEXT, frame
from tests.system.rig.waiting import until


class Line:
    """The server's end of one WebSocket. ``open`` lets it receive; ``takes`` says which texts it takes as they come."""

    def __init__(self, max_size: int = 1_000_000, takes: Callable[[str], bool] = lambda text: True) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.taken: list[str] = []
        self.received: list[Any] = []
        self.ended = asyncio.Event()
        self._takes = takes
        self._max_size = max_size

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.ws = WebSocket(self._take, max_msg_size=self._max_size, timeout=2.0)
        await self.ws.prepare(request)
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


class Floodgate:
    """A sluice without a network; it stands in for the connection. ``story`` is what came through, and when."""

    def __init__(
        self, max_size: int = 100_000, takes: Callable[[str], bool] = lambda text: True, lane: Lane | None = None
    ) -> None:
        self._reading_paused = False
        self.closed = False
        self.turn = 0
        self.story: list[tuple[int, int]] = []  # the turn of the loop, and the size
        self.charged: list[tuple[int, int]] = []
        self._takes = takes
        self.sluice = Sluice(self, max_size, self._take, self._charge, lane)

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        assert self._reading_paused
        self._reading_paused = False

    def close(self) -> None:
        self.closed = True

    async def run_dry(self) -> None:
        """Let the loop turn until reading goes on."""
        while self._reading_paused:
            self.turn += 1
            await asyncio.sleep(0)

    def _charge(self, size: int, frames: int) -> None:
        self.charged.append((size, frames))

    def _take(self, text: str) -> bool:
        if self._takes(text):
            self.story.append((self.turn, len(text)))
            return True
        return False


async def test_what_little_comes_goes_straight_through() -> None:
    gate = Floodgate()
    for size in (0, 10, SLICE - 10):
        assert gate.sluice.feed_data(frame(TEXT, b"x" * size)) == (False, b"")
        assert not gate._reading_paused
    assert gate.story == [(0, 0), (0, 10), (0, SLICE - 10)]
    assert gate.charged == []


@pytest.mark.parametrize("size", [1, 100, 2000, 40_000])
async def test_so_much_comes_through_in_a_turn_and_the_rest_waits(size: int) -> None:
    gate = Floodgate()
    count = 400_000 // (size + 8)
    gate.sluice.feed_data(frame(TEXT, b"x" * size) * count)
    assert gate._reading_paused
    assert gate.turn == 0
    await gate.run_dry()
    assert [told for _, told in gate.story] == [size] * count
    for turn in range(gate.turn + 1):
        now = [told for when, told in gate.story if when == turn]
        assert len(now) <= TURN_MESSAGES + (SMALL_SLICE if turn and size == 1 else SLICE) // (size + 6) + 1
        assert sum(now) <= TURN_BYTES + SLICE + size


async def test_what_comes_while_something_waits_keeps_its_place() -> None:
    gate = Floodgate()
    stream = b"".join(frame(TEXT, b"x" * size) for size in range(3000))
    for start in range(0, len(stream), 100_000):
        gate.sluice.feed_data(stream[start : start + 100_000])
    await gate.run_dry()
    assert [size for _, size in gate.story] == list(range(3000))


async def test_what_came_before_the_end_still_counts() -> None:
    gate = Floodgate()
    gate.sluice.feed_data(frame(TEXT, b"x" * 100) * 1000)
    gate.sluice.feed_eof()
    with pytest.raises(EofStream):
        await gate.sluice.inlet.read()
    assert len(gate.story) == 1000


async def test_nothing_comes_through_once_it_is_stopped() -> None:
    gate = Floodgate()
    gate.sluice.feed_data(frame(TEXT, b"x" * 100) * 1000)
    had = len(gate.story)
    gate.sluice.stop()
    assert not gate._reading_paused
    gate.sluice.feed_data(frame(TEXT, b"x") + frame(PING, b""))
    await asyncio.sleep(0)
    assert (len(gate.story), gate.charged) == (had, [])
    gate.sluice.feed_eof()
    with pytest.raises(EofStream):
        await gate.sluice.inlet.read()


async def test_stopping_in_the_middle_of_a_slice_drops_the_rest_of_it() -> None:
    def take(text: str) -> bool:
        if text == "stop":
            gate.sluice.stop()
        return True

    gate = Floodgate(takes=take)
    gate.sluice.feed_data(frame(TEXT, b"one") + frame(TEXT, b"stop") + frame(TEXT, b"three") + frame(PING, b""))
    assert gate.story == [(0, 3), (0, 4)]


async def test_what_is_not_taken_is_charged_whatever_it_is() -> None:
    gate = Floodgate(takes=lambda text: text == "take")
    for sent in (frame(TEXT, b"take"), frame(TEXT, b"leave"), frame(PING, b"xx"), frame(2, b""), frame(CLOSE, b"")):
        gate.sluice.feed_data(sent)
    assert gate.charged == [(5, 1), (2, 1), (0, 1), (0, 1)]


async def test_parts_are_charged_as_frames() -> None:
    gate = Floodgate(max_size=1000)
    for _ in range(100):
        gate.sluice.feed_data(frame(TEXT, b"", final=False) + frame(0, b"", final=False) * 100 + frame(0, b""))
    await gate.run_dry()
    assert sum(frames for _, frames in gate.charged) > 100 * 100 * 6 / 8 - 300


async def test_ordinary_messages_are_never_charged_for_parts() -> None:
    gate = Floodgate(max_size=1000)
    for _ in range(3000):
        for size in (0, 1, 100, 126, 900):
            gate.sluice.feed_data(frame(TEXT, b"x" * size))
    await gate.run_dry()
    assert gate.charged == []


async def test_sockets_of_one_address_share_a_turn_and_are_all_heard_in_time() -> None:
    lane = Lane()
    gates = [Floodgate(lane=lane) for _ in range(100)]
    for gate in gates:
        gate.sluice.feed_data(frame(TEXT, b"x" * 100) * 500)
    little = Floodgate(lane=lane)
    little.sluice.feed_data(frame(TEXT, b"x"))
    assert sum(len(gate.story) for gate in gates) <= TURN_MESSAGES + SLICE // 100
    elsewhere = Floodgate()
    elsewhere.sluice.feed_data(frame(TEXT, b"x"))
    assert elsewhere.story == [(0, 1)]
    await little.run_dry()
    assert little.turn <= len(gates) + 1
    for gate in gates:
        await gate.run_dry()
        assert len(gate.story) == 500


async def test_the_queue_is_bounded_and_holds_up_the_client() -> None:
    gate = Floodgate(takes=lambda text: False)
    gate.sluice.feed_data(frame(TEXT, b"x" * 1000) * 1000)
    for _ in range(100):
        await asyncio.sleep(0)
    assert gate._reading_paused
    assert sum(frames for _, frames in gate.charged) * 1000 < 2 * READ_AHEAD + 2 * SLICE
    for _ in range(1000):
        assert len((await gate.sluice.inlet.read()).data) == 1000
    await gate.run_dry()


async def test_what_cannot_be_read_ends_the_connection_in_whatever_turn() -> None:
    gate = Floodgate()
    assert gate.sluice.feed_data(frame(11, b"")) == (True, b"")
    later = Floodgate()
    later.sluice.feed_data(frame(TEXT, b"x" * 100) * 3000 + frame(11, b"") + frame(TEXT, b"x"))
    await later.run_dry()
    assert (len(later.story), later.closed) == (3000, True)
