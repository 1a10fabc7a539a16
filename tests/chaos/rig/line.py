"""One connection to a gateway, spoken by hand: all that arrives is heard at once and in order, and it can be cut."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

import aiohttp

from tests import contract
from tests.system.rig.rawsocket import HANDSHAKE

Hear = Callable[[str, Any], None]


class Line:
    """A Socket.IO connection. ``hear`` gets every event; ``down`` is set when the connection is gone.

    ``dismissed`` says that the server ended it in the way after which clients do not come back by themselves.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str, hear: Hear) -> None:
        self.url = url
        self.down = asyncio.Event()
        self.dismissed = False
        self._http = http
        self._hear = hear
        self._acks: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._ear = contract.Ear()
        self._silence = 25.0  # seconds without a ping after which the gateway is taken for dead
        self._reading: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[None]] = set()

    async def open(self, app_token: str) -> None:
        """Connect. Raises OSError, aiohttp.ClientError or ValueError when it does not come about."""
        self._ws = await self._http.ws_connect(self.url + HANDSHAKE + "websocket", max_msg_size=0, autoclose=False)
        opened = json.loads((await self._frame())[1:])
        self._silence = (opened["pingInterval"] + opened["pingTimeout"]) / 1000
        await self._ws.send_str("40" + json.dumps({"token": app_token}))
        answer = await self._frame()
        if not answer.startswith("40"):
            raise ValueError(f"the handshake was refused: {answer}")
        self._reading = asyncio.create_task(self._read())

    def send(self, event: str, data: dict[str, Any]) -> "asyncio.Future[dict[str, Any]]":
        """Send an event; its acknowledgement comes as the result, or never. Raises OSError when the line is down."""
        if self._ws is None or self._ws.closed:
            raise ConnectionResetError
        ack = len(self._acks) + 1
        self._acks[ack] = asyncio.get_running_loop().create_future()
        self._say(f"42{ack}{json.dumps([event, data])}")
        return self._acks[ack]

    async def cut(self) -> None:
        """End the connection without a goodbye on any layer but TCP."""
        if self._ws is not None and not self._ws.closed:
            raw = self._ws.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                with contextlib.suppress(OSError):  # it is gone already
                    raw.shutdown(socket.SHUT_RDWR)
        await self._end()

    async def goodbye(self) -> None:
        """End the connection as a client's ``disconnect()`` does."""
        await self._write("41")
        await self._end()

    async def _end(self) -> None:
        if self._ws is not None:
            await self._ws.close()
        if self._reading is not None:
            await self._reading
        self.down.set()

    async def _frame(self) -> str:
        if self._ws is None:
            raise ConnectionResetError
        message = await self._ws.receive(self._silence)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionResetError
        text: str = message.data
        return text

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._frame())
        except (OSError, TimeoutError):
            self.down.set()

    def _take(self, frame: str) -> None:
        if frame == "2":
            self._say("3")
        elif frame.startswith("42"):
            event, *data = json.loads(frame[2:])
            self._ear.hear(frame)
            self._hear(event, data[0] if data else None)
        elif frame.startswith("43"):
            start = frame.index("[")
            self._acks[int(frame[2:start])].set_result(json.loads(frame[start:])[0])
        elif frame == "41":
            self.dismissed = True

    def _say(self, text: str) -> None:
        """Write a frame, in order with all others; only the test's own machine can make that wait."""
        writing = asyncio.ensure_future(self._write(text))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def _write(self, text: str) -> None:
        if self._ws is not None:
            with contextlib.suppress(OSError, aiohttp.ClientError):  # reading notices it, too
                await self._ws.send_str(text)
