import asyncio
import signal
from unittest.mock import patch

import pytest
from nats.aio.msg import Msg

from shared.nats_overrides import Client
from tests.nats_server import NatsServer
from tests.system.waiting import until

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
MOST = 32 * 1024  # messages of a KiB: more than any kernel holds for one connection


class Listener:
    """Who hears a subject, straight. ``heard`` has the messages, in order."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def on_message(self, message: Msg) -> None:
        self.heard.append(message.data)


@pytest.fixture
def listener() -> Listener:
    return Listener()


async def test_a_message_goes_straight_to_its_callback_in_order(nc: Client, listener: Listener) -> None:
    await nc.subscribe_straight("news.*", listener.on_message)
    for number in range(100):
        await nc.publish(f"news.{number % 3}", b"%d" % number)
    await until(lambda: len(listener.heard) == 100, "all are heard")
    assert listener.heard == [b"%d" % number for number in range(100)]


async def test_a_message_has_its_subject_reply_and_headers(nc: Client) -> None:
    messages: list[Msg] = []

    async def keep(message: Msg) -> None:
        messages.append(message)

    await nc.subscribe_straight("news", keep)
    await nc.publish("news", b"data", reply="answers", headers={"Key": "value"})
    await until(lambda: messages, "it has come")
    [message] = messages
    assert (message.subject, message.reply, message.headers) == ("news", "answers", {"Key": "value"})


async def test_after_unsubscribing_nothing_comes(nc: Client, listener: Listener) -> None:
    subscription = await nc.subscribe_straight("news", listener.on_message)
    await nc.publish("news", b"first")
    await until(lambda: listener.heard, "the first is heard")
    await subscription.unsubscribe()
    await nc.publish("news", b"second")
    await nc.flush()
    assert listener.heard == [b"first"]


async def test_a_callback_that_fails_does_not_end_the_connection(nats_server: NatsServer) -> None:
    errors: list[str] = []
    heard: list[bytes] = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    async def choke(message: Msg) -> None:
        if message.data == b"bad":
            raise ValueError("cannot swallow that")
        heard.append(message.data)

    nc = Client()
    await nc.connect(nats_server.url, error_cb=note)
    await nc.subscribe_straight("news", choke)
    await nc.publish("news", b"bad")
    await nc.publish("news", b"good")
    await until(lambda: heard, "the good one is heard")
    await nc.close()
    assert (errors, heard) == (["cannot swallow that"], [b"good"])


async def test_what_is_published_in_one_turn_is_one_write(nc: Client, listener: Listener) -> None:
    await nc.subscribe_straight("news", listener.on_message)
    await nc.flush()
    transport = nc._open_transport()
    assert transport is not None
    with patch.object(vars(nc._transport)["_io_writer"], "_transport", wraps=transport) as watched:
        write = watched.write
        for number in range(10):
            await nc.publish("news", b"%d" % number)
        assert write.call_count == 0
        await until(lambda: len(listener.heard) == 10, "all are heard")
        assert write.call_count == 1


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
    await nc.publish("news", b"at the last moment")
    _break(nc)
    await nc.publish("news", b"too late")
    await until(lambda: listener.heard == [b"at the last moment", b"too late"], "both are heard")


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
