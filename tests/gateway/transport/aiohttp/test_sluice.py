import asyncio
from collections.abc import Callable

import pytest
from aiohttp.streams import EofStream

from gateway.transport.aiohttp.lane import TURN_BYTES, TURN_MESSAGES, Lane
from gateway.transport.aiohttp.sluice import READ_AHEAD, SLICE, SMALL_SLICE, Sluice
from tests.system.rig.tcpsocket import CLOSE, PING, TEXT, frame


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
