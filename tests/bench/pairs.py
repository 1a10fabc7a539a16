"""Couples that are in their room."""

from tests.bench import room
from tests.bench.crowd import Couple, Crowd


async def couple(crowd: Crowd, number: int) -> Couple:
    """Two peers on neighbouring gateways, who can relay to each other."""
    owner, guest = await crowd.arrive(number), await crowd.arrive(number + 1)
    made = Couple(owner, guest)
    await room.create(owner, made.room)
    await room.join(owner, guest, made.room)
    return made
