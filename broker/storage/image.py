"""A snapshot as bytes: the state at a log position, and what it is called.

Words that wait for an absent peer are not in it: it names the log message that holds them. Other frames, which may wait
for many, are in it once.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import msgspec

from broker.core import users
from broker.core.machine import Core
from broker.core.state import UNSAID, Gateway, Kept, KnownApp, Peer, RevokedUser, State
from broker.storage.older import OLDEST, decode_peers, decode_rooms, kind_of

T = TypeVar("T")

VERSION = 4
SLICE = 1000  # peers or rooms encoded without a break; some milliseconds
PREFIX = "state-"


class BadSnapshot(ValueError):
    """A snapshot is damaged, of another version, or does not belong to this log."""


class Image(msgspec.Struct, array_like=True):
    """A snapshot. Peers and rooms are encoded in slices; ``frames`` has what waits, by digest."""

    version: int
    log_id: str
    position: int
    now: float
    term: int
    gateways: dict[str, Gateway]
    absent: dict[str, float]
    apps: dict[str, KnownApp]
    peers: list[msgspec.Raw]
    rooms: list[msgspec.Raw]
    told_apart: bool = False
    frames: dict[bytes, bytes] = {}
    revoked_users: dict[str, RevokedUser] = {}


class Name(NamedTuple):
    """What a snapshot is called; names sort by position.

    ``now`` is the log's time, in milliseconds. The snapshot needs the log from position ``needed`` on; from
    ``unconfirmed`` on a gateway may still have to be told again what followed.
    """

    position: int
    now: int
    needed: int
    unconfirmed: int

    @classmethod
    def of(cls, core: Core) -> "Name":
        """The name for the state as it is."""
        state = core.state
        unconfirmed = core.out.oldest_unconfirmed() or state.position + 1
        return cls(state.position, int(state.now * 1000), oldest_needed(core), unconfirmed)

    @classmethod
    def parse(cls, text: str) -> "Name":
        """Reverse of ``str``; older names do not tell what is unconfirmed."""
        position, now, needed, *rest = (int(part) for part in text.removeprefix(PREFIX).split("-"))
        return cls(position, now, needed, rest[0] if rest else position + 1)

    def __str__(self) -> str:
        return f"{PREFIX}{self.position:020d}-{self.now}-{self.needed}-{self.unconfirmed}"


async def encode(log_id: str, state: State) -> bytes:
    """The state as bytes. Gives way to other tasks now and then; the caller sees to it that nothing changes."""
    frames = _Frames()
    image = Image(
        VERSION, log_id, state.position, state.now, state.term, state.gateways, state.absent, state.apps,
        await _encode_slices(list(state.peers.values()), frames.name_in),
        await _encode_slices(list(state.rooms.values()), lambda room: room),
        state.told_apart,
        frames.by_digest,
        state.revoked_users,
    )  # fmt: skip
    return msgspec.msgpack.encode(image)


def decode(log_id: str, data: bytes) -> State:
    """The state that ``encode`` was given, without the words that wait. Raises BadSnapshot."""
    try:
        version = msgspec.msgpack.decode(msgspec.msgpack.decode(data, type=list[msgspec.Raw])[0], type=int)
        if not OLDEST <= version <= VERSION:
            raise BadSnapshot(f"it is of version {version}, this broker knows {OLDEST} to {VERSION}")
        image = msgspec.msgpack.decode(data, type=Image)
        peers = [peer for part in image.peers for peer in decode_peers(part, version)]
        rooms = [room for part in image.rooms for room in decode_rooms(part, version)]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, LookupError, TypeError) as error:
        raise BadSnapshot(f"it is damaged: {error}") from None
    if image.log_id != log_id:
        raise BadSnapshot("it belongs to another log")
    for kept in waiting_frames(peers):
        if kept.digest in image.frames:
            kept.frame, kept.digest = image.frames[kept.digest], b""
        if kept.kind == UNSAID:
            kept.kind = kind_of(kept)
    state = State(
        position=image.position,
        now=image.now,
        term=image.term,
        peers={peer.peer_id: peer for peer in peers},
        conns={peer.conn: peer.peer_id for peer in peers if peer.conn},
        rooms={room.key: room for room in rooms},
        gateways=image.gateways,
        absent=image.absent,
        apps=image.apps,
        told_apart=image.told_apart,
        revoked_users=image.revoked_users,
    )
    users.gather(state)
    return state


def waiting_frames(peers: Iterable[Peer]) -> Iterable[Kept]:
    """Every frame that waits for one of these peers, or that it may have to be sent again."""
    for peer in peers:
        yield from peer.kept.values()
        yield from peer.past


def oldest_needed(core: Core) -> int:
    """The oldest position of the log that holds words which a peer still waits for, or may wait for again."""
    state = core.state
    waiting = (kept.position for kept in waiting_frames(state.peers.values()) if kept.relayed)
    return min(*waiting, core.out.oldest_resent() or state.position + 1, state.position + 1)


def digest(frame: bytes) -> bytes:
    """What stands for a frame in a snapshot."""
    return hashlib.sha256(frame).digest()[:16]


class _Frames:
    """The frames of one snapshot, each of which is looked at once, however many wait for it."""

    def __init__(self) -> None:
        self.by_digest: dict[bytes, bytes] = {}
        self._digests: dict[int, bytes] = {}  # by identity: nothing changes while a snapshot is taken

    def name_in(self, peer: Peer) -> Peer:
        """The peer, with what waits for it named instead of repeated."""
        if not peer.kept and not peer.past:
            return peer
        kept = {key: self._named(one) for key, one in peer.kept.items()}
        return msgspec.structs.replace(peer, kept=kept, past=[self._named(one) for one in peer.past])

    def _named(self, kept: Kept) -> Kept:
        named = self._digests.get(id(kept.frame))
        if named is None:
            named = self._digests[id(kept.frame)] = digest(kept.frame)
            if not kept.relayed:
                self.by_digest[named] = kept.frame
        return msgspec.structs.replace(kept, frame=b"", digest=named)


async def _encode_slices(things: list[T], form: Callable[[T], T]) -> list[msgspec.Raw]:
    slices = []
    for start in range(0, len(things), SLICE):
        slices.append(msgspec.Raw(msgspec.msgpack.encode([form(thing) for thing in things[start : start + SLICE]])))
        await asyncio.sleep(0)
    return slices
