"""Requests that are no HTTP, or hardly, to every process that listens."""

import asyncio

import pytest

from tests.system.rig.harness import System
from tests.system.rig.process import Process
from tests.system.rig.world import World

REQUESTS = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "words": b"hello\r\n\r\n",
    "nul": b"\x00" * 1000 + b"\r\n\r\n",
    "unknown version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "unknown method": b"FETCH /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
    "long path": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    "two lengths": b"POST /app HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "negative length": b"POST /app HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nxx",
    "broken chunks": b"POST /app HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n",
    "encoded nul": b"GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    "broken host": b"GET http://[/ HTTP/1.1\r\nHost: [\r\n\r\n",
    "upgrade without a key": b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "websocket without upgrade": b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n\r\n",
    "JSONP": b"GET /socket.io/?EIO=4&transport=polling&j=abc HTTP/1.1\r\nHost: x\r\n\r\n",
    "session of other letters": b"GET /socket.io/?EIO=4&transport=polling&sid=%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "body of a GET": b"GET /app HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
}


async def exchange(process: Process, request: bytes) -> bytes:
    """What the process answers, up to 64 KiB."""
    reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            return await reader.read(65536)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("name", ["gateway-0", "broker-0", "auth"])
@pytest.mark.parametrize("kind", REQUESTS)
async def test_a_broken_request(system: System, world: World, kind: str, name: str) -> None:
    process = system.process(name)
    lines = len(process.lines())
    answer = await exchange(process, REQUESTS[kind])
    assert not answer.startswith(b"HTTP/1.1 5")
    assert b"Traceback" not in answer
    peer = await world.peer()
    assert (await peer.call("room-create-request", {}, within=2))["ok"] is True
    assert len(process.lines()) - lines <= 1
