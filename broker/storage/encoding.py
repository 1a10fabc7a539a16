"""The state at one position of the log as bytes, made bit by bit while the state lives on.

What is about to change is encoded before it does (``broker/core/table.py``), so nothing has to stand still: at the
position itself only the keys are noted, and what is small is encoded.
"""

import asyncio
import itertools
import struct
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

import msgspec

from broker.core import life
from broker.core.state import Kept, Peer, State
from broker.core.table import Table
from broker.storage.image import VERSION, Image, digest

T = TypeVar("T")

SLICE = 200  # things encoded without a break, fewer if much waits for them: half a millisecond
HEAVY = 1024  # bytes that wait for a peer, or are kept of a room's life, and take as long as another one
BREAK = 0.001  # seconds between slices
IN_SLICES = {"peers", "rooms", "frames"}  # fields of an image
_pack = msgspec.msgpack.Encoder().encode


class Encoded(NamedTuple):
    """A snapshot as bytes, in pieces. It needs the log from position ``needed`` on."""

    pieces: list[bytes]
    needed: int

    @property
    def whole(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)


async def encode(log_id: str, state: State) -> Encoded:
    """The state as it is now. It may change meanwhile."""
    with Encoding(log_id, state) as encoding:
        for _ in encoding.steps():
            await asyncio.sleep(BREAK)
        return encoding.result()


class Encoding:
    """A snapshot in the making, from entering the context on."""

    def __init__(self, log_id: str, state: State) -> None:
        self._state = state
        self._frames = _Frames(state.position + 1)
        self._image = Image(
            VERSION, log_id, state.position, state.now, state.term, state.gateways, state.absent, state.apps,
            [], [], state.told_apart, level=state.level, limits=state.limits, revoked_users=state.revoked_users,
            number=state.number,
            noticed=state.noticed,
        )  # fmt: skip

    def __enter__(self) -> "Encoding":
        fields = self._image.__struct_fields__
        self._fields = {name: [_pack(getattr(self._image, name))] for name in fields if name not in IN_SLICES}
        self._peers = _Part(self._state.peers, self._frames.name_in, _weight)
        self._rooms = _Part(self._state.rooms, lambda room: room, lambda room: 1 + life.size_of(room) // HEAVY)
        return self

    def __exit__(self, *_: object) -> None:
        self._peers.close()
        self._rooms.close()

    def steps(self) -> Iterator[None]:
        """Encode everything, and stop now and then on the way."""
        yield from self._peers.steps()
        yield from self._rooms.steps()

    def result(self) -> Encoded:
        """What has been encoded, when there are no more steps."""
        fields = {
            **self._fields,
            "peers": self._peers.pieces(),
            "rooms": self._rooms.pieces(),
            "frames": self._frames.pieces(),
        }
        pieces = (fields[name] for name in self._image.__struct_fields__)
        return Encoded([_array(len(fields)), *itertools.chain.from_iterable(pieces)], self._frames.needed)


class _Part(Generic[T]):
    """The things of one table as they were when this was made, as lists of bytes."""

    def __init__(self, table: Table[T], form: Callable[[T], T], weigh: Callable[[T], int]) -> None:
        self._table = table
        self._form = form
        self._weigh = weigh
        self._keys = list(table)
        self._early: dict[str, bytes] = {}  # what was encoded before its turn, and some that has no turn any more
        self._slices: list[bytes] = []
        table.watch(self._see)

    def close(self) -> None:
        """Encode nothing more."""
        self._table.unwatch()

    def steps(self) -> Iterator[None]:
        begin = weight = 0
        for end, key in enumerate(self._keys):
            if weight >= SLICE:
                self._slices.append(self._slice(self._keys[begin:end]))
                begin, weight = end, 0
                yield
            weight += 1 if key in self._early else self._weigh(self._table.peek(key))
        self._slices.append(self._slice(self._keys[begin:]))

    def pieces(self) -> list[bytes]:
        return [_array(len(self._slices)), *self._slices]

    def _slice(self, keys: list[str]) -> bytes:
        if self._early.keys().isdisjoint(keys):
            return _pack([self._form(self._table.peek(key)) for key in keys])
        return b"".join((_array(len(keys)), *map(self._encoded, keys)))

    def _encoded(self, key: str) -> bytes:
        return self._early.pop(key, None) or _pack(self._form(self._table.peek(key)))

    def _see(self, key: str, thing: T) -> None:
        """It may be changed now."""
        if key not in self._early:
            self._early[key] = _pack(self._form(thing))


class _Frames:
    """The frames of one snapshot, each of which is looked at once, however many wait for it.

    ``needed`` is the oldest position of the log that holds words which somebody waits for.
    """

    def __init__(self, needed: int) -> None:
        self._packed: dict[bytes, bytes] = {}  # by digest
        self.needed = needed
        self._digests: dict[bytes, bytes] = {}

    def name_in(self, peer: Peer) -> Peer:
        """The peer, with what waits for it named instead of repeated."""
        if not peer.kept and not peer.past and not peer.resent:
            return peer
        kept = {key: self._named(one) for key, one in peer.kept.items()}
        past, resent = ([self._named(one) for one in frames] for frames in (peer.past, peer.resent))
        return msgspec.structs.replace(peer, kept=kept, past=past, resent=tuple(resent))

    def pieces(self) -> list[bytes]:
        return [b"\xdf" + struct.pack(">I", len(self._packed)), *self._packed.values()]

    def _named(self, kept: Kept) -> Kept:
        named = self._digests.get(kept.frame)
        if named is None:
            named = self._digests[kept.frame] = digest(kept.frame)
        if kept.relayed:
            self.needed = min(self.needed, kept.position)
        elif named not in self._packed:
            self._packed[named] = _pack(named) + _pack(kept.frame)
        return msgspec.structs.replace(kept, frame=b"", digest=named)


def _weight(peer: Peer) -> int:
    if not peer.kept and not peer.past and not peer.resent:
        return 1
    return 1 + (peer.kept_bytes + sum(len(kept.frame) for kept in (*peer.past, *peer.resent))) // HEAVY


def _array(length: int) -> bytes:
    """How MessagePack begins a list."""
    return b"\xdd" + struct.pack(">I", length)
