"""What the room authority knows: peers, rooms, gateways. Plain data, changed by the rules alone.

What a peer can be:

| state   | conn | absent | slow | becomes                                                                   |
|---------|------|--------|------|---------------------------------------------------------------------------|
| present | yes  |        | no   | slow, absent (socket lost, resumable), gone (socket lost, or said goodbye) |
| slow    | yes  |        | yes  | present (has read enough), absent, gone                                    |
| absent  | no   | yes    | no   | present (resumes), gone (its time is over)                                 |
| gone    |      |        |      | nothing any more: it is in no room, and no request of it waits             |

What becomes of a request to join: *pending* until a host accepts or rejects it, the candidate withdraws it or is
gone, or the room is closed. A room exists from its creation until its last member leaves it, or an operator closes
it. It always has one owner, who is a member. Owner and moderators are its hosts.
"""

from typing import Literal

import msgspec

from broker.core.limits import Limits
from broker.core.numbers import Numbers
from broker.core.table import Table
from shared.contract.told import STATE_BIT, WORDS_BIT
from shared.envelopes.levels import FIRST
from shared.envelopes.policy import DEFAULT, Policy
from shared.envelopes.users import User

UNSAID = -1
Role = Literal["member", "moderator"]


class Kept(msgspec.Struct):
    """A frame that waits for a peer, or that may have to be sent to it again, and the log position it came from.

    In a snapshot the frame is empty, and ``digest`` tells which one it is: a relay's is in the log at that position,
    others are in the snapshot once. ``count`` numbers the counted events of a peer in the order in which they were
    first sent; it is 0 for what was not sent yet, or is not counted. ``parcel`` is the parcel that it was sent with.
    ``sender`` is the peer whose words these are. ``about`` names what it tells the state of, for frames that a newer
    one makes worthless. ``kind`` is that of the event; earlier brokers did not say it in their snapshots.
    """

    frame: bytes
    position: int
    digest: bytes = b""
    count: int = 0
    parcel: int = 0
    sender: str = ""
    about: str = ""
    kind: int = UNSAID

    @property
    def relayed(self) -> bool:
        """Whether the frame is a roommate's own words."""
        return bool(self.kind & WORDS_BIT)

    @property
    def state(self) -> bool:
        """Whether it only tells what one who comes back finds in its rooms."""
        return bool(self.kind & STATE_BIT)

    @property
    def is_blank(self) -> bool:
        """Whether only its number is remembered."""
        return self.state and not self.frame and not self.digest


def blank(kept: Kept) -> Kept:
    """The number of an event that is not sent again."""
    return Kept(b"", kept.position, count=kept.count, parcel=kept.parcel, kind=kept.kind)


class Peer(msgspec.Struct):
    """Someone who authenticated. Rooms are named by their keys, times are in seconds since the epoch.

    peer_id     the same over all its sockets
    conn        its socket; empty while it is absent
    gateway     where that socket is; empty while it is absent
    generation  counts its sockets
    rooms       those it is a member of; ``asked``: those it waits for
    kept        what waits for it while it is absent or slow, in the order of the keys; ``kept_bytes``: its length
    past        some of what it most likely received before it became absent
    resent      what it was sent when it came back to its socket, at ``resent_at``: it may miss that again
    told        how many counted events were sent to it
    starts      the generations it may be in, oldest first, with what ``told`` was when each began (arrivals.py)
    gaps        numbers of counted events that are not sent again, each with the generation from which on it is missing
    locks       what the keys in those generations' session tokens open
    slow        its socket has enough to read for now, since ``slow_at``
    merging     what waits has become so much that a newer frame replaces an older one about the same thing
    shed        frames that only tell the state of its rooms are not kept any more: it finds that when it is back
    spent       bytes it has caused to be told, at ``spent_at``, less what it had earned back by then
    viewed      the rooms it asked to see again, and when
    version     the version of the contract that it asked for
    user        who it is and what it may do, unless it is anonymous
    due         when something is due because its user token ends, in seconds since the epoch; 0: nothing is
    taken       takeovers of its open socket, at ``taken_at``, less those that time had forgiven by then
    numbers     those under which its events took effect, if it gives them any
    """

    peer_id: str
    app: str
    conn: str
    gateway: str
    peerinfo: bytes
    resumable: bool
    generation: int = msgspec.field(default=1, name="turn")  # as snapshots have always called it
    rooms: dict[str, None] = {}
    asked: dict[str, None] = {}
    kept: dict[int, Kept] = {}
    kept_bytes: int = 0
    past: list[Kept] = []
    told: int = 0
    starts: dict[int, int] = msgspec.field(default_factory=lambda: {1: 0})
    slow: bool = False
    slow_at: float = 0.0
    merging: bool = False
    shed: bool = False
    spent: float = 0.0
    spent_at: float = 0.0
    viewed: dict[str, float] | None = None
    locks: dict[int, bytes] = {}
    gaps: dict[int, int] = {}
    taken: float = 0.0
    taken_at: float = 0.0
    version: int = 1
    user: User | None = None
    due: float = 0.0
    numbers: Numbers | None = None
    resent: tuple[Kept, ...] = ()
    resent_at: float = 0.0


