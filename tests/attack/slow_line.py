"""A TCP connection on which little goes through from the server to the client."""

import asyncio
import contextlib
import socket

CHUNK = 16384  # bytes at a time, and in each buffer on the way


class SlowLine:
    """Passes connections on from ``port`` to ``target``, both of this machine; back come ``rate`` bytes in a second."""

    def __init__(self, port: int, target: int, rate: float) -> None:
        self._port = port
        self._target = target
        self._rate = rate
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)

    async def close(self) -> None:
        """Cut all connections."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
        plain.setblocking(False)
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self._target))
            there, back = await asyncio.open_connection(sock=plain, limit=CHUNK)
            self._writers |= {writer, back}
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer, self._rate))
            self._writers -= {writer, back}
        writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float = 0.0) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
            if rate:
                await asyncio.sleep(len(data) / rate)
    writer.transport.abort()
