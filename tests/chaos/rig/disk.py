"""What a NATS server has on its disk, as it is after a power cut: without what was written last."""

import asyncio
import shutil
import signal
from pathlib import Path

from tests.system.rig.process import Process


class Disk:
    """The store of one NATS server, in a folder. It can be put back to what it was."""

    def __init__(self, server: Process, store: Path) -> None:
        self._server = server
        self._store = store
        self._before = store.with_name(f"{store.name}-before")

    async def sync(self) -> None:
        """What is on it now will survive. The server stands still meanwhile, so that it is whole."""
        self._server.signal(signal.SIGSTOP)
        await asyncio.to_thread(shutil.rmtree, self._before, ignore_errors=True)
        await asyncio.to_thread(shutil.copytree, self._store, self._before)
        self._server.signal(signal.SIGCONT)

    async def cut_power(self) -> None:
        """Kill the server, and lose all that was written since the last sync."""
        await self._server.kill()
        await asyncio.to_thread(shutil.rmtree, self._store)
        await asyncio.to_thread(shutil.copytree, self._before, self._store)
