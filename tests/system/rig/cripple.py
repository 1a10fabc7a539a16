"""A proxy that leaves out ``Connection: upgrade``, as nginx does unless it is told otherwise."""

import asyncio
import gc
import re
from types import TracebackType
from urllib.parse import urlsplit

_HEADER = re.compile(rb"(?i)\r\nconnection: upgrade\r\n")


class Cripple:
    """``async with Cripple(url) as url`` is the way to the server through the proxy."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        for _ in range(2):
            await asyncio.sleep(0)  # that is when it takes effect
        gc.collect()  # closes what asyncio had just accepted, and leaves alone when the server is closed

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers += (there[1], writer)
        for source, sink in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(_pass_on(source, sink))
            self._tasks.add(task)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(_HEADER.sub(b"\r\n", data))
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()
