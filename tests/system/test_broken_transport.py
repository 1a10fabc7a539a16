"""Junk under Socket.IO: websocket frames, polling requests and handshakes."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.system.rig.harness import System
from tests.system.rig.rawsocket import HANDSHAKE, Polling
from tests.system.rig.rooms import room_of
from tests.system.rig.tcpsocket import BINARY, CLOSE, PING, TEXT, TcpSocket, frame
from tests.system.rig.waiting import until
from tests.system.rig.world import World

FRAMES = {
    "not UTF-8": frame(TEXT, b"42\xff\xfe"),
    "half a character": frame(TEXT, "42ж".encode()[:-1]),
    "not masked": frame(TEXT, b"42[]", masked=False),
    "reserved opcode": frame(3, b"x"),
    "reserved control opcode": frame(11, b"x"),
    "reserved bits": bytes([0xF1, 0x81, 0, 0, 0, 0, 0x32]),
    "continuation of nothing": frame(0, b"x"),
    "text within a fragmented text": frame(TEXT, b"4", final=False) + frame(TEXT, b"2[]"),
    "fragmented ping": frame(PING, b"x", final=False),
    "long ping": frame(PING, b"x" * 126),
    "close of one byte": frame(CLOSE, b"x"),
    "close of a bad code": frame(CLOSE, b"\x00\x00"),
    "close of a bad text": frame(CLOSE, b"\x03\xe8\xff\xff"),
    "promise of an exabyte": bytes([0x81, 0xFF, 0x0F, *[0xFF] * 7, 0, 0, 0, 0]),
    "no websocket at all": b"GET / HTTP/1.1\r\n\r\n" * 10,
}


@pytest.mark.parametrize("kind", FRAMES)
async def test_a_broken_websocket_is_closed(system: System, world: World, kind: str) -> None:
    gateway = system.gateways[0]
    owner, second = await world.peers(0, 1)
    room = await room_of(owner, second)
    async with TcpSocket(gateway.port) as tcp:
        await tcp.authenticate(await system.app_token())
        lines = len(gateway.lines())
        await tcp.write(FRAMES[kind])
        await tcp.drain(within=5)
    await second.call("relay-ice-candidate", {"room": room, "to": owner.peer_id, "ice_candidate": 1}, within=2)
    await owner.expect("ice-candidate", within=2)
    assert len(gateway.lines()) - lines <= 1


async def test_fragments_without_end_are_bounded(system: System) -> None:
    gateway = system.gateways[0]
    async with TcpSocket(gateway.port) as tcp:
        before = gateway.memory()
        await tcp.write(frame(TEXT, b"4", final=False))
        for _ in range(1000):
            await tcp.write(frame(0, b"x" * 60_000, final=False))
        await tcp.drain(within=5)
        assert gateway.memory() - before < 16 * 1024 * 1024


async def test_a_fragmented_message_is_one(system: System) -> None:
    async with TcpSocket(system.gateways[0].port) as tcp:
        token, _ = await tcp.authenticate(await system.app_token())
        text = "421" + json.dumps(["room-create-request", {"auth": token, "payload": "ж"}], ensure_ascii=False)
        content = text.encode()
        await tcp.write(frame(TEXT, content[:-6], final=False) + frame(PING, b"!") + frame(0, content[-6:]))
        assert '"ok":true' in (await tcp.expect("431")).replace(" ", "")


async def test_binary_frames_among_fragments(system: System) -> None:
    async with TcpSocket(system.gateways[0].port) as tcp:
        await tcp.authenticate(await system.app_token())
        await tcp.write(frame(BINARY, b"\x00" * 100) * 3 + frame(CLOSE, b"\x03\xe8"))
        await tcp.drain(within=5)


BODIES: dict[str, str | bytes] = {
    "nothing": "",
    "separators": "\x1e" * 1000,
    "packet without a type": "4",
    "broken packet": "42[",
    "broken base64": "b!!!",
    "base64": "bAAAA",
    "not UTF-8": b"42\xff\xfe",
    "unknown type": "9",
    "broken among good": '42["a"]\x1e4x\x1e42["b"]',
    "too large": "4" * 1_500_000,
    "lengths of the old protocol": '10:42["a",{}]2:40',
    "form": "d=42%5B%22a%22%5D",
}


@pytest.mark.parametrize("kind", BODIES)
async def test_polling_junk(system: System, world: World, kind: str) -> None:
    gateway = system.gateways[0]
    witness = await world.peer()
    async with aiohttp.ClientSession() as http:
        polling = Polling(http, gateway.url)
        await polling.open(await system.app_token())
        lines = len(gateway.lines())
        assert await polling.post(BODIES[kind]) in (200, 400, 413)
        assert (await witness.call("room-create-request", {}, within=2))["ok"] is True
        assert len(gateway.lines()) - lines <= 1


@pytest.mark.parametrize("length", ["3", "5000000000", "-1", "x"])
async def test_polling_with_a_wrong_length(system: System, world: World, length: str) -> None:
    gateway = system.gateways[0]
    witness = await world.peer()
    async with aiohttp.ClientSession() as http:
        polling = Polling(http, gateway.url)
        await polling.open(await system.app_token())
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        path = polling.url.removeprefix(gateway.url)
        writer.write(f'POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n42["a"]'.encode())
        if length != "5000000000":
            assert (await reader.readline())[9:12] in (b"200", b"400", b"413")
        writer.transport.abort()
    assert (await witness.call("room-create-request", {}, within=2))["ok"] is True


@pytest.mark.parametrize(
    "query", ["", "EIO=4", "EIO=4&transport=x", "transport=websocket", "EIO=4&transport=polling&sid=x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_broken_handshakes(system: System, method: str, query: str) -> None:
    url = f"{system.gateways[0].url}/socket.io/?{query}"
    async with aiohttp.ClientSession() as http, http.request(method, url, data=b"4") as answer:
        assert answer.status in (200, 400, 404, 405)


async def test_packets_by_the_dozen(system: System) -> None:
    """What a client queued while its POST was under way comes in one body."""
    async with aiohttp.ClientSession() as http:
        polling = Polling(http, system.gateways[0].url)
        app = await system.app_token()
        await polling.open(app)
        await polling.post("42" + json.dumps(["auth-request", {"token": app}]))
        auth = json.loads((await polling.get())[1][2:])[1]["token"]
        event: list[Any] = ["room-join-request", {"auth": auth, "room": "no-such-room"}]
        body = "\x1e".join(f"42{number}{json.dumps(event)}" for number in range(100))
        assert await polling.post(body) == 200
        got = ""
        while got.count("not-found") < 200:
            got += (await polling.get())[1]
        assert all(f"43{number}[" in got for number in range(100))


async def test_broken_connections_leave_no_files_open(system: System) -> None:
    gateway = system.gateways[0]
    before = gateway.open_files()
    for content in FRAMES.values():
        async with TcpSocket(gateway.port) as tcp:
            await tcp.write(content)
            await tcp.drain(within=5)
    async with aiohttp.ClientSession() as http:
        for _ in range(20):
            async with http.ws_connect(gateway.url + HANDSHAKE + "websocket"):
                pass
    await until(lambda: gateway.open_files() <= before, "the connections are closed")
