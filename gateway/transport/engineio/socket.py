"""One client's connection: what comes in on it, over a WebSocket or by polling.

* An event is acted on as it comes in, and rare packets by one plain loop; the library starts a task for each frame.
* Broken packets close the connection, without a traceback.
* Every frame is charged to its sender's budget; a client that keeps exceeding it is disconnected, with the rest unread.
* A session has one POST at a time. A packet for a closed session is refused, with a reason.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSCloseCode, web
from engineio import packet

from gateway.metrics import FLOODS
from gateway.rate import Allowance, Stranger
from gateway.transport.engineio.endings import ENDED, FLOOD, ProtocolError
from gateway.transport.engineio.outlet import Host, Outlet
from gateway.transport.engineio.polls import Polls
from gateway.transport.engineio.posts import MAX_POST, body_of, packets_of
from gateway.transport.engineio.websocket import Transport
from shared.contract.events import ClientEvent

PROBE_TIMEOUT = 10.0  # seconds for a polling client to finish its upgrade
AT_ONCE = 32  # packets of one client that are acted on in one turn of the loop
REFUSED = "parley.refused"  # where a request's environment says why it is answered 400

Argument = ClientEvent | msgspec.Raw | None  # the first one of an event, if there is one: decoded, or still encoded
OnEvent = Callable[[str, Argument, int | None], None]


class Socket(Outlet):
    """One client's connection, over whichever transport it is on.

    ``client`` is its Socket.IO id, once it has one. ``on_event`` is for name, first argument and acknowledgement id of
    each Socket.IO event, until the end.
    """

    def __init__(self, server: Host, sid: str, address: str) -> None:
        super().__init__(server, sid, address)
        self.client = ""
        self.on_event: OnEvent | None = None
        self.budget: Allowance = Stranger(server.max_http_buffer_size)
        self.deaf = False
        self._posting = False

    async def poll(self, caller: Any) -> list[packet.Packet]:
        """What waits for a polling client, as soon as there is something. ``caller`` is the connection it asks on.

        Raises ConnectionError when that has gone, with all still waiting; ProtocolError when nothing will come any more
        or too many polls wait already.
        """
        if self._polls is None:
            self._polls = Polls(self._on_answer_lost)
        await self._polls.wait(self.queue, caller)
        return self.take_waiting()

    def _on_answer_lost(self) -> None:
        self.disconnect(self.server.reason.TRANSPORT_ERROR)

    def charge(self, size: int, frames: int = 1) -> bool:
        """So much has come from the client: is it within its budget, and anything it says of interest?

        A client that keeps exceeding it is disconnected.
        """
        if self.budget.take(size, time.monotonic(), frames):
            return not self.deaf
        if self.budget.exhausted and self._closing is None:
            FLOODS.inc()
            self.ignore()
            if self.ws is not None:
                self.ws.stop_hearing()
            self.disconnect(FLOOD)
        return False

    def ignore(self) -> None:
        """From now on nothing that the client says is acted on, but that it closes the connection."""
        self.deaf = True

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the connection on all levels. ``abort`` skips telling the client so."""
        self.on_event = None
        await super().close(wait, abort, reason)

    async def receive_text(self, text: str) -> None:
        """A packet from the client, which has been charged unless it is an event. Raises ProtocolError."""
        kind = text[:1]
        if kind == "4":
            self.server.take_packet(self, text)
        elif kind == "3":
            self._on_pong()
        elif kind == "1":
            await self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        elif kind not in ("5", "6"):  # which mean nothing outside an upgrade, and harm nobody
            raise ProtocolError("unexpected packet")

    async def handle_get_request(self, environ: dict[str, Any]) -> Any:
        """A client polls, or opens a WebSocket. One that has hung up by then is no error of ours.

        The library takes a WebSocket that came without ``Connection: upgrade`` for a poll, and what waits is lost.
        """
        self.charge(0)
        request = environ["aiohttp.request"]
        try:
            if on_websocket(request):
                return await self._upgrade_websocket(request)
            if self.upgrading or self.upgraded:
                return [packet.Packet(packet.NOOP)]
            return await self.poll(request.protocol)
        except ConnectionError:
            if not self.connected:
                await self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
            return self.server._bad_request()
        except ProtocolError as error:
            await self.close()
            return self.server._bad_request(str(error))

    async def open_websocket(self, request: web.Request, opening: bytes) -> web.StreamResponse:
        """A client has come over a WebSocket: its life. Raises HTTPBadRequest when that is none; ConnectionError."""
        self.charge(0)
        try:
            return await Transport(self).serve(request, opening)
        finally:
            if not self.connected:
                await self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)

    def take_text(self, text: str) -> bool:
        """Act on a packet at once, if that is possible: what breaks the protocol or takes time goes the long way."""
        try:
            if text.startswith("42"):
                self.server.take_event(self, text)
                return True
            if text == "3":
                if not self._pinged:
                    self.charge(1)
                self._on_pong()
                return True
            if text.startswith("40"):
                if self.charge(size_of(text)):
                    self.server.take_packet(self, text)
                return True
        except ProtocolError:
            pass
        return False

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """A polling client says something.

        The library logs a traceback for what it cannot read, and fails when the session has ended by then.
        """
        try:
            await self._take_post(environ["wsgi.input"], int(environ.get("CONTENT_LENGTH", "0")))
        except ProtocolError as error:
            environ[REFUSED] = str(error)
            await self.close()

    async def _take_post(self, stream: Any, announced: int) -> None:
        if self._posting:
            raise ProtocolError("A payload before the last one has come")
        most = self.budget.bytes if isinstance(self.budget, Stranger) else MAX_POST
        if announced > most:
            raise ProtocolError("Payload is too large")
        self._posting = True
        try:
            texts = packets_of(await body_of(stream, most))
            if self.closed:
                raise ProtocolError(ENDED)
            await self._receive_texts(texts)
        finally:
            self._posting = False

    async def _receive_texts(self, texts: list[str]) -> None:
        if not texts:
            self.charge(0)
        for number, text in enumerate(texts, 1):
            if self.closed or self.deaf:
                return
            size = size_of(text)
            if size > self.server.max_http_buffer_size:
                raise ProtocolError("Packet is too large")
            if not text.startswith("42") and not (text == "3" and self._pinged):
                self.charge(size)
            await self.receive_text(text)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def serve_websocket(self, ws: Transport) -> None:
        """The life of a WebSocket, from upgrade to close. A client whose upgrade fails keeps polling."""
        if self.connected and not await self._upgrade(ws):
            return
        try:
            self.connected = self.upgraded = True
            self._flush_to(ws)
            ws.lead(self.take_text)
            await self._listen(ws)
        except ProtocolError:
            self.close_code = int(WSCloseCode.POLICY_VIOLATION)
        finally:
            if self._closing is None:
                await self.close(abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
        if self._closing is not None:
            await asyncio.shield(self._closing)
        self.ws = None

    async def _listen(self, ws: Transport) -> None:
        """Act on what goes the long way, and not on too much of it at once."""
        heard = 0
        while (text := await ws.read()) is not None:
            if self.deaf:
                continue
            await self.receive_text(text)
            heard += 1
            if heard % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _upgrade_websocket(self, request: web.Request) -> web.StreamResponse:
        if self.upgraded:
            raise ProtocolError("a second WebSocket")
        return await Transport(self).serve(request)

    async def _upgrade(self, ws: Transport) -> bool:
        """Engine.IO's probe: ``2probe``, ``3probe``, ``5``. False if it came to nothing."""
        if self.upgrading:
            return False
        self.upgrading = True
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                if await ws.read() != "2probe":
                    return False
                ws.write(b"3probe")
                self.queue.put_nowait(packet.Packet(packet.NOOP))  # ends the poll that is under way
                return await ws.read() == "5" and not self.closed
        except (TimeoutError, ConnectionError, ProtocolError):
            return False
        finally:
            self.upgrading = False


def size_of(text: str) -> int:
    """Its bytes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def on_websocket(request: web.Request) -> bool:
    return "websocket" in request.query.getall("transport", ())
