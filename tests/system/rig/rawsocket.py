"""A websocket, or polling, that speaks Engine.IO and Socket.IO frames by hand, and can say anything."""

import io
import json
from types import TracebackType
from typing import Any

import aiohttp

from tests import contract

HANDSHAKE = "/socket.io/?EIO=4&transport="
CLOSED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


class Closed(Exception):
    """The server closed the connection."""


class RawSocket:
    """``async with RawSocket(url) as raw``; the Engine.IO session is open then, the Socket.IO one is not."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.opened: dict[str, Any] = {}

    async def __aenter__(self) -> "RawSocket":
        self._http = aiohttp.ClientSession()
        self.ws = await self._http.ws_connect(self._url + HANDSHAKE + "websocket", max_msg_size=0)
        frame = await self.receive()
        assert frame[0] == "0", frame
        self.opened = json.loads(frame[1:])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.ws.close()
        await self._http.close()

    async def send(self, frame: str | bytes) -> None:
        """Send one frame as it is. A connection that is closed already is no error here: receiving tells."""
        try:
            if isinstance(frame, bytes):
                await self.ws.send_bytes(frame)
            else:
                await self.ws.send_str(frame)
        except (aiohttp.ClientError, ConnectionError):
            pass

    async def receive(self, within: float = 5.0) -> str:
        """The next frame that is not a ping. Raises Closed when there will be none, TimeoutError when none comes."""
        while True:
            message = await self.ws.receive(timeout=within)
            if message.type in CLOSED:
                raise Closed
            if message.data != "2":
                return str(message.data)
            await self.send("3")

    async def expect(self, start: str, within: float = 5.0) -> str:
        """The next frame that starts so; others are passed over."""
        while not (frame := await self.receive(within)).startswith(start):
            pass
        return frame

    async def told(self, event: str, within: float = 5.0) -> Any:
        """The data of the next event of that name."""
        frame = await self.expect(f'42["{event}"', within)
        told = json.loads(frame[2:])[1]
        contract.hold_told(event, told)
        return told

    async def connect(self, app_token: str) -> None:
        """Open the Socket.IO session."""
        await self.send("40" + json.dumps({"token": app_token}))
        await self.expect("40")

    async def authenticate(self, app_token: str) -> str:
        """Become a peer; returns the session token."""
        await self.connect(app_token)
        await self.event("auth-request", {"token": app_token})
        accepted = await self.told("auth-accept")
        return str(accepted["token"])

    async def event(self, name: str, *args: Any, ack: str = "") -> None:
        await self.send(f"42{ack}{json.dumps([name, *args])}")

    async def closed(self, within: float = 5.0) -> None:
        """Return when the server has closed the connection."""
        try:
            while True:
                await self.receive(within)
        except Closed:
            return


class Polling:
    """Engine.IO over polling, request by request."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self.url = url + HANDSHAKE + "polling"

    async def open(self, app_token: str) -> None:
        """Open the Engine.IO and the Socket.IO session."""
        status, body = await self.get()
        assert status == 200, body
        self.url += f"&sid={json.loads(body[1:])['sid']}"
        assert await self.post("40" + json.dumps({"token": app_token})) == 200
        status, body = await self.get()
        assert (status, body[:2]) == (200, "40"), body

    async def get(self) -> tuple[int, str]:
        """Status and body of a poll, once there is more to it than pings, which are answered."""
        while True:
            status, body = await self.poll()
            packets = body.split("\x1e")
            if "2" in packets:
                await self.post("3")
            if rest := [packet for packet in packets if packet != "2"]:
                return status, "\x1e".join(rest)

    async def poll(self) -> tuple[int, str]:
        """Status and body of the next answer."""
        async with self._http.get(self.url) as answer:
            return answer.status, await answer.text()

    async def post(self, body: str | bytes, chunked: bool = False) -> int:
        content = io.BytesIO(body.encode() if isinstance(body, str) else body)
        async with self._http.post(self.url, data=content, chunked=chunked or None) as answer:
            return answer.status