class Pending(msgspec.Struct):
    """A join request that waits for the owner. ``acks`` are the acknowledgements to answer, each with its socket.

    From ``reminder`` on, in seconds since the epoch, the owner may be told of it once more. ``numbers`` are those under
    which it was asked.
    """

    payload: bytes
    acks: list[tuple[str, int]]
    reminder: float = 0.0
    numbers: list[int] = []


class Member(msgspec.Struct, frozen=True):
    """A peer's part in a room: when it came in, in seconds since the epoch, and its role there.

    Whether it is the owner is not said here: the room names its owner. What was said before it came in has numbers up
    to ``since``.
    """

    joined: float
    role: Role = "member"
    since: int = 0


class Ban(msgspec.Struct, frozen=True):
    """One who may not come in ``until`` then, in seconds since the epoch; None: as long as the room exists.

    ``by_owner`` says that only the owner may lift it. It is of an identity (``user_id``, ``name``), or of an anonymous
    peer (``peer_id``).
    """

    until: float | None
    by_owner: bool
    user_id: str = ""
    name: str = ""
    peer_id: str = ""


class Debt(msgspec.Struct, array_like=True, frozen=True):
    """Bytes that somebody has caused to be told, less what was earned back by then (in seconds since the epoch)."""

    owed: float = 0.0
    at: float = 0.0


class Message(msgspec.Struct, array_like=True, frozen=True):
    """A message to all in a room, as JSON, with its number."""

    id: int
    shown: bytes


class Datum(msgspec.Struct, array_like=True, frozen=True):
    """A value, as JSON, in a room's data: who set it, and which version it is."""

    value: bytes
    version: int
    by: str


class Life(msgspec.Struct):
    """What goes on in a room beside who is in it. A room in which nothing has happened yet has none.

    data     what its members share, by key (``rules/data.py``)
    history  the newest messages to all, the oldest first (``life.py``)
    spent    what all have caused to be told there lately (``allowance.py``); ``shares``: the same by peer
    """

    data: dict[str, Datum] = {}
    history: list[Message] = []
    spent: Debt = Debt()
    shares: dict[str, Debt] = {}


class Room(msgspec.Struct):
    """A room with at least one member. ``members`` are in the order in which they came in.

    ``bans`` are by ``bans.key_of``.
    """

    name: str
    key: str
    owner: str
    created: float
    members: dict[str, Member]
    pending: dict[str, Pending] = {}
    policy: Policy = DEFAULT
    bans: dict[str, Ban] = {}
    life: Life | None = None


class Gateway(msgspec.Struct):
    """A gateway that is up: the numbers of its newest batch and of the newest parcel for it.

    ``have`` is the newest parcel that it says it has handled. ``sealed`` are the bytes of all that it was ever sent,
    ``handled`` those up to ``have``. It knows the levels up to ``level``.
    """

    name: str
    batch: int = 0
    parcel: int = 0
    have: int = 0
    sealed: int = 0
    handled: int = 0
    level: int = FIRST

    @property
    def behind(self) -> int:
        """Bytes that are on the way to it."""
        return self.sealed - self.handled


class KnownApp(msgspec.Struct):
    """An app that tokens were issued for, the last time at ``issued``. Tokens issued at ``revoked`` or before are void.

    Both are in seconds since the epoch.
    """

    issued: int = 0
    revoked: int = 0


class RevokedUser(msgspec.Struct, frozen=True):
    """Tokens of an identity issued until then are void. Both times are in seconds since the epoch.

    From ``forget`` on there are no such tokens any more that have not ended by themselves.
    """

    app: str
    id: str
    until: int
    forget: float


class State(msgspec.Struct):
    """All of it. ``absent`` maps peers to the time, in seconds since the epoch, at which they lose their place.

    They are in the order of these times, so the first of them is always the next one due. ``told_apart`` says that
    brokers write under a subject of their own by now (``broker/core/belief.py``). ``level`` and ``limits`` are the
    log's (``levels.py``). ``revoked_users`` are by ``users.key_of``. ``users`` and ``ends`` follow from the peers
    (``broker/core/users.py``): the peers of each identity, and in order of time when something is due because a peer's
    user token ends. ``number`` is the newest that something said in a room has got, and ``lively`` are the bytes that
    are kept of the lives of all rooms, which follows from these (``broker/core/life.py``).
    ``noticed`` is the place of the newest notice: its position, and which of that position's it is.
    """

    position: int = 0
    now: float = 0.0
    term: int = 0
    peers: Table[Peer] = msgspec.field(default_factory=Table)
    conns: dict[str, str] = {}
    rooms: Table[Room] = msgspec.field(default_factory=Table)
    gateways: dict[str, Gateway] = {}
    absent: dict[str, float] = {}
    apps: dict[str, KnownApp] = {}
    told_apart: bool = False
    level: int = FIRST
    limits: Limits | None = None
    revoked_users: dict[str, RevokedUser] = {}
    noticed: tuple[int, int] = (0, 0)
    users: dict[str, list[str]] = {}
    ends: list[tuple[float, str]] = []
    number: int = 0
    lively: int = 0
