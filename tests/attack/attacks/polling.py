"""What can be done over polling."""

import asyncio
import json

import aiohttp

from tests.attack.attacks.sockets import over_and_over
from tests.attack.me import Me
from tests.attack.mouth import Mouth
from tests.attack.plan import Steps, attack
from tests.system.rig.rawsocket import Polling

SESSIONS = 100
PACKETS = 1000  # in one POST
LONG = b'421["x",{"payload":"' + b"x" * 300 + b'"}]'


def post(path: str, body: bytes) -> bytes:
    """A POST of packets."""
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def path_of(me: Me, http: aiohttp.ClientSession) -> str:
    """A new session with a good app token; where its requests go."""
    session = Polling(http, f"http://127.0.0.1:{me.gateway}")
    await session.open(me.scene.token)
    return session.url.partition(str(me.gateway))[2]


def http_of(me: Me) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(me.source, 0), limit=0))


async def post_all(me: Me, sessions: int, one: bytes) -> Steps:
    """Fill POSTs with one packet, in so many sessions, whose answers nobody polls for."""
    async with http_of(me) as http:
        paths = [await path_of(me, http) for _ in range(sessions)]
        body = b"\x1e".join([one] * min(PACKETS, 60_000 // (len(one) + 1)))
        yield

        async def lane(path: str) -> None:
            mouth = await me.call(Mouth, me.gateway)
            while True:
                await mouth.say(post(path, body))

        await asyncio.gather(*(lane(path) for path in paths), return_exceptions=True)


@attack()
async def posts(me: Me) -> Steps:
    """POSTs of a thousand pongs each, in four sessions."""
    async for _ in post_all(me, 4, b"3"):
        yield


@attack()
async def polls_never_made(me: Me) -> Steps:
    """A hundred polling sessions cause answers, and never poll for them."""
    async for _ in post_all(me, SESSIONS, LONG):
        yield


@attack()
async def polls_never_read(me: Me) -> Steps:
    """A hundred polling sessions cause answers, poll for them, and do not read"""
    async with http_of(me) as http:
        paths = [await path_of(me, http) for _ in range(SESSIONS)]
        body = b"\x1e".join([LONG] * (60_000 // len(LONG)))
        yield

        async def lane(path: str) -> None:
            sender, poller = await me.call(Mouth, me.gateway), await me.call(Mouth, me.gateway)
            poller.stop_reading()
            while True:
                await sender.say(post(path, body) * 8)
                await poller.say(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        await asyncio.gather(*(lane(path) for path in paths), return_exceptions=True)


@attack()
async def polls_of_nobody(me: Me) -> Steps:
    """Polls and POSTs of sessions that there are not."""
    path = "/socket.io/?EIO=4&transport=polling&sid=nobody"
    requests = (f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + post(path, b"3")) * 20
    yield
    await me.flood(lambda: me.call(Mouth, me.gateway), lambda _: requests)


@attack()
async def polling_sessions(me: Me) -> Steps:
    """Polling sessions with a good app token, opened and left alone."""
    connect = "40" + json.dumps({"token": me.scene.token})
    async with http_of(me) as http:

        async def once() -> None:
            session = Polling(http, f"http://127.0.0.1:{me.gateway}")
            try:
                _, body = await session.poll()
                session.url += f"&sid={json.loads(body[1:])['sid']}"
                await session.post(connect)
                me.purse.pay(len(session.url) + len(connect) + 200)
            except (aiohttp.ClientError, ValueError):
                await asyncio.sleep(0.01)

        yield
        await over_and_over(once)


@attack()
async def double_polls(me: Me) -> Steps:
    """Several polls of one session at once, over and over."""
    async with http_of(me) as http:
        path = await path_of(me, http)
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        yield
        await asyncio.gather(*(me.flood(lambda: me.call(Mouth, me.gateway), lambda _: request) for _ in range(8)))
