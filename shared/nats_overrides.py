"""Everything of nats-py that we replace, and why. Pinned to nats-py 2.16.0; tests/shared covers each.

* What is published in one turn of the loop is written at its end; the library wakes a task for it.
* A message may go straight to its callback; the library wakes a task for each subscription.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import nats.aio.client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport

UNSENT = 65536  # bytes in the transport beyond which the library's own way is gone, which waits

OnMessage = Callable[[Msg], Awaitable[None]]


class Client(nats.aio.client.Client):
    """A NATS client with shorter ways."""

    def __init__(self) -> None:
        super().__init__()
        self._straight: dict[int, OnMessage] = {}
        self._writing = False

    async def subscribe_straight(self, subject: str, on_message: OnMessage) -> Subscription:
        """Call ``on_message`` as each message comes in. It must not wait for anything that comes in later."""
        subscription = await self.subscribe(subject)
        self._straight[subscription._id] = on_message
        return subscription

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        on_message = self._straight.get(sid)
        if on_message is None or sid not in self._subs:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        try:
            await on_message(self._build_message(sid, subject, reply, data, await self._process_headers(headers)))
        except Exception as error:  # as the library does: it must not end the connection
            await self._error_cb(error)

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        super()._remove_sub(sid, max_msgs)
        self._straight.pop(sid, None)

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        if force_flush or not self.is_connected or self._has_to_wait():
            return await super()._flush_pending(force_flush)
        if not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_soon(self._write_pending)
        return None

    def _write_pending(self) -> None:
        """Write what was published; if the connection has just been lost, leave it for the next one."""
        self._writing = False
        transport = self._open_transport()
        if self._pending and self.is_connected and transport is not None:
            transport.write(self._pending[0] if len(self._pending) == 1 else b"".join(self._pending))
            self._pending = []
            self._pending_data_size = 0

    def _has_to_wait(self) -> bool:
        """Whether the server does not read as fast as we write, or the connection is of another kind."""
        transport = self._open_transport()
        if transport is None:
            return not isinstance(self._transport, TcpTransport)
        return transport.get_write_buffer_size() > UNSENT

    def _open_transport(self) -> asyncio.WriteTransport | None:
        """What leads to the server, unless it has been closed, which the client may not have noticed yet."""
        writer = self._transport._io_writer if isinstance(self._transport, TcpTransport) else None
        return None if writer is None or writer.transport.is_closing() else writer.transport
