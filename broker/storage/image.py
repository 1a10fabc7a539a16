"""A snapshot as it is stored: the state at a log position, and what it is called.

Words that wait for an absent peer are not in it: it names the log message that holds them. Other frames, which may wait
for many, are in it once.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from broker.core import levels, life, users
from broker.core.levels import NewerLog
from broker.core.limits import Limits
from broker.core.machine import Core
from broker.core.state import UNSAID, Gateway, Kept, KnownApp, Peer, RevokedUser, State
from broker.core.table import Table
from broker.storage.older import OLDEST, decode_peers, decode_rooms, kind_of
from shared.envelopes.levels import FIRST

VERSION = 4
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
    level: int = FIRST
    limits: Limits | None = None
    revoked_users: dict[str, RevokedUser] = {}
    number: int = 0
    noticed: tuple[int, int] = (0, 0)


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
        """The name for the state as it is, but for what its peers need of the log."""
        state = core.state
        unconfirmed = core.out.oldest_unconfirmed() or state.position + 1
        return cls(state.position, int(state.now * 1000), state.position + 1, unconfirmed)

    @classmethod
    def parse(cls, text: str) -> "Name":
        """Reverse of ``str``; older names do not tell what is unconfirmed."""
        position, now, needed, *rest = (int(part) for part in text.removeprefix(PREFIX).split("-"))
        return cls(position, now, needed, rest[0] if rest else position + 1)

    def __str__(self) -> str:
        return f"{PREFIX}{self.position:020d}-{self.now}-{self.needed}-{self.unconfirmed}"


def decode(log_id: str, data: bytes) -> State:
    """The state that was encoded (``encoding.py``), without the words that wait. Raises BadSnapshot, and NewerLog."""
    try:
        version = msgspec.msgpack.decode(msgspec.msgpack.decode(data, type=list[msgspec.Raw])[0], type=int)
        if version > VERSION:
            raise NewerLog(f"a snapshot has format {version}, and this broker knows {OLDEST} to {VERSION}")
        if version < OLDEST:
            raise BadSnapshot(f"it has format {version}, this broker knows {OLDEST} to {VERSION}")
        image = msgspec.msgpack.decode(data, type=Image)
        peers = [peer for part in image.peers for peer in decode_peers(part, version)]
        rooms = [room for part in image.rooms for room in decode_rooms(part, version)]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, LookupError, TypeError) as error:
        raise BadSnapshot(f"it is damaged: {error}") from None
    if image.log_id != log_id:
        raise BadSnapshot("it belongs to another log")
    levels.check(image.level)
    for kept in waiting_frames(peers):
        if kept.digest in image.frames:
            kept.frame, kept.digest = image.frames[kept.digest], b""
        if kept.kind == UNSAID:
            kept.kind = kind_of(kept)
    state = State(
        position=image.position,
        now=image.now,
        term=image.term,
        peers=Table({peer.peer_id: peer for peer in peers}),
        conns={peer.conn: peer.peer_id for peer in peers if peer.conn},
        rooms=Table({room.key: room for room in rooms}),
        gateways=image.gateways,
        absent=image.absent,
        apps=image.apps,
        told_apart=image.told_apart,
        level=image.level,
        limits=image.limits,
        revoked_users=image.revoked_users,
        number=image.number,
        noticed=image.noticed,
    )
    users.gather(state)
    life.gather(state)
    return state


def waiting_frames(peers: Iterable[Peer]) -> Iterable[Kept]:
    """Every frame that waits for one of these peers, or that it may have to be sent again."""
    for peer in peers:
        yield from peer.kept.values()
        yield from peer.past
        yield from peer.resent


def digest(frame: bytes) -> bytes:
    """What stands for a frame in a snapshot."""
    return hashlib.sha256(frame).digest()[:16]
