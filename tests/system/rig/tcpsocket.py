"""A websocket on a bare TCP connection: it can break the websocket protocol itself, and stop reading."""

import asyncio
import json
import socket
import struct
from types import TracebackType

from tests.system.rig.rawsocket import HANDSHAKE, Closed

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class TcpSocket:
    """``async with TcpSocket(port) as tcp``. Nothing is read but when asked for, and little is buffered."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> "TcpSocket":
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self._port))
        self._reader, self._writer = await asyncio.open_connection(sock=plain, limit=4096)
        await self.write(
            f"GET {HANDSHAKE}websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()
        )
        assert b" 101 " in await self._reader.readuntil(b"\r\n\r\n")
        await self.expect("0")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()

    async def write(self, data: bytes) -> None:
        """Send bytes as they are. A connection that is closed already is no error here: reading tells."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            pass

    async def send(self, text: str) -> None:
        await self.write(frame(TEXT, text.encode()))

    async def receive(self, within: float = 5.0) -> tuple[int, bytes]:
        """The next frame: its opcode and its content. Raises Closed when there will be none."""
        try:
            async with asyncio.timeout(within):
                first, second = await self._reader.readexactly(2)
                size = second & 127
                if size == 126:
                    (size,) = struct.unpack("!H", await self._reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
                return first & 15, await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Closed from None

    async def expect(self, start: str) -> str:
        """The next text that starts so; others are passed over."""
        while True:
            opcode, content = await self.receive()
            if opcode == TEXT and content.startswith(start.encode()):
                return content.decode()

    async def authenticate(self, app_token: str, **fields: object) -> tuple[str, str]:
        """Become a peer; returns its session token and its peer_id. ``fields`` are the auth-request's."""
        await self.send("40" + json.dumps({"token": app_token}))
        await self.expect("40")
        await self.send("42" + json.dumps(["auth-request", {"token": app_token, **fields}]))
        accepted = json.loads((await self.expect('42["auth-accept"'))[2:])[1]
        return accepted["token"], accepted["peer_id"]

    async def drain(self, within: float = 10.0) -> int:
        """Read all there is up to the end of the connection; returns how many bytes that were."""
        count = 0
        async with asyncio.timeout(within):
            try:
                while got := len(await self._reader.read(65536)):
                    count += got
            except ConnectionError:
                pass
        return count


def frame(opcode: int, content: bytes, final: bool = True, masked: bool = True) -> bytes:
    """One websocket frame. The mask is all zeros, so the content stands in it as it is."""
    first, mask = opcode | (128 if final else 0), 128 if masked else 0
    size = len(content)
    if size < 126:
        head = struct.pack("!BB", first, mask | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    return head + (bytes(4) if masked else b"") + content
