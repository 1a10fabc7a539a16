"""A slow line is slow in one direction."""

import asyncio
import time

from tests.attack.slow_line import SlowLine
from tests.system.rig.ports import free_port

RATE = 1_000_000.0  # bytes in a second
SIZE = 300_000


async def test_what_the_server_sends_comes_slowly() -> None:
    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(SIZE))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    port = free_port()
    line = SlowLine(port, server.sockets[0].getsockname()[1], RATE)
    await line.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    assert len(await reader.readexactly(SIZE)) == SIZE
    assert time.monotonic() - began > 0.8 * SIZE / RATE
    writer.close()
    await line.close()
    server.close()
