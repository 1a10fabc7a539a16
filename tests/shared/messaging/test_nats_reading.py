"""What comes from NATS is read whole and in order: streams, and bytes however they are cut."""

import asyncio
from collections.abc import AsyncIterator
from unittest.mock import patch

import pytest
from nats.js import JetStreamContext

from shared.messaging.nats import Client, Feed
from tests.system.rig.waiting import until


class Story:
    """A stream that is read straight. ``heard`` has its numbers, in order."""

    def __init__(self, nc: Client) -> None:
        self.heard: list[int] = []
        self.nc = nc
        self.js = nc.jetstream()

    async def begin(self) -> JetStreamContext.PushSubscription:
        await self.js.add_stream(name="story", subjects=["story"])
        return await self.nc.read_straight("story", 0, self._on_message, heartbeat=0.2)

    async def tell(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            await self.js.publish("story", b"%d" % number, headers={"Nats-Msg-Id": f"{number}"})

    def _on_message(self, _subject: str, _reply: str, data: bytes) -> None:
        self.heard.append(int(data))


@pytest.fixture
def story(nc: Client) -> Story:
    return Story(nc)


async def test_a_stream_is_read_straight_and_in_order(story: Story) -> None:
    await story.begin()
    await story.tell(1, 100)
    await until(lambda: len(story.heard) == 100, "all is heard")
    assert story.heard == list(range(1, 101))


async def test_reading_a_stream_outlives_its_heartbeats(story: Story) -> None:
    reading = await story.begin()
    sid = reading._sub._id
    await story.tell(1, 3)
    beats = 0
    take = story.nc._is_control_message

    def count(data: bytes, header: dict[str, str]) -> str | None:
        nonlocal beats
        beats += 1
        return take(data, header)

    with patch.object(story.nc, "_is_control_message", count):
        await until(lambda: beats > 3, "heartbeats have come")
    await story.tell(4, 6)
    await until(lambda: len(story.heard) == 6, "all is heard")
    assert reading._sub._id == sid, "the library has not begun anew"


async def test_what_is_missing_of_a_stream_is_read_again(story: Story) -> None:
    reading = await story.begin()
    await story.tell(1, 3)
    await until(lambda: len(story.heard) == 3, "the first are heard")
    sid = reading._sub._id
    subscription = story.nc._subs.pop(sid)  # as if the next ones got lost on the way
    await story.tell(4, 5)
    await story.nc.flush()
    story.nc._subs[sid] = subscription
    await story.tell(6, 8)
    await until(lambda: len(story.heard) == 8, "all is heard")
    assert story.heard == list(range(1, 9))


COMMANDS = [
    (b"MSG news 1 5\r\nhello\r\n", (1, b"news", b"", b"", b"hello")),
    (b"MSG news 1 answers 7\r\na\r\nMSG!\r\n", (1, b"news", b"answers", b"", b"a\r\nMSG!")),
    (b"HMSG news 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", (1, b"news", b"", b"NATS/1.0\r\n\r\n", b"hi")),
    (b"HMSG news 1 answers 12 12\r\nNATS/1.0\r\n\r\n\r\n", (1, b"news", b"answers", b"NATS/1.0\r\n\r\n", b"")),
]


OTHERS = [b"PING\r\n", b"+OK\r\n", b'INFO {"a":1}\r\n', b"MSG other 2 3\r\nyes\r\n"]


class Pipe:
    """An inlet whose library reads when the test says so. Subscription 1 goes straight."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self.taken: list[tuple[int, bytes, bytes, bytes, bytes]] = []
        self.inlet = Feed(self._take, self.reader)
        self.inlet.open()
        self.passed_on: list[bytes] = []

    async def read(self) -> None:
        """The library waits, and gets what there is, over and over."""
        while True:
            self.passed_on.append(await self.reader.read(1 << 16))

    def _take(self, sid: int, subject: bytes, reply: bytes, header: bytes, data: bytes) -> bool:
        if sid == 1:
            self.taken.append((sid, subject, reply, header, data))
        return sid == 1


@pytest.fixture
async def pipe() -> AsyncIterator[Pipe]:
    pipe = Pipe()
    reading = asyncio.create_task(pipe.read())
    await asyncio.sleep(0)
    yield pipe
    reading.cancel()


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
async def test_messages_are_read_however_they_are_cut(pipe: Pipe, step: int) -> None:
    data = b"".join(command for command, _ in COMMANDS)
    for start in range(0, len(data), step):
        pipe.inlet.feed(data[start : start + step])
    assert pipe.taken == [message for _, message in COMMANDS]
    assert pipe.passed_on == []


@pytest.mark.parametrize("step", [1, 5, 1000])
@pytest.mark.parametrize("other", OTHERS)
async def test_other_commands_are_the_librarys_and_go_on_whole(pipe: Pipe, other: bytes, step: int) -> None:
    data = COMMANDS[0][0] + other
    for start in range(0, len(data), step):
        pipe.inlet.feed(data[start : start + step])
    await until(lambda: pipe.passed_on == [other], "the library has it")
    assert pipe.taken == [COMMANDS[0][1]]


async def test_nothing_overtakes_what_the_library_has_not_read_yet(pipe: Pipe) -> None:
    pipe.inlet.feed(OTHERS[0] + COMMANDS[0][0])
    pipe.inlet.feed(COMMANDS[1][0] + COMMANDS[2][0][:9])
    await until(lambda: pipe.passed_on == [OTHERS[0] + COMMANDS[0][0] + COMMANDS[1][0]], "the library has all of it")
    assert pipe.taken == []
    await asyncio.sleep(0)
    pipe.inlet.feed(COMMANDS[2][0][9:])
    assert pipe.taken == [COMMANDS[2][1]]


async def test_what_the_reader_has_already_is_not_lost() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(OTHERS[0] + COMMANDS[0][0][:10])
    taken: list[bytes] = []

    def take(sid: int, subject: bytes, reply: bytes, header: bytes, data: bytes) -> bool:
        taken.append(data)
        return True

    inlet = Feed(take, reader)
    inlet.open()
    assert await reader.read(1 << 16) == OTHERS[0]
    reading = asyncio.create_task(reader.read(1 << 16))
    await asyncio.sleep(0)
    inlet.feed(COMMANDS[0][0][10:])
    assert taken == [b"hello"]
    reading.cancel()
