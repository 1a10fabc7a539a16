"""``python -m tests.bench life``: what messages and data in rooms take of a room authority.

The core alone, without IO, on one core: the CPU for a message to a full room of 8 and of 64 whose members are on two
gateways, and what rooms take that have all the data and messages that they may have, in memory and in a snapshot.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterable, Sequence

import msgspec

from broker.core.limits import Limits
from broker.core.machine import Core
from broker.core.state import State
from broker.storage.encoding import encode
from shared.envelopes.deliveries import pack_message
from shared.envelopes.entries import Authenticated, Batch, Entry, GatewayUp, Said
from shared.envelopes.levels import LEVEL
from tests.bench.size import PEERINFO, memory_peak

GATEWAYS = ("gateway-0", "gateway-1")
SIZES = (8, 64)
MESSAGES = 5_000
BODY = {"text": "Could everybody please look at the second slide again? There is a mistake in the last line."}
OPEN = {"policy": {"admission": "open", "history": 50}}
ROOMS = 5_000  # of which each has all that it may have
MANY = 50_000


class Cost(msgspec.Struct, frozen=True):
    """Microseconds of CPU for a message to a room, by its size; bytes of a full room, in memory and in a snapshot."""

    micros: dict[int, float]
    memory: float
    snapshot: float
    bare_memory: float
    bare_snapshot: float
    snapshot_seconds: float

    def __str__(self) -> str:
        messages = (f"{micros:.0f} µs for a message to a room of {size}" for size, micros in self.micros.items())
        memory, snapshot = self.memory - self.bare_memory, self.snapshot - self.bare_snapshot
        return (
            f"{', '.join(messages)} (core, and encoding of its parcels)\n"
            f"a room with all the data and messages it may have: {memory / 1024:.0f} KiB more of memory, "
            f"{snapshot / 1024:.0f} KiB more of a snapshot; {MANY:,} of them: {memory * MANY / 2**30:.1f} GiB, "
            f"{snapshot * MANY / 2**30:.1f} GiB, {self.snapshot_seconds * MANY / ROOMS:.1f} s to encode"
        )


class Hall:
    """A core, and peers of version 2 that speak to it."""

    def __init__(self) -> None:
        limits = Limits(output_burst=10**15, peers_per_room=64, rooms_per_peer=10**9, life_bytes=2**50)
        self.core = Core(limits, State(level=LEVEL, limits=limits))
        self._position = 0
        self._batches = dict.fromkeys(GATEWAYS, 0)
        for gateway in GATEWAYS:
            self.say(gateway, [GatewayUp(gateway)])

    def arrive(self, names: Iterable[str]) -> None:
        for number, name in enumerate(names):
            shown = Authenticated(name, None, "bench", PEERINFO, True, "", 0, b"", None, version=2)
            self.say(GATEWAYS[number % 2], [shown])

    def say(self, gateway: str, entries: list[Entry]) -> None:
        """One message of the log; its parcels are encoded as for sending."""
        self._position += 1
        self._batches[gateway] += 1
        batch = Batch(gateway, self._batches[gateway], entries)
        for _, parcel in self.core.apply(self._position, self._position / 1000, batch).parcels:
            pack_message(parcel)


def said(event: str, who: str, room: str, **fields: object) -> Said:
    return Said(event, who, None, room, "", b"", json.dumps(fields).encode() if fields else b"")


def micros_of_a_message(size: int) -> float:
    """CPU for one of many, each in a message of the log of its own."""
    hall, names = Hall(), [f"peer-{number:018d}" for number in range(size)]
    hall.arrive(names)
    hall.say(GATEWAYS[0], [said("room-create-request", names[0], "hall", **OPEN)])
    for number, name in enumerate(names[1:], 1):
        hall.say(GATEWAYS[number % 2], [said("room-join-request", name, "hall")])
    assert len(hall.core.state.rooms["hall"].members) == size
    message = said("room-message-request", names[0], "hall", body=BODY)
    began = time.process_time()
    for _ in range(MESSAGES):
        hall.say(GATEWAYS[0], [message])
    return (time.process_time() - began) / MESSAGES * 1e6


def rooms(full: bool) -> tuple[float, float, float]:
    """Bytes of a room in memory and in a snapshot, and the seconds that encoding all of them takes."""
    hall, owner = Hall(), "peer-0"
    hall.arrive([owner])
    before = memory_peak()
    for number in range(ROOMS):
        name = f"room-{number:018d}"
        entries: list[Entry] = [said("room-create-request", owner, name, **OPEN)]
        if full:
            values = {f"key-{key:02d}": f"{number:06d}{key:03d}".ljust(246, "x") for key in range(64)}
            entries.append(said("room-data-request", owner, name, set=values))
            entries += [said("room-message-request", owner, name, body=f"{number}-{n}" * 20) for n in range(50)]
        hall.say(GATEWAYS[0], entries)
    memory, began = memory_peak(), time.process_time()
    encoded = asyncio.run(encode("bench", hall.core.state))
    seconds = time.process_time() - began
    return (memory - before) / ROOMS, sum(map(len, encoded.pieces)) / ROOMS, seconds


def measure() -> Cost:
    """The bare rooms first, since memory only grows."""
    micros = {size: micros_of_a_message(size) for size in SIZES}
    bare_memory, bare_snapshot, _ = rooms(full=False)
    memory, snapshot, seconds = rooms(full=True)
    return Cost(micros, memory, snapshot, bare_memory, bare_snapshot, seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    argparse.ArgumentParser(prog="python -m tests.bench life", description=__doc__).parse_args(arguments)
    print(measure())
    return 0
