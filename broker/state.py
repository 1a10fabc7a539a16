"""What the room authority knows: peers, rooms, gateways. Plain data, changed by the rules alone."""

import msgspec

from shared.events import COUNTED, EVENTS

COUNTED_FRAMES = tuple(b'42["%s"' % name.encode() for name in COUNTED)
RELAY_FRAMES = tuple(b'42["%s"' % event.RELAYED_AS.encode() for event in EVENTS.values() if event.RELAYED_AS)


class Kept(msgspec.Struct):
    """A frame that waits for an absent peer, and the log position it came from.

    In a snapshot a relay's frame is empty, and ``digest`` tells which entry at that position has it.
    """

    frame: bytes
    position: int
    digest: bytes = b""

    @property
    def relayed(self) -> bool:
        """Whether the frame is a roommate's own words."""
        return self.frame.startswith(RELAY_FRAMES)

    @property
    def counted(self) -> bool:
        """Whether clients count it."""
        return self.frame.startswith(COUNTED_FRAMES)


class Peer(msgspec.Struct):
    """Someone who authenticated. ``peer_id`` stays the same over all its sockets.

    ``conn`` is its socket, on ``gateway``; both are empty while the peer is absent, and ``kept`` then holds the frames
    that wait for it, ``kept_bytes`` long, and ``past`` some that it most likely had before. ``told`` counts the counted
    events for it. ``turn`` counts its sockets. ``starts`` has the turns whose tokens may be its newest, for all that is
    known, oldest first: how many events it had been told when each began; ``locks`` has what fits the keys in them.
    Rooms are named by their keys.
    """

    peer_id: str
    app: str
    conn: str
    gateway: str
    peerinfo: bytes
    resumable: bool
    turn: int = 1
    rooms: dict[str, None] = {}
    asked: dict[str, None] = {}
    kept: list[Kept] = []
    kept_bytes: int = 0
    past: list[Kept] = []
    told: int = 0
    starts: dict[int, int] = msgspec.field(default_factory=lambda: {1: 0})
    locks: dict[int, bytes] = {}


class Pending(msgspec.Struct):
    """A join request that waits for the owner. ``acks`` are the acknowledgements to answer, each with its socket."""

    payload: bytes
    acks: list[tuple[str, int]]


class Room(msgspec.Struct):
    """A room with at least one member. ``members`` are in the order in which they came in."""

    name: str
    key: str
    owner: str
    created: float
    members: dict[str, None]
    pending: dict[str, Pending] = {}


class Gateway(msgspec.Struct):
    """A gateway that is up: the numbers of its newest batch and of the newest parcel for it."""

    name: str
    batch: int = 0
    parcel: int = 0


class App(msgspec.Struct):
    """An app that tokens were issued for, the last time at ``issued``. Tokens issued at ``revoked`` or before are void.

    Both are in seconds since the epoch.
    """

    issued: int = 0
    revoked: int = 0


class State(msgspec.Struct):
    """All of it. ``absent`` maps peers to the time, in seconds since the epoch, at which they lose their place.

    All absences last equally long, so the first of ``absent`` is always the next one due. ``told_apart`` says that
    brokers write under a subject of their own by now (``broker/belief.py``).
    """

    position: int = 0
    now: float = 0.0
    term: int = 0
    peers: dict[str, Peer] = {}
    conns: dict[str, str] = {}
    rooms: dict[str, Room] = {}
    gateways: dict[str, Gateway] = {}
    absent: dict[str, float] = {}
    apps: dict[str, App] = {}
    told_apart: bool = False
