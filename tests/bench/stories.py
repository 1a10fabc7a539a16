"""What happens in a signaling system all day: peers come, meet in a room, talk, and go in different ways.

In each story a resident, who stays for good, meets a visitor, who comes to the gateway with that number. Their room is
gone at the end, or when an absent peer's place has expired.
"""

import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from tests.bench import room
from tests.bench.client import Client
from tests.bench.crowd import Crowd

ROUND_TRIPS = 5  # each time that two talk

Story = Callable[[Crowd, Client, int], Coroutine[Any, Any, None]]


async def visit(crowd: Crowd, resident: Client, gateway: int) -> None:
    """The visitor leaves the room, then the server."""
    visitor = await crowd.arrive(gateway)
    name = await _receive(resident, visitor)
    await room.leave(visitor, name)
    await room.leave(resident, name)
    visitor.leave()
    await crowd.see_off(visitor)


async def closed_tab(crowd: Crowd, resident: Client, gateway: int) -> None:
    """The visitor's own room: when it closes its tab, the resident owns the room."""
    visitor = await crowd.arrive(gateway)
    name = await _receive(visitor, resident)
    told = resident.expect(b"room-owner", name)
    visitor.leave()
    await crowd.see_off(visitor)
    await told
    await room.leave(resident, name)


async def break_off(crowd: Crowd, resident: Client, gateway: int) -> None:
    """The visitor's connection breaks; something is kept for it, and it comes back on the next gateway."""
    visitor = await crowd.arrive(gateway, resumable=True)
    name = await _receive(resident, visitor)
    visitor.abort()
    await crowd.see_off(visitor)
    room.send_description(resident, visitor, name)
    back = await crowd.arrive(gateway + 1, resumable=True, resume=visitor.token)
    await _talk(resident, back, name)
    await room.leave(back, name)
    await room.leave(resident, name)
    back.leave()
    await crowd.see_off(back)


async def never_back(crowd: Crowd, resident: Client, gateway: int) -> None:
    """The visitor's connection breaks, and its place expires."""
    visitor = await crowd.arrive(gateway, resumable=True)
    name = await _receive(resident, visitor)
    visitor.abort()
    await crowd.see_off(visitor)
    await room.leave(resident, name)


ALL: tuple[Story, ...] = (visit, closed_tab, break_off, never_back)


async def _receive(owner: Client, candidate: Client) -> str:
    """Two meet in a new room, and talk; returns its name."""
    name = f"bench-{uuid.uuid4().hex}"
    await room.create(owner, name)
    await room.join(owner, candidate, name)
    await _talk(owner, candidate, name)
    return name


async def _talk(one: Client, other: Client, name: str) -> None:
    for _ in range(ROUND_TRIPS):
        await room.relay(one, other, name)
        await room.relay(other, one, name)
