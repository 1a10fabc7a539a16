"""A TURN client that does as much as it takes to ask for permissions (RFC 8656)."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import ipaddress
import os
import struct
from collections.abc import AsyncIterator
from typing import cast

COOKIE = 0x2112A442
ALLOCATE, CREATE_PERMISSION, ERROR = 0x003, 0x008, 0x110
USERNAME, INTEGRITY, ERROR_CODE, PEER, REALM, NONCE = 0x06, 0x08, 0x09, 0x12, 0x14, 0x15
FAMILY, TRANSPORT = 0x17, 0x19
UDP = b"\x11\0\0\0"
V4, V6 = b"\x01\0\0\0", b"\x02\0\0\0"

Attributes = dict[int, bytes]


class TurnClient(asyncio.DatagramProtocol):
    """One allocation, under a name and password of the REST kind."""

    def __init__(self, secret: str, ends: int) -> None:
        self._user = f"{ends}:tests".encode()
        self._password = base64.b64encode(hmac.new(secret.encode(), self._user, hashlib.sha1).digest())
        self._known: Attributes = {}
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._closed = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._answers.put_nowait(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()

    async def close(self) -> None:
        assert self._transport
        self._transport.close()
        await self._closed.wait()

    async def allocate(self, family: bytes) -> int:
        """Ask for a relay of this family: the code of the refusal, or 0."""
        wanted = {TRANSPORT: UDP, FAMILY: family}
        await self._ask(ALLOCATE, wanted)
        return await self._ask(ALLOCATE, wanted)

    async def permit(self, peer: str) -> int:
        """Ask for leave to reach ``peer``: the code of the refusal, or 0."""
        return await self._ask(CREATE_PERMISSION, {PEER: _peer(peer, self._transaction())})

    def _transaction(self) -> bytes:
        self._id = os.urandom(12)
        return self._id

    async def _ask(self, method: int, attributes: Attributes) -> int:
        if method == ALLOCATE:
            self._transaction()
        answer = await self._answer_to(self._signed(method, {**attributes, **self._known}))
        kind, found = struct.unpack("!H", answer[:2])[0], _attributes(answer)
        if NONCE in found:
            self._known = {USERNAME: self._user, REALM: found[REALM], NONCE: found[NONCE]}
        return found[ERROR_CODE][2] * 100 + found[ERROR_CODE][3] if kind & ERROR == ERROR else 0

    async def _answer_to(self, request: bytes) -> bytes:
        """Datagrams get lost, and the server may not be there yet: it is asked again until it answers."""
        assert self._transport
        async with asyncio.timeout(20):
            while True:
                self._transport.sendto(request)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        while (answer := await self._answers.get())[8:20] != self._id:
                            pass
                        return answer

    def _signed(self, method: int, attributes: Attributes) -> bytes:
        body = b"".join(_attribute(kind, value) for kind, value in attributes.items())
        if not self._known:
            return self._head(method, len(body)) + body
        text = self._head(method, len(body) + 24) + body
        words = b":".join((self._user, self._known[REALM], self._password))
        key = hashlib.md5(words, usedforsecurity=False).digest()
        return text + _attribute(INTEGRITY, hmac.new(key, text, hashlib.sha1).digest())

    def _head(self, method: int, length: int) -> bytes:
        return struct.pack("!HHI", method, length, COOKIE) + self._id


@contextlib.asynccontextmanager
async def turn_client(port: int, secret: str, ends: int) -> AsyncIterator[TurnClient]:
    """A client of the server on this port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_datagram_endpoint(lambda: TurnClient(secret, ends), remote_addr=("127.0.0.1", port))
    try:
        yield client
    finally:
        await client.close()


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _attributes(answer: bytes) -> Attributes:
    found, at = {}, 20
    while at < len(answer):
        kind, length = struct.unpack("!HH", answer[at : at + 4])
        found[kind] = answer[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found


def _peer(text: str, transaction: bytes) -> bytes:
    address = ipaddress.ip_address(text)
    mask = struct.pack("!I", COOKIE) + transaction
    hidden = bytes(one ^ other for one, other in zip(address.packed, mask, strict=False))
    return struct.pack("!BBH", 0, 1 if address.version == 4 else 2, 9 ^ (COOKIE >> 16)) + hidden
