"""The rooms that tests need their peers in."""

import uuid
from typing import Any

from tests.system.rig.client import Client


def new_name() -> str:
    """The name of a room that no other test uses."""
    return f"room-{uuid.uuid4().hex[:12]}"


async def create(owner: Client, room: str | None = None, payload: Any = None) -> str:
    """A room of that peer; returns its name."""
    room = room or new_name()
    await owner.send("room-create-request", {"room": room, "payload": payload})
    await owner.expect("room-create-accept", room=room)
    return room


async def request(owner: Client, candidate: Client, room: str) -> None:
    """Ask to be let in, and let the owner hear it."""
    await candidate.send("room-join-request", {"room": room})
    await owner.expect("room-join-request", room=room, peer_id=candidate.peer_id)


async def admit(owner: Client, candidate: Client, room: str) -> Any:
    """Let the candidate in; returns what it is told."""
    await request(owner, candidate, room)
    await owner.send("room-join-accept", {"room": room, "peer_id": candidate.peer_id, "to": candidate.peer_id})
    await owner.expect("room-user-join", room=room, peer_id=candidate.peer_id)
    return await candidate.expect("room-join-accept", room=room)


async def room_of(owner: Client, *others: Client) -> str:
    """A room with these members, all of whom have heard about each other."""
    room = await create(owner)
    for number, newcomer in enumerate(others):
        await admit(owner, newcomer, room)
        for member in others[:number]:
            await member.expect("room-user-join", room=room, peer_id=newcomer.peer_id)
    return room
