import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from unittest.mock import patch

import pytest
from nats.errors import ConnectionClosedError, OutboundBufferLimitError
from nats.js import JetStreamContext

from shared.messaging.nats import Client, Feed
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
MOST = 32 * 1024  # messages of a KiB: more than any kernel holds for one connection


class Listener:
    """Who hears a subject, straight. ``heard`` has the messages, in order."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def on_message(self, _subject: str, _reply: str, data: bytes) -> None:
        self.heard.append(data)


@pytest.fixture
def listener() -> Listener:
    return Listener()


async def test_a_message_goes_straight_to_its_callback_in_order(nc: Client, listener: Listener) -> None:
    await nc.subscribe_straight("news.*", listener.on_message)
    for number in range(100):
        await nc.publish(f"news.{number % 3}", b"%d" % number)
    await until(lambda: len(listener.heard) == 100, "all are heard")
    assert listener.heard == [b"%d" % number for number in range(100)]


async def test_a_message_has_its_subject_and_reply_and_may_have_headers(nc: Client) -> None:
    messages: list[tuple[str, str, bytes]] = []
    await nc.subscribe_straight("news.*", lambda *message: messages.append(message))
    await nc.publish("news.1", b"plain")
    await nc.publish("news.2", b"with both", reply="answers", headers={"Key": "value"})
    nc.publish_now("news.3", b"with a reply", "answers")
    nc.publish_now("news.4", b"with a header", header=b"NATS/1.0\r\nKey: value\r\n\r\n")
    await nc.publish("news.5", b"")
    await until(lambda: len(messages) == 5, "all have come")
    assert messages == [
        ("news.1", "", b"plain"),
        ("news.2", "answers", b"with both"),
        ("news.3", "answers", b"with a reply"),
        ("news.4", "", b"with a header"),
        ("news.5", "", b""),
    ]


async def test_a_header_published_now_is_what_others_read(nc: Client) -> None:
    subscription = await nc.subscribe("news")
    nc.publish_now("news", b"data", "answers", b"NATS/1.0\r\nNats-Msg-Id: g1:7\r\n\r\n")
    message = await subscription.next_msg(2)
    assert (message.data, message.reply, message.headers) == (b"data", "answers", {"Nats-Msg-Id": "g1:7"})


async def test_after_unsubscribing_nothing_comes(nc: Client, listener: Listener) -> None:
    subscription = await nc.subscribe_straight("news", listener.on_message)
    await nc.publish("news", b"first")
    await until(lambda: listener.heard, "the first is heard")
    await subscription.unsubscribe()
    await nc.publish("news", b"second")
    await nc.flush()
    assert listener.heard == [b"first"]


async def test_a_callback_that_fails_does_not_end_the_connection(nc: Client, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[bytes] = []

    def choke(_subject: str, _reply: str, data: bytes) -> None:
        if data == b"bad":
            raise ValueError("cannot swallow that")
        heard.append(data)

    await nc.subscribe_straight("news", choke)
    await nc.publish("news", b"bad")
    await nc.publish("news", b"good")
    await until(lambda: heard, "the good one is heard")
    assert heard == [b"good"]
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["cannot swallow that"]


async def test_what_came_before_the_way_was_straight_comes_first(nc: Client, listener: Listener) -> None:
    subscription = await nc.subscribe("news")
    await nc.publish("news", b"early")
    await nc.flush()
    nc._lead(subscription, listener.on_message)
    await nc.publish("news", b"late")
    await until(lambda: listener.heard == [b"early", b"late"], "both are heard")


async def test_what_is_published_is_written_before_the_loop_turns(nc: Client, listener: Listener) -> None:
    await nc.subscribe_straight("news", listener.on_message)
    await nc.flush()
    transport = nc._open_transport()
    assert transport is not None
    with patch.object(vars(nc._transport)["_io_writer"], "_transport", wraps=transport) as watched:
        await nc.publish("news", b"first")
        nc.publish_now("news", b"second")
        assert b"".join(call.args[0] for call in watched.write.call_args_list) == (
            b"PUB news  5\r\nfirst\r\nPUB news  6\r\nsecond\r\n"
        )
    await until(lambda: listener.heard == [b"first", b"second"], "both are heard")


async def test_what_is_published_while_the_server_is_away_comes_after_its_return(
    nc: Client, nats_server: NatsServer, listener: Listener
) -> None:
    await nc.subscribe_straight("news", listener.on_message)
    await nc.flush()
    await nats_server.kill()
    await until(lambda: not nc.is_connected, "the connection is seen to be gone")
    await nc.publish("news", b"late")
    await nats_server.start()
    await until(lambda: listener.heard == [b"late"], "the message is heard")


async def test_what_is_published_as_the_connection_breaks_comes_with_the_next(nc: Client, listener: Listener) -> None:
    await nc.subscribe_straight("news", listener.on_message)
    await nc.flush()
    _break(nc)
    await nc.publish("news", b"late")
    nc.publish_now("news", b"later")
    await until(lambda: listener.heard == [b"late", b"later"], "both are heard")


def _break(nc: Client) -> None:
    """Break the connection; the client has not noticed yet."""
    transport = nc._open_transport()
    assert transport is not None
    transport.abort()
    assert nc.is_connected


async def test_a_server_that_does_not_read_is_waited_for(
    nc: Client, nats_server: NatsServer, listener: Listener
) -> None:
    await nc.subscribe_straight("news", listener.on_message)
    await nc.flush()
    sent = 0

    async def publish_on() -> None:
        nonlocal sent
        while sent < MOST:
            await nc.publish("news", bytes(KIBIBYTE))
            sent += 1
            await asyncio.sleep(0)

    nats_server.process.signal(signal.SIGSTOP)
    try:
        publishing = asyncio.create_task(publish_on())
        await until(lambda: nc.pending_data_size > MEBIBYTE, "the connection takes no more")
        assert sent < MOST
    finally:
        nats_server.process.signal(signal.SIGCONT)
    await publishing
    await until(lambda: len(listener.heard) == MOST, "all are heard")


async def test_what_cannot_be_sent_is_refused_beyond_a_bound(
    nc: Client, nats_server: NatsServer, listener: Listener
) -> None:
    await nc.subscribe_straight("news", listener.on_message)
    await nc.flush()
    nats_server.process.signal(signal.SIGSTOP)
    sent = 0
    try:
        with suppress(OutboundBufferLimitError):
            while sent < MOST:
                nc.publish_now("news", bytes(KIBIBYTE))
                sent += 1
        assert 0 < sent < MOST
    finally:
        nats_server.process.signal(signal.SIGCONT)
    await until(lambda: len(listener.heard) == sent, "all that was taken is heard")


async def test_what_is_published_now_while_the_server_is_away_waits_and_is_bounded(
    nc: Client, nats_server: NatsServer, listener: Listener
) -> None:
    await nc.subscribe_straight("news", listener.on_message)
    await nc.flush()
    await nats_server.kill()
    await until(lambda: not nc.is_connected, "the connection is seen to be gone")
    nc.publish_now("news", b"late")
    with pytest.raises(OutboundBufferLimitError):
        nc.publish_now("news", bytes(nc._max_pending_size))
    await nats_server.start()
    await until(lambda: listener.heard == [b"late"], "the message is heard")


async def test_nothing_is_published_after_the_end(nc: Client) -> None:
    await nc.close()
    with pytest.raises(ConnectionClosedError):
        nc.publish_now("news", b"too late")


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
