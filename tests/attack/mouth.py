"""A TCP connection of the attacker's: it says what it is told to, as fast as the server takes it."""

import asyncio
from typing import Any

from tests.attack.purse import Purse


class Gone(Exception):
    """The server has closed the connection."""


class Mouth(asyncio.Protocol):
    """One connection. What arrives is thrown away, until somebody overrides ``hear``."""

    def __init__(self, purse: Purse) -> None:
        self.gone = False
        self._purse = purse
        self._transport: Any = None
        self._free = asyncio.Event()
        self._free.set()

    @property
    def unsent(self) -> int:
        """Bytes that the kernel has not taken."""
        return 0 if self._transport is None else int(self._transport.get_write_buffer_size())

    async def say(self, data: bytes) -> None:
        """Write, and wait until there is room for more. Raises Gone, or Spent."""
        self.put(data)
        await self._free.wait()
        await asyncio.sleep(0)  # a server that takes everything would never let anybody else have a turn
        if self.gone:
            raise Gone

    def put(self, data: bytes) -> None:
        """Write without waiting. Raises Gone, or Spent."""
        if self.gone or self._transport is None:
            raise Gone
        self._purse.pay(len(data))
        self._transport.write(data)

    def stop_reading(self) -> None:
        """From now on what the server sends stays in the kernel."""
        if not self.gone:
            self._transport.pause_reading()

    def hang_up(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def hear(self, data: bytes) -> None:
        """Bytes have come."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self._free.set()

    def data_received(self, data: bytes) -> None:
        self.hear(data)

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()
