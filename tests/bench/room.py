"""What members do in a room, each step awaited until it is done."""

from tests.bench.client import Client
from tests.bench.relay import description

OFFER = description("offer")


async def create(owner: Client, room: str) -> None:
    accepted = owner.expect(b"room-create-accept", room)
    owner.send(owner.event("room-create-request", room=room))
    await accepted


async def join(owner: Client, candidate: Client, room: str) -> None:
    """The candidate asks, the owner lets it in."""
    asked = owner.expect(b"room-join-request", room)
    accepted = candidate.expect(b"room-join-accept", room)
    candidate.send(candidate.event("room-join-request", room=room))
    await asked
    owner.send(owner.event("room-join-accept", room=room, peer_id=candidate.peer_id))
    await accepted


async def relay(sender: Client, roommate: Client, room: str) -> None:
    """One session description."""
    arrived = roommate.expect(b"session-description", room)
    send_description(sender, roommate, room)
    await arrived


def send_description(sender: Client, roommate: Client, room: str) -> None:
    """Without waiting for it to arrive."""
    sender.send(sender.event("relay-session-description", room=room, to=roommate.peer_id, session_description=OFFER))


async def leave(member: Client, room: str) -> None:
    left = member.expect(b"room-leave-accept", room)
    member.send(member.event("room-leave-request", room=room))
    await left
