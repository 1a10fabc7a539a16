"""``python -m tests.bench size``: how far one room authority reaches: its memory and its pace with many peers.

The core alone, without IO, on one core: peers arrive on ten gateways and meet in rooms of four, then relay.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterable, Sequence

import msgspec

from broker.core.limits import Limits
from broker.core.machine import Core
from shared.contract.frames import relay_frame
from shared.envelopes.entries import Authenticated, Batch, Entry, GatewayUp, Said
from tests.bench.relay import description

GATEWAYS = 10
ROOM = 4  # peers
BATCH = 48  # peers that arrive in one message of the log
RELAYS = 50_000
PEERINFO = json.dumps({"name": "Somebody", "avatar": "https://www.example.org/avatars/4711.png"}).encode()


class Size(msgspec.Struct, frozen=True):
    """What so many peers take. Seconds are CPU time."""

    peers: int
    rooms: int
    bytes_each: float
    arrival_micros: float
    relay_micros: float

    def __str__(self) -> str:
        return (
            f"{self.peers:,} peers in {self.rooms:,} rooms: {self.bytes_each:,.0f} bytes each; "
            f"{self.arrival_micros:.1f} µs for one to arrive, enter and be told of all others; "
            f"{self.relay_micros:.2f} µs a relay"
        )


class Crowd:
    """Peers of one core."""

    def __init__(self) -> None:
        self.core = Core(Limits())
        self._position = 0
        self._batches = [0] * GATEWAYS
        for gateway in range(GATEWAYS):
            self._say(gateway, [GatewayUp(f"gateway-{gateway}")])

    def fill(self, peers: int) -> None:
        """Let peers arrive and meet. All of a room are on one gateway, since it does not matter here."""
        for first in range(0, peers, BATCH):
            names = [f"peer-{number:018d}" for number in range(first, min(first + BATCH, peers))]
            self._say(first // BATCH % GATEWAYS, map(_arrival, names))
            for start in range(0, len(names), ROOM):
                owner, *guests = names[start : start + ROOM]
                asked = [Said("room-join-request", guest, None, owner, "", b"") for guest in guests]
                accepted = [Said("room-join-accept", owner, None, owner, guest, b"") for guest in guests]
                created = Said("room-create-request", owner, None, owner, "", b"")
                self._say(first // BATCH % GATEWAYS, [created, *asked, *accepted])

    def relay(self, times: int, peers: int) -> None:
        """Owners send session descriptions to their first guests."""
        said: dict[int, bytes] = {}
        for number in range(times):
            first = number * BATCH % peers // BATCH * BATCH
            owner, guest = f"peer-{first:018d}", f"peer-{first + 1:018d}"
            frame = said.get(first) or said.setdefault(first, _relayed(owner))
            self._say(first // BATCH % GATEWAYS, [Said("relay-session-description", owner, None, owner, guest, frame)])

    def _say(self, gateway: int, entries: Iterable[Entry]) -> None:
        self._position += 1
        self._batches[gateway] += 1
        name = f"g{gateway}"
        self.core.apply(self._position, self._position / 1000, Batch(name, self._batches[gateway], list(entries)))


def _arrival(name: str) -> Authenticated:
    return Authenticated(name, None, "bench", PEERINFO, True, "", 0, b"", None)


def _relayed(owner: str) -> bytes:
    return relay_frame("relay-session-description", owner, owner, json.dumps(description("offer")).encode(), b"", b"")


def measure(peers: int) -> Size:
    """Fill a core, and let it work."""
    crowd, before, began = Crowd(), memory_peak(), time.process_time()
    crowd.fill(peers)
    filled, memory = time.process_time(), memory_peak()
    crowd.relay(RELAYS, peers)
    relayed = time.process_time()
    return Size(
        peers=len(crowd.core.state.peers),
        rooms=len(crowd.core.state.rooms),
        bytes_each=(memory - before) / peers,
        arrival_micros=(filled - began) / peers * 1e6,
        relay_micros=(relayed - filled) / RELAYS * 1e6,
    )


def memory_peak() -> int:
    """The most that this process has had, in bytes; it only grows here."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench size", description=__doc__)
    parser.add_argument("peers", type=int, nargs="?", default=200_000)
    print(measure(parser.parse_args(arguments).peers))
    return 0
