"""A connection that speaks WebSocket, Engine.IO and Socket.IO, well enough to get where an attack begins."""

import asyncio
import json
import os
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from tests.attack.mouth import Gone, Mouth
from tests.attack.purse import Purse
from tests.bench.wire import TEXT, FrameReader, event_name, text_frame

PATIENCE = 10.0  # seconds for one answer

Hear = Callable[[Any], None]


class Talker(Mouth):
    """A client. ``on`` maps events to what is done with their data; only while ``listening`` it reads frames."""

    def __init__(self, purse: Purse) -> None:
        super().__init__(purse)
        self.on: dict[bytes, Hear] = {}
        self.listening = True
        self.token = ""
        self.peer_id = ""
        self._head = b""
        self._reader: FrameReader | None = None
        self._acks: dict[int, asyncio.Future[Any]] = {}
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connected: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def upgrade(self, headers: str = "") -> None:
        """Open the WebSocket, and the Engine.IO session in it."""
        key = b64encode(os.urandom(16)).decode()
        await self.say(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{headers}\r\n".encode()
        )
        await asyncio.wait_for(self._opened, PATIENCE)

    async def connect(self, app_token: str) -> None:
        """Open the Socket.IO session."""
        await self.say(text_frame("40" + json.dumps({"token": app_token})))
        if not await asyncio.wait_for(self._connected, PATIENCE):
            raise Gone

    async def authenticate(self, app_token: str, **fields: Any) -> dict[str, Any]:
        """Become a peer, or again the one that ``fields`` have the token of, as ``resume``."""
        answer = await self.ask("auth-request", token=app_token, **fields)
        if answer["ok"]:
            self.token, self.peer_id = answer["token"], answer["peer_id"]
        return answer

    async def ask(self, event: str, **fields: Any) -> dict[str, Any]:
        """Send an event, and wait for its acknowledgement. Raises TimeoutError."""
        ack = len(self._acks) + 1
        self._acks[ack] = asyncio.get_running_loop().create_future()
        await self.say(self.event(event, ack=str(ack), **fields))
        answer: dict[str, Any] = await asyncio.wait_for(self._acks[ack], PATIENCE)
        return answer

    def event(self, name: str, ack: str = "", **fields: Any) -> bytes:
        """An event of this peer's, ready to be said."""
        return text_frame(f"42{ack}" + json.dumps([name, {"auth": self.token, **fields}], separators=(",", ":")))

    def hear(self, data: bytes) -> None:
        """Read frames, if anybody wants them."""
        if self._reader is None:
            data = self._after_upgrade(data)
        if self._reader is not None and self.listening:
            for opcode, payload in self._reader.feed(data):
                if opcode == TEXT:
                    self._take(payload)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        awaited: list[asyncio.Future[Any]] = [self._opened, self._connected, *self._acks.values()]
        for waiting in awaited:
            if not waiting.done():
                waiting.set_exception(Gone())
                waiting.exception()  # nobody may be waiting

    def _after_upgrade(self, data: bytes) -> bytes:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if end and head.startswith(b"HTTP/1.1 101"):
            self._reader = FrameReader()
        elif end:
            self.hang_up()
        return rest

    def _take(self, message: bytes) -> None:
        if message == b"2":
            self._answer_ping()
        elif message.startswith(b"0"):
            _resolve(self._opened, None)
        elif message[:2] in (b"40", b"44"):
            _resolve(self._connected, message[:2] == b"40")
        elif message.startswith(b"43"):
            ack, _, fields = message[2:].partition(b"[")
            if int(ack) in self._acks:
                _resolve(self._acks[int(ack)], json.loads(b"[" + fields)[0])
        elif (act := self.on.get(event_name(message))) is not None:
            act(json.loads(message[2:])[1])

    def _answer_ping(self) -> None:
        if not self.gone:
            self._transport.write(text_frame("3"))


def _resolve(waiting: "asyncio.Future[Any]", result: Any) -> None:
    if not waiting.done():
        waiting.set_result(result)
