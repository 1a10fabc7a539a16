"""A client of the system: python-socketio's own client, and the record of what it was told."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import aiohttp
import socketio

from tests import contract
from tests.system.rig.client import Client

OWN_EVENTS = ("connect", "connect_error", "disconnect")


class Peer(Client):
    """One python-socketio client."""

    def __init__(self, name: str, url: str, app_token: str, transports: Sequence[str] = ("websocket",)) -> None:
        super().__init__(name, url, app_token)
        self._transports = list(transports)
        self._http: aiohttp.ClientSession | None = None
        self._client = socketio.AsyncClient(reconnection=False)
        self._client.on("*", self.note)
        for event in OWN_EVENTS:
            self._client.on(event, self._noter(event))

    @property
    def sid(self) -> str:
        return str(self._client.get_sid())

    @property
    def connected(self) -> bool:
        return bool(self._client.connected)

    async def connect(self, auth: Any = None) -> None:
        """Open the connection. ``auth`` replaces the handshake's {token: …}."""
        self._http = self._client.eio.http = aiohttp.ClientSession()
        self._client.eio.external_http = True
        auth = {"token": self.app_token} if auth is None else auth
        await self._client.connect(self.url, auth=auth, transports=self._transports, wait_timeout=5)

    async def send_bare(self, event: str, *args: Any) -> None:
        await self._client.emit(event, args)

    async def call_bare(self, event: str, *args: Any, within: float = 5.0) -> Any:
        try:
            answer = await self._client.call(event, args, timeout=within)
        except socketio.exceptions.TimeoutError:
            raise AssertionError(f"{self.name}: {event} was not acknowledged; {self.story()}") from None
        contract.hold_answer(event, args[0] if args else None, answer)
        return answer

    async def ask(self, event: str, data: dict[str, Any] | None = None) -> asyncio.Queue[Any]:
        """Send, and get the queue into which every acknowledgement of it goes."""
        answers: asyncio.Queue[Any] = asyncio.Queue()
        said = {"auth": self.token, **(data or {})}

        def take(answer: Any) -> None:
            contract.hold_answer(event, said, answer)
            answers.put_nowait(answer)

        await self._client.emit(event, said, callback=take)
        return answers

    async def close(self) -> None:
        if self._client.eio.state == "connected":
            await self._client.disconnect()
        await self._close_http()

    async def vanish(self) -> None:
        """Cut the connection under the client: no goodbye on any layer but TCP."""
        self._client.eio.ws.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await self.expect("disconnect")
        await self._close_http()

    async def _close_http(self) -> None:
        if self._http is not None:
            await self._http.close()

    def _noter(self, event: str) -> Any:
        # with just these parameters: the client tries a handler again with fewer when one raises TypeError
        def note(*args: Any) -> None:
            self.note(event, args[0] if args else None)

        return note
