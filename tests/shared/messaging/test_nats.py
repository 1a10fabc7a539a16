import asyncio
import signal
from contextlib import suppress
from unittest.mock import patch

import pytest
from nats.errors import ConnectionClosedError, OutboundBufferLimitError

from shared.messaging.nats import Client
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
