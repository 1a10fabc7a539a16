"""One client: a raw socket that speaks just enough WebSocket, Engine.IO and Socket.IO."""

import asyncio
import base64
import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.bench import wire

OnEvent = Callable[[bytes], None]
REFUSALS = (b"unauthorized", b"request-reject", b"auth-reject", b"room-create-reject", b"room-join-reject")
PATIENCE = 60.0  # seconds for one answer; a saturated server is slow, but not that slow


class Fault(Exception):
    """A server did not do what the benchmark asked for: its figures would mean nothing."""


class Client(asyncio.Protocol):
    """A connection that acts on events by name: ``on`` maps some to what is done with their messages, others are
    awaited with ``expect``. What nobody waits for is dropped. A connection that the server closes is a fault, unless
    ``on_lost`` says otherwise.
    """

    def __init__(self, faults: asyncio.Future[None]) -> None:
        self.on: dict[bytes, OnEvent] = dict.fromkeys(REFUSALS, self._refused)
        self.on_lost: Callable[[], None] = lambda: self._fail("the server closed a connection")
        self.peer_id = ""
        self.token = ""
        self.pings = 0  # answered
        self._faults = faults
        self._expected: list[tuple[bytes, bytes, asyncio.Future[bytes]]] = []
        self._reader: wire.FrameReader | None = None
        self._head = b""
        self._leaving = False
        self._transport: Any = None
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._connected: asyncio.Future[None] = loop.create_future()

    async def connect(self, url: str, app_token: str, deflate: bool = False) -> None:
        """Open the WebSocket and the Socket.IO session in it. ``deflate`` offers compression, as browsers do."""
        address = urlsplit(url)
        self._app_token = app_token
        loop = asyncio.get_running_loop()
        host, port = address.hostname or "", address.port or 80
        try:
            self._transport, _ = await loop.create_connection(lambda: self, host, port)
            self._transport.write(_upgrade(address.netloc, deflate))
            await asyncio.wait_for(self._connected, PATIENCE)
        except OSError as error:
            self._fail(f"no connection: {error!r}")
            raise

    async def authenticate(self, peerinfo: dict[str, Any], **more: Any) -> None:
        """Become a peer, or again the one that ``more`` has the last token of, as ``resume``."""
        accepted = self.expect(b"auth-accept")
        self.send(wire.event_frame("auth-request", {"token": self._app_token, "peerinfo": peerinfo, **more}))
        fields = wire.event_fields(await accepted)
        self.token = fields["token"]
        self.peer_id = fields.get("peer_id", self.peer_id)

    def expect(self, name: bytes, mark: str = "") -> asyncio.Future[bytes]:
        """The next event of that name with ``mark`` somewhere in it. To be called before its cause is sent."""
        loop = asyncio.get_running_loop()
        message: asyncio.Future[bytes] = loop.create_future()
        self._expected.append((name, mark.encode(), message))
        give_up = loop.call_later(PATIENCE, self._fail, f"no {name.decode()} within {PATIENCE:g} s")
        message.add_done_callback(lambda _: give_up.cancel())
        return message

    def event(self, name: str, **fields: Any) -> bytes:
        """An event of this peer's, ready for ``send``."""
        return wire.event_frame(name, {"auth": self.token, **fields})

    def send(self, frame: bytes) -> None:
        self._transport.write(frame)

    def leave(self) -> None:
        """Disconnect, as a closed tab does."""
        self._leaving = True
        self._transport.write(wire.close_frame())

    def abort(self) -> None:
        self._leaving = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._reader is None:
            data = self._upgraded(data)
        if self._reader is not None:
            for opcode, payload in self._reader.feed(data):
                if opcode == wire.TEXT:
                    self._take(payload)
                elif opcode == wire.CLOSE:
                    self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.cancelled():
            self.closed.set_result(None)
        if not self._leaving:
            self.on_lost()

    def _upgraded(self, data: bytes) -> bytes:
        """Read the answer to the upgrade; returns what follows it."""
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return b""
        if not head.startswith(b"HTTP/1.1 101"):
            self._fail(f"no WebSocket: {head[:100]!r}")
        self._reader = wire.FrameReader()
        return rest

    def _take(self, message: bytes) -> None:
        if name := wire.event_name(message):
            self._take_event(name, message)
        elif message == b"2":
            self.pings += 1
            self.send(wire.text_frame(wire.PONG))
        elif message.startswith(b"0"):
            self.send(wire.text_frame("40" + json.dumps({"token": self._app_token})))
        elif message.startswith(b"40"):
            self.peer_id = json.loads(message[2:])["sid"]
            if not self._connected.cancelled():
                self._connected.set_result(None)
        elif message == b"41":  # the server ends the session, and the socket soon after
            self._transport.close()
        else:
            self._fail(f"unexpected: {message[:100]!r}")

    def _take_event(self, name: bytes, message: bytes) -> None:
        if (act := self.on.get(name)) is not None:
            act(message)
            return
        for expected in self._expected:
            if expected[0] == name and expected[1] in message:
                self._expected.remove(expected)
                if not expected[2].cancelled():
                    expected[2].set_result(message)
                return

    def _refused(self, message: bytes) -> None:
        self._fail(f"refused: {message[:200]!r}")

    def _fail(self, what: str) -> None:
        if not self._faults.done():
            self._faults.set_exception(Fault(what))


def _upgrade(host: str, deflate: bool) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    ]
    if deflate:
        lines.append("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    return "\r\n".join([*lines, "", ""]).encode()
