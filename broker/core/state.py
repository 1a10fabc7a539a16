"""What the room authority knows: peers, rooms, gateways. Plain data, changed by the rules alone."""

import msgspec

from shared.contract.events import COUNTED, EVENTS

COUNTED_FRAMES = tuple(b'42["%s"' % name.encode() for name in COUNTED)
RELAY_FRAMES = tuple(b'42["%s"' % event.RELAYED_AS.encode() for event in EVENTS.values() if event.RELAYED_AS)


class Kept(msgspec.Struct):
    """A frame that waits for a peer, or that may have to be sent to it again, and the log position it came from.

    In a snapshot the frame is empty, and ``digest`` tells which one it is: a relay's is in the log at that position,
    others are in the snapshot once. ``count`` numbers the counted events of a peer in the order in which they were
    first sent; it is 0 for what was not sent yet, or is not counted. ``parcel`` is the parcel that it was sent with.
    ``sender`` is the peer whose words these are. ``about`` names what it tells the state of, for frames that a newer
    one makes worthless.
    """

    frame: bytes
    position: int
    digest: bytes = b""
    count: int = 0
    parcel: int = 0
    sender: str = ""
    about: str = ""

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

    ``conn`` is its socket, on ``gateway``; both are empty while the peer is absent. ``slow`` says that its socket has
    enough to read for now. In both cases ``kept`` holds the frames that wait for it, ``kept_bytes`` long; the keys put
    them in order. ``merging`` says that so many wait that a newer one replaces an older one of the same thing,
    ``shed`` that frames which only tell the state of its rooms are not kept any more: it finds that when it is back.
    ``past`` has some that an absent peer most likely had before.

    ``told`` counts the counted events that were sent to it. ``turn`` counts its sockets. ``starts`` has the turns whose
    tokens may be its newest, for all that is known, oldest first: how many events it had been told when each began.
    ``locks`` has what fits the keys in them. Rooms are named by their keys.

    ``taken`` counts how often its place was taken over while its socket was open, less what time has forgiven until
    ``taken_at``.

    ``spent`` is how many bytes it has caused to be told, at ``spent_at``, less what it has earned since. ``viewed`` has
    the rooms that it asked to see again, with the time.
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
    kept: dict[int, Kept] = {}
    kept_bytes: int = 0
    past: list[Kept] = []
    told: int = 0
    starts: dict[int, int] = msgspec.field(default_factory=lambda: {1: 0})
    slow: bool = False
    merging: bool = False
    shed: bool = False
    spent: float = 0.0
    spent_at: float = 0.0
    viewed: dict[str, float] | None = None
    locks: dict[int, bytes] = {}
    taken: float = 0.0
    taken_at: float = 0.0


class Pending(msgspec.Struct):
    """A join request that waits for the owner. ``acks`` are the acknowledgements to answer, each with its socket.

    From ``reminder`` on, in seconds since the epoch, the owner may be told of it once more.
    """

    payload: bytes
    acks: list[tuple[str, int]]
    reminder: float = 0.0


class Room(msgspec.Struct):
    """A room with at least one member. ``members`` are in the order in which they came in."""

    name: str
    key: str
    owner: str
    created: float
    members: dict[str, None]
    pending: dict[str, Pending] = {}


class Gateway(msgspec.Struct):
    """A gateway that is up: the numbers of its newest batch and of the newest parcel for it.

    ``have`` is the newest parcel that it says it has handled. ``sealed`` are the bytes of all that it was ever sent,
    ``handled`` those up to ``have``.
    """

    name: str
    batch: int = 0
    parcel: int = 0
    have: int = 0
    sealed: int = 0
    handled: int = 0

    @property
    def behind(self) -> int:
        """Bytes that are on the way to it."""
        return self.sealed - self.handled


class App(msgspec.Struct):
    """An app that tokens were issued for, the last time at ``issued``. Tokens issued at ``revoked`` or before are void.

    Both are in seconds since the epoch.
    """

    issued: int = 0
    revoked: int = 0


class State(msgspec.Struct):
    """All of it. ``absent`` maps peers to the time, in seconds since the epoch, at which they lose their place.

    All absences last equally long, so the first of ``absent`` is always the next one due. ``told_apart`` says that
    brokers write under a subject of their own by now (``broker/core/belief.py``).
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
