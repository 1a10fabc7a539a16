"""Very many peers who sit still, four in a room, on a gateway that consists of nothing else."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.envelopes import subjects
from shared.envelopes.deliveries import Beat, Parcel, pack_beat, unpack_message
from shared.envelopes.entries import Authenticated, Batch, Entry, GatewayUp, Said, pack_batch

IN_A_ROOM = 4
ROOMS_AT_ONCE = 25  # in one message of the log
BEAT_INTERVAL = 0.5  # seconds


class Multitude:
    """Writes into the log what a gateway would write, and confirms all that it is sent."""

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._js = nc.jetstream(timeout=30.0)
        self._id = f"g{uuid.uuid4().hex}"
        self._batches = 0
        self._have = 0

    async def come(self, peers: int) -> int:
        """Let so many in; returns the position of the log at which they are all there."""
        await self._nc.subscribe(subjects.deliveries(self._id), cb=self._on_delivery)
        position = await self._say([GatewayUp("multitude")])
        for start in range(0, peers, ROOMS_AT_ONCE * IN_A_ROOM):
            position = await self._say(list(entries_of(range(start, min(peers, start + ROOMS_AT_ONCE * IN_A_ROOM)))))
        return position

    async def stay(self) -> None:
        """Give signs of life until cancelled."""
        while True:
            await self._nc.publish(subjects.BEATS, pack_beat(Beat(self._id, self._have, gap=False)))
            await asyncio.sleep(BEAT_INTERVAL)

    async def _say(self, entries: list[Entry]) -> int:
        self._batches += 1
        data = pack_batch(Batch(self._id, self._batches, entries))
        return (await self._js.publish(subjects.gateway_events(self._id), data)).seq

    async def _on_delivery(self, message: Msg) -> None:
        delivered = unpack_message(message.data)
        if isinstance(delivered, Parcel):
            self._have = max(self._have, delivered.number)


@asynccontextmanager
async def multitude(nats_port: int, peers: int) -> AsyncIterator[int]:
    """So many peers, for as long as the context lasts. Gives the position of the log at which they are there."""
    nc = await nats.connect(f"nats://127.0.0.1:{nats_port}")
    crowd = Multitude(nc)
    staying = asyncio.create_task(crowd.stay())
    try:
        yield await crowd.come(peers)
    finally:
        staying.cancel()
        await nc.close()


def entries_of(numbers: range) -> Iterator[Entry]:
    """All that leads to peers with these numbers, in full rooms."""
    names = [f"peer-{number:027d}" for number in numbers]
    for name in names:
        info = msgspec.json.encode({"name": f"Nobody in particular, {name[-7:]}"})
        yield Authenticated(name, None, "bench", info, True, "", 0, b"", None, b"l" * 16)
    for start in range(0, len(names), IN_A_ROOM):
        owner, *others = names[start : start + IN_A_ROOM]
        room = f"multitude-{owner[-7:]}"
        yield Said("room-create-request", owner, None, room, "", b"")
        for other in others:
            yield Said("room-join-request", other, None, room, "", b"")
            yield Said("room-join-accept", owner, None, room, other, b"")
