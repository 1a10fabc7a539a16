"""Peers by the name of the gateway they use, and the rooms tests need them in."""

import asyncio
import itertools
import uuid
from collections.abc import Sequence
from typing import Any

from tests.system.harness import System
from tests.system.peer import Peer


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
        peer = await self.connected(gateway, name, app)
        await peer.authenticate(**auth_fields)
        return peer

    async def peers(self, *gateways: int) -> list[Peer]:
        return list(await asyncio.gather(*(self.peer(gateway) for gateway in gateways)))

    async def close(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))


def new_name() -> str:
    """The name of a room that no other test uses."""
    return f"room-{uuid.uuid4().hex[:12]}"


async def create(owner: Peer, room: str | None = None, payload: Any = None) -> str:
    """A room of that peer; returns its name."""
    room = room or new_name()
    await owner.send("room-create-request", {"room": room, "payload": payload})
    await owner.expect("room-create-accept", room=room)
    return room


async def request(owner: Peer, candidate: Peer, room: str) -> None:
    """Ask to be let in, and let the owner hear it."""
    await candidate.send("room-join-request", {"room": room})
    await owner.expect("room-join-request", room=room, peer_id=candidate.peer_id)


async def admit(owner: Peer, candidate: Peer, room: str) -> Any:
    """Let the candidate in; returns what it is told."""
    await request(owner, candidate, room)
    await owner.send("room-join-accept", {"room": room, "peer_id": candidate.peer_id, "to": candidate.peer_id})
    await owner.expect("room-user-join", room=room, peer_id=candidate.peer_id)
    return await candidate.expect("room-join-accept", room=room)


async def room_of(owner: Peer, *others: Peer) -> str:
    """A room with these members, all of whom have heard about each other."""
    room = await create(owner)
    for number, newcomer in enumerate(others):
        await admit(owner, newcomer, room)
        for member in others[:number]:
            await member.expect("room-user-join", room=room, peer_id=newcomer.peer_id)
    return room
