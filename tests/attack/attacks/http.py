"""HTTP that is too much, or does not end."""

import asyncio
import itertools

from tests.attack.attacks.sockets import over_and_over
from tests.attack.me import Me
from tests.attack.mouth import Mouth
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker

CONNECTIONS = 1500  # to each server
BODY = 60_000  # bytes that are promised
HANDSHAKE = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
WRONG_PASSWORD = b"app=x&password=" + b"y" * 20
NESTED = b'{"app":' + b"[" * 30_000


async def hold(me: Me, beginning: bytes, rest: bytes = b"") -> None:
    """Open connections to the gateway and to auth_api, say a beginning, and then little or nothing."""
    held: list[Mouth] = []
    ports = itertools.cycle((me.gateway, me.scene.auth))

    async def once() -> None:
        if len(held) < 2 * CONNECTIONS:
            mouth = await me.call(Mouth, next(ports))
            held.append(mouth)
            await mouth.say(beginning)
            return
        await asyncio.sleep(0.1)
        for mouth in held:
            if rest and not mouth.gone:
                await mouth.say(rest)

    await over_and_over(once)


def post(path: str, body: bytes, kind: str = "application/x-www-form-urlencoded") -> bytes:
    """A whole POST."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


@attack(row=13)
async def half_requests(me: Me) -> Steps:
    """Connections with half a request, on gateway and auth_api."""
    yield
    await hold(me, b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n")


@attack(row=13)
async def dripping_headers(me: Me) -> Steps:
    """The same, and now and then one header more."""
    yield
    await hold(me, b"GET /demo HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n")


@attack(row=13)
async def bodies_that_never_come(me: Me) -> Steps:
    """POSTs whose bodies do not come, on gateway and auth_api."""
    yield
    await hold(me, b"POST /app HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % BODY + b"x" * 1000)


@attack()
async def silent_connections(me: Me) -> Steps:
    """TCP connections in which nothing is said, on gateway and auth_api."""
    yield
    await hold(me, b"G")


@attack(row=13)
async def headers(me: Me) -> Steps:
    """WebSockets with 780 KiB of headers, kept open."""
    lines = "".join(f"X-{n}: {'x' * 7900}\r\n" for n in range(100))

    async def once() -> None:
        talker = await me.call(Talker, me.gateway)
        await talker.upgrade(lines)
        kept.append(talker)

    kept: list[Mouth] = []
    yield
    await over_and_over(once)


@attack(row=13)
async def many_headers(me: Me) -> Steps:
    """Requests of many short headers, on auth_api."""
    request = b"GET /demo HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(3000)) + b"\r\n"
    yield
    await me.flood(lambda: me.call(Mouth, me.scene.auth), lambda _: request)


@attack(row=13)
async def polling_handshakes(me: Me) -> Steps:
    """Polling handshakes without a token, one behind the other on few connections."""
    yield
    await asyncio.gather(*(me.flood(lambda: me.call(Mouth, me.gateway), lambda _: HANDSHAKE * 20) for _ in range(4)))


@attack()
async def wrong_passwords(me: Me) -> Steps:
    """Wrong passwords at auth_api."""
    yield
    await me.flood(lambda: me.call(Mouth, me.scene.auth), lambda _: post("/app", WRONG_PASSWORD) * 20)


@attack()
async def nested_passwords(me: Me) -> Steps:
    """JSON at auth_api that is nested deep, or large."""
    both = post("/app", NESTED, "application/json") + post("/app", b'"' + b"x" * 500_000, "application/json")
    yield
    await me.flood(lambda: me.call(Mouth, me.scene.auth), lambda _: both)


@attack()
async def chunked_bodies(me: Me) -> Steps:
    """A POST in chunks of one byte that does not end, on gateway and auth_api."""
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"1\r\nx\r\n" * 1000
    yield
    await asyncio.gather(
        _chunks(me, me.gateway, head % b"/socket.io/?EIO=4&transport=polling&sid=x", chunk),
        _chunks(me, me.scene.auth, head % b"/app", chunk),
    )


async def _chunks(me: Me, port: int, head: bytes, chunk: bytes) -> None:
    async def begun() -> Mouth:
        mouth = await me.call(Mouth, port)
        await mouth.say(head)
        return mouth

    await me.flood(begun, lambda _: chunk)
