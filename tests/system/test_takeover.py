"""Two clients that have the same session token."""

import asyncio
import contextlib
from typing import Any

import pytest

from tests.system.rig.harness import System
from tests.system.rig.rawsocket import Closed, RawSocket
from tests.system.rig.waiting import until
from tests.system.rig.world import World


class Tab:
    """Asks for the place again as soon as its socket is closed. ``stored`` is what both tabs share.

    ``keeps`` says which token it shows. ``admitted`` has the answers it got.
    """

    def __init__(self, system: System, app_token: str, stored: dict[str, str], keeps: str) -> None:
        self._system = system
        self._app_token = app_token
        self._stored = stored
        self._own = stored["first"]
        self._keeps = keeps
        self.admitted: list[dict[str, Any]] = []
        self.open = False

    async def run(self) -> None:
        while True:
            async with RawSocket(self._system.gateways[0].url) as raw:
                await raw.connect(self._app_token)
                shown = self._own if self._keeps == "own" else self._stored[self._keeps]
                await raw.event("auth-request", {"token": self._app_token, "resume": shown, "resumable": True})
                accepted = await raw.told("auth-accept")
                self._own = self._stored["newest"] = accepted["token"]
                self.admitted.append(accepted)
                self.open = True
                await _parted(raw)
                self.open = False


async def _parted(raw: RawSocket) -> None:
    """Return when the server has said goodbye, or closed the connection without."""
    with contextlib.suppress(Closed):
        await raw.expect("41", within=60)


@pytest.mark.parametrize("keeps", ["first", "own", "newest"])
async def test_two_tabs_that_always_come_back_come_to_rest(system: System, world: World, keeps: str) -> None:
    peer = await world.peer(resumable=True)
    stored = {"first": peer.token, "newest": peer.token}
    app_token = await system.app_token()
    tabs = [Tab(system, app_token, stored, keeps) for _ in range(2)]
    running = [asyncio.create_task(tab.run()) for tab in tabs]
    try:
        await until(lambda: any(not tab.admitted[-1]["resumed"] for tab in tabs if tab.admitted), "one is a new peer")
        await until(lambda: all(tab.open for tab in tabs), "both are open")
        assert len({tab.admitted[-1]["peer_id"] for tab in tabs}) == 2
        assert peer.peer_id in {tab.admitted[-1]["peer_id"] for tab in tabs}
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
