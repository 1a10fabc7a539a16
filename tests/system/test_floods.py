"""What one socket sends without end: it is disconnected with the rest unread, and nobody else notices."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.system.rig.harness import System
from tests.system.rig.process import Process
from tests.system.rig.rawsocket import RawSocket
from tests.system.rig.tcpsocket import CLOSE, PING, TEXT, TcpSocket, frame
from tests.system.rig.waiting import until
from tests.system.rig.world import World

PONG = 10
MIB = 1024 * 1024
GROWN = 16 * MIB
LATE = 1.0  # seconds; a gateway that is taken up by a flood is silent for several

STRANGERS: dict[str, bytes] = {
    "pongs": frame(TEXT, b"3"),
    "connects": frame(TEXT, b"40"),
    "connects elsewhere": frame(TEXT, b"40/x,"),
    "disconnects": frame(TEXT, b"41"),
    "pings of WebSocket": frame(PING, b""),
    "pongs of WebSocket": frame(PONG, b""),
    "unmasked pongs of WebSocket": frame(PONG, b"", masked=False),
    "events": frame(TEXT, b'42["x"]'),
    "acknowledgements": frame(TEXT, b"431[]"),
    "parts of nothing": frame(TEXT, b"", final=False) + frame(0, b"", final=False) * 1000,
    "binary": frame(2, b""),
    "closes": frame(CLOSE, b""),
    "large": frame(TEXT, b"3" * 60_000),
}
CONNECTED: dict[str, bytes] = {
    "events": frame(TEXT, b'42["x"]'),
    "requests": frame(TEXT, b'42["auth-request",{}]'),
    "requests with an acknowledgement": frame(TEXT, b'421["auth-request",{"payload":"' + b"x" * 1000 + b'"}]'),
    "connects": frame(TEXT, b"40"),
    "pongs": frame(TEXT, b"3"),
    "digits": frame(TEXT, b'42["relay-session-description",{"session_description":' + b"9" * 4299 + b"}]"),
}


class Witness:
    """Somebody on the attacked gateway, who asks all the time. ``worst`` is its longest wait so far, in seconds."""

    def __init__(self, raw: RawSocket, token: str) -> None:
        self._raw = raw
        self._token = token
        self.worst = 0.0

    async def ask_on(self) -> None:
        while True:
            start = time.monotonic()
            await self._raw.event("room-leave-request", {"auth": self._token, "room": "x"}, ack="7")
            await self._raw.expect("437", within=10)
            self.worst = max(self.worst, time.monotonic() - start)
            await asyncio.sleep(0.02)


@pytest.fixture
async def witness(system: System) -> AsyncIterator[Witness]:
    async with RawSocket(system.gateways[0].url) as raw:
        witness = Witness(raw, await raw.authenticate(await system.app_token()))
        asking = asyncio.create_task(witness.ask_on())
        await until(lambda: witness.worst > 0, "it is answered")
        yield witness
        assert not asking.done(), asking
        asking.cancel()
    assert witness.worst < LATE


async def flood(tcp: TcpSocket, gateway: Process, what: bytes, size: int = 4 * MIB) -> None:
    """Send that again and again; the connection must end, and the gateway not grow by it."""
    before, lines = gateway.memory(), len(gateway.lines())
    much = what * (size // len(what))
    sending = asyncio.create_task(tcp.write(much))
    await tcp.drain(within=20)
    sending.cancel()
    assert gateway.memory() - before < GROWN
    assert len(gateway.lines()) - lines <= 1


@pytest.mark.parametrize("kind", STRANGERS)
async def test_a_flood_of_one_that_has_shown_nothing(system: System, witness: Witness, kind: str) -> None:
    async with TcpSocket(system.gateways[0].port) as tcp:
        await flood(tcp, system.gateways[0], STRANGERS[kind])


@pytest.mark.parametrize("kind", CONNECTED)
async def test_a_flood_of_one_that_has_not_authenticated(system: System, witness: Witness, kind: str) -> None:
    async with TcpSocket(system.gateways[0].port) as tcp:
        await tcp.send(f'40{{"token":"{await system.app_token()}"}}')
        await tcp.expect("40")
        await flood(tcp, system.gateways[0], CONNECTED[kind])


@pytest.mark.parametrize("kind", [*STRANGERS.keys() - {"large", "closes", "binary", "disconnects"}])
async def test_a_flood_of_a_peer(system: System, witness: Witness, kind: str) -> None:
    async with TcpSocket(system.gateways[0].port) as tcp:
        await tcp.authenticate(await system.app_token())
        await flood(tcp, system.gateways[0], STRANGERS[kind], size=8 * MIB)


@pytest.mark.parametrize("body", ['"auth":"?"', '"auth":"{token}"'])
async def test_a_flood_of_digits(system: System, witness: Witness, body: str) -> None:
    async with TcpSocket(system.gateways[0].port) as tcp:
        token, _ = await tcp.authenticate(await system.app_token())
        digits = ",".join(["9" * 4299] * 11)
        fields = f'"room":"x","to":"y","session_description":[{digits}],{body.replace("{token}", token)}'
        event = frame(TEXT, f'42["relay-session-description",{{{fields}}}]'.encode())
        await tcp.write(event * 100)
        await tcp.send('421["room-leave-request",{}]')
        await tcp.expect("431")


async def test_a_flood_of_polls(system: System, world: World, witness: Witness) -> None:
    gateway = system.gateways[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    before = gateway.memory()
    request = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"
    writer.write(request * 3000)
    async with asyncio.timeout(20):
        for _ in range(3000):
            await reader.readuntil(b"HTTP/1.1 200")
    writer.close()
    assert gateway.memory() - before < GROWN
