"""Peers by the number of the gateway they use."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from tests.system.rig.harness import System
from tests.system.rig.peer import Peer


class World:
    """Makes peers on one system, and closes all of them."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._peers: list[Peer] = []
        self._names = (f"peer-{number}" for number in itertools.count())

    async def connected(
        self, gateway: int = 0, name: str = "", app: str = "tests", transports: Sequence[str] = ("websocket",)
    ) -> Peer:
        """A peer whose connection is open and which has not authenticated."""
        peer = await self.stranger(gateway, name, app, transports)
        await peer.connect()
        return peer

    async def stranger(
        self, gateway: int = 0, name: str = "", app: str = "tests", transports: Sequence[str] = ("websocket",)
    ) -> Peer:
        """A peer that has not connected yet."""
        url = self.system.gateways[gateway].url
        peer = Peer(name or next(self._names), url, await self.system.app_token(app), transports)
        self._peers.append(peer)
        return peer

    async def peer(self, gateway: int = 0, name: str = "", app: str = "tests", **auth_fields: Any) -> Peer:
        """A peer that may do everything."""
        if auth_fields.get("version", 1) > 1:
            await self.system.agreed()
        peer = await self.connected(gateway, name, app)
        await peer.authenticate(**auth_fields)
        return peer

    async def user(
        self, identity: str, grant: str = "knock", gateway: int = 0, version: int = 2, **fields: Any
    ) -> Peer:
        """A peer whose backend vouches for it. ``fields`` that are none of a user token's go into ``auth-request``."""
        claims = {name: fields.pop(name) for name in ("rooms", "single", "expires_in") if name in fields}
        await self.system.agreed()
        peer = Peer(next(self._names), self.system.gateways[gateway].url, "", ("websocket",))
        peer.app_token = await self.system.user_token(identity, **{"rooms": {"*": grant}, **claims})
        self._peers.append(peer)
        await peer.connect()
        await peer.authenticate(version=version, **fields)
        return peer

    async def peers(self, *gateways: int) -> list[Peer]:
        return list(await asyncio.gather(*(self.peer(gateway) for gateway in gateways)))

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))
