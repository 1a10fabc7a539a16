import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from auth_api.webhooks import receiver
from auth_api.webhooks.notices import Batch
from auth_api.webhooks.receiver import Answer, Outcome, Receiver
from tests.auth_api.webhooks.conftest import SECRET, Backend, answers, breaks_off, hangs, told

BATCH = Batch([told(1), told(2)])
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "TIMEOUT", 0.5)


async def post(url: str, secrets: list[bytes] | None = None) -> Answer:
    async with Receiver(url, secrets or [KEY]) as to:
        return await to.post(BATCH, time.time())


Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def raw(handle: Handle) -> AsyncIterator[str]:
    """A server that says what it likes, once the head of a request has come; its URL."""
    tasks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            await handle(reader, writer)
        writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await asyncio.gather(*tasks)


def saying(data: bytes, then_close: bool = True) -> Handle:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if not then_close:
            await reader.read()

    return handle


async def test_what_arrives_is_what_was_signed(backend: Backend, url: str) -> None:
    assert (await post(url)).outcome is Outcome.DELIVERED
    assert [post.webhook_id for post in backend.posts] == ["log-1-0_log-2-0"]
    assert backend.posts[0].body == BATCH.body


async def test_a_receiver_that_knows_only_the_former_secret_accepts_it(backend: Backend, url: str) -> None:
    assert (await post(url, [b"n" * 32, KEY])).outcome is Outcome.DELIVERED
    assert (await post(url, [b"n" * 32])).outcome is Outcome.FAILED  # it raises
    assert len(backend.posts) == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (202, Outcome.DELIVERED),
        (299, Outcome.DELIVERED),
        (300, Outcome.REDIRECTED),
        (304, Outcome.REDIRECTED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (410, Outcome.GONE),
        (429, Outcome.REFUSED),
        (500, Outcome.FAILED),
        (503, Outcome.FAILED),
        (999, Outcome.FAILED),
    ],
)
async def test_only_a_2xx_is_a_delivery(backend: Backend, url: str, status: int, outcome: Outcome) -> None:
    backend.responses = [answers(status, **{"Retry-After": "7"})]
    assert await post(url) == Answer(outcome, str(status), "7")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(backend: Backend, url: str, status: int) -> None:
    backend.responses = [answers(status, Location=url)]
    assert (await post(url)).outcome is Outcome.REDIRECTED
    assert len(backend.posts) == 1


async def test_a_receiver_that_does_not_answer_is_not_waited_for(backend: Backend, url: str) -> None:
    backend.responses = [hangs]
    started = time.monotonic()
    assert (await post(url)).outcome is Outcome.TIMED_OUT
    assert time.monotonic() - started < 3


async def test_one_that_drips_its_head_is_not_waited_for() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with raw(drip) as url:
        assert (await post(url)).outcome is Outcome.TIMED_OUT


async def test_one_that_breaks_off_has_not_taken_it(backend: Backend, url: str) -> None:
    backend.responses = [breaks_off]
    assert (await post(url)).outcome is Outcome.UNREACHABLE


async def test_nobody_listens() -> None:
    async with raw(saying(b"")) as url:
        pass
    assert (await post(url)).outcome is Outcome.UNREACHABLE
    assert (await post("http://nowhere.invalid/")).outcome in (Outcome.UNREACHABLE, Outcome.TIMED_OUT)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x00" * 100,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_what_is_no_answer_is_no_delivery(said: bytes) -> None:
    async with raw(saying(said)) as url:
        assert (await post(url)).outcome in (Outcome.UNREACHABLE, Outcome.FAILED)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 1000000000000\r\n\r\n" + b"x" * 1000,
        b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!",
        b"Set-Cookie: \xff=\x01; Domain=x\r\n\r\n",
    ],
)
async def test_its_body_does_not_matter(body: bytes) -> None:
    async with raw(saying(b"HTTP/1.1 200 OK\r\n" + body, then_close=False)) as url:
        assert (await post(url)).outcome is Outcome.DELIVERED


async def test_an_endless_body_is_not_read() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with raw(flood) as url, Receiver(url, [KEY]) as to:
        assert (await to.post(BATCH, time.time())).outcome is Outcome.DELIVERED
        await asyncio.sleep(0.2)
        assert sent < 20 * 1024 * 1024  # what the kernel holds


async def test_cookies_are_not_kept(backend: Backend, url: str) -> None:
    seen: list[str | None] = []

    async def respond(request: object) -> object:
        seen.append(request.headers.get("Cookie"))  # type: ignore[attr-defined]
        return await answers(200, **{"Set-Cookie": "a=b; Path=/"})(request)  # type: ignore[arg-type]

    backend.responses = [respond, respond]
    async with Receiver(url, [KEY]) as to:
        for _ in range(2):
            await to.post(BATCH, time.time())
    assert seen == [None, None]


async def test_a_connection_is_used_again_for_the_next_batch(backend: Backend, url: str) -> None:
    ports: set[object] = set()

    async def respond(request: object) -> object:
        ports.add(request.transport.get_extra_info("peername"))  # type: ignore[attr-defined]
        return await answers(200)(request)  # type: ignore[arg-type]

    backend.responses = [respond] * 3
    async with Receiver(url, [KEY]) as to:
        for _ in range(3):
            await to.post(BATCH, time.time())
    assert len(ports) == 1


def test_what_a_log_says_of_it_has_no_secret_in_it() -> None:
    to = Receiver("https://user:password@example.org:8443/hooks/secret?token=secret", [KEY])  # pragma: allowlist secret
    assert to.name == "https://example.org:8443"
