"""What waits for a peer that is absent, or whose socket has enough to read for now.

It is bounded, and no peer loses its place by it. Words (descriptions, candidates) wait up to a limit for each sender;
beyond it the sender is refused. The limit is smaller while much waits for all peers together. Frames that tell the
state of a room cannot be refused to anybody. Once there are many, a newer one replaces the older one of the same thing.
An absent peer is told the state of its rooms when it comes back, so when there are still too many for it, they are not
kept at all.
"""

from collections.abc import Iterable

from broker.core.limits import Limits
from broker.core.state import Kept, Peer
from shared.contract.refusals import TOO_MANY, Refusal

SENDERS = 4  # how many may each fill their part of what waits for one peer
MUCH = 32 * 1024 * 1024  # bytes of words that wait for all peers, at which each sender has only LEAST_PART of its limit
LEAST_PART = 1 / 16

_ENDS = (("left\n", "joined\n"), ("gone\n", "born\n"))  # what tells of an end, and what of the beginning
_OF_KEYS = ("born", "changed", "gone")  # what is about a key in a room
_LIFE = ("shows", *_OF_KEYS)  # what is about a peer or a key in a room, and no more than that


class Keeping:
    """Keeps frames for peers, by ``limits``. ``words`` are the bytes of words that wait for all of them."""

    def __init__(self, limits: Limits, peers: Iterable[Peer] = ()) -> None:
        self.limits = limits
        self.words = sum(map(_words, peers))
        self._newest: dict[str, dict[str, int]] = {}  # by peer: what its frames are about -> their keys in ``kept``
        self._senders: dict[str, dict[str, tuple[int, int]]] = {}  # by peer: how many of whose words wait, their bytes

    def keep(self, peer: Peer, kept: Kept) -> None:
        """Let a frame wait."""
        if kept.about and peer.shed:
            return
        if kept.about and peer.merging:
            self._replace(peer, kept)
        else:
            self._put(peer, kept)
        if not peer.merging and self._is_much(len(peer.kept), peer.kept_bytes):
            self._merge(peer)
        if peer.merging and not peer.conn and not peer.shed:
            self._bound_state(peer)

    def take(self, peer: Peer) -> list[Kept]:
        """All that waits, in order; it does not wait any more."""
        self.forget(peer.peer_id)
        if not peer.kept and not peer.merging:
            return []
        waiting = list(peer.kept.values())
        self.words -= _words(peer)
        peer.kept, peer.kept_bytes, peer.merging = {}, 0, False
        return waiting

    def replace(self, peer: Peer, known: list[Kept]) -> None:
        """Let these wait instead of all that does."""
        self.take(peer)
        for kept in known:
            self._put(peer, kept)

    def take_back(self, peer: Peer, about: str) -> None:
        """What a frame tells that may wait is no longer so; once many wait, it is not told any more."""
        if peer.merging and (key := self._newest_of(peer).pop(about, None)) is not None:
            _drop(peer, key)

    def forget_room(self, peer: Peer, room: str) -> None:
        """What waits to tell a peer of a room is not so any more: it has left the room, or makes it anew.

        The answer does not wait, so this would come after it.
        """
        self._outdate(peer, {kept.about for kept in peer.kept.values() if kept.about.endswith(f"\n{room}")})

    def forget_keys(self, peer: Peer, room: str, keys: Iterable[str]) -> None:
        """What waits to tell a peer of keys in a room is not so any more: it has changed them itself.

        The answer does not wait, so an older value would come after it, and would seem to be the newest.
        """
        self._outdate(peer, {f"{kind}\n{key}\n{room}" for key in keys for kind in _OF_KEYS})

    def check_words(self, peer: Peer, sender: str, size: int) -> None:
        """Make sure that ``size`` bytes of ``sender``'s words may wait, if they have to. Raises Refusal."""
        if why := self.why_not(peer, sender, size):
            raise Refusal(TOO_MANY, why)

    def why_not(self, peer: Peer, sender: str, size: int) -> str:
        """Why ``size`` bytes of ``sender``'s words may not wait; empty if they may, or need not."""
        if peer.conn and not peer.slow:
            return ""
        part = max(LEAST_PART, 1 - self.words / MUCH)
        most, most_bytes = self.limits.kept_deliveries, self.limits.kept_bytes * part
        count, waiting = self._of_senders(peer).get(sender, (0, 0))
        if count >= most or waiting + size > most_bytes:
            return "The peer is away or slow, and enough of yours waits for it"
        if len(peer.kept) >= SENDERS * most or peer.kept_bytes + size > SENDERS * most_bytes:
            return "The peer is away or slow, and enough waits for it"
        return ""

    def bound_past(self, peer: Peer) -> None:
        """Forget the oldest of what a peer most likely had, if it is much."""
        size = sum(len(kept.frame) for kept in peer.past)
        first = 0
        while len(peer.past) - first > SENDERS * self.limits.kept_deliveries or (
            size > SENDERS * self.limits.kept_bytes
        ):
            size -= len(peer.past[first].frame)
            first += 1
        del peer.past[:first]

    def forget(self, peer_id: str) -> None:
        """Nothing waits for a peer any more."""
        self._newest.pop(peer_id, None)
        self._senders.pop(peer_id, None)

    def adopt(self, peers: Iterable[Peer]) -> None:
        """The state is another one."""
        self._newest.clear()
        self._senders.clear()
        self.words = sum(map(_words, peers))

    def _outdate(self, peer: Peer, abouts: set[str]) -> None:
        """What waits about these is not so any more, and is not told."""
        stale = [key for key, kept in peer.kept.items() if kept.about in abouts and not kept.count]
        for key in stale:
            _drop(peer, key)
        if stale:
            self.forget(peer.peer_id)

    def _is_much(self, count: int, size: int) -> bool:
        return count > self.limits.kept_deliveries or size > self.limits.kept_bytes

    def _merge(self, peer: Peer) -> None:
        """From here on a newer frame replaces an older one of the same thing."""
        waiting = self.take(peer)
        peer.merging = True
        for kept in waiting:
            if kept.about and not kept.count:
                self._replace(peer, kept)
            else:
                self._put(peer, kept)

    def _replace(self, peer: Peer, kept: Kept) -> None:
        """Keep a frame in place of the one before it. Who came and went meanwhile was never there."""
        newest = self._newest_of(peer)
        for about in [about for about in newest if is_void(about, kept.about)]:
            _drop(peer, newest.pop(about))
        if (born := kept.about.replace("changed\n", "born\n", 1)) in newest and kept.about.startswith("changed\n"):
            kept.about = born
        if (came := came_before(kept.about)) in newest:
            _drop(peer, newest.pop(came))  # that it went before it came, if it did, still waits
            return
        if kept.about in newest:
            _drop(peer, newest.pop(kept.about))
        newest[kept.about] = self._put(peer, kept)

    def _newest_of(self, peer: Peer) -> dict[str, int]:
        if peer.peer_id not in self._newest:
            unsent = ((key, kept) for key, kept in peer.kept.items() if kept.about and not kept.count)
            self._newest[peer.peer_id] = {kept.about: key for key, kept in unsent}
        return self._newest[peer.peer_id]

    def _put(self, peer: Peer, kept: Kept) -> int:
        key = next(reversed(peer.kept), 0) + 1
        peer.kept[key] = kept
        peer.kept_bytes += len(kept.frame)
        if kept.sender:
            self.words += len(kept.frame)
            if (senders := self._senders.get(peer.peer_id)) is not None:
                _count(senders, kept)
        return key

    def _of_senders(self, peer: Peer) -> dict[str, tuple[int, int]]:
        if peer.peer_id not in self._senders:
            senders = self._senders[peer.peer_id] = {}
            for kept in peer.kept.values():
                _count(senders, kept)
        return self._senders[peer.peer_id]

    def _bound_state(self, peer: Peer) -> None:
        """Keep no state for an absent peer any more when there is too much of it."""
        state = [key for key, kept in peer.kept.items() if kept.about and not kept.count]
        if self._is_much(len(state), sum(len(peer.kept[key].frame) for key in state)):
            peer.shed = True
            for key in state:
                _drop(peer, key)
            self.forget(peer.peer_id)


def joined(room: str, peer_id: str) -> str:
    """What a frame is about that tells of one who has come into a room (by its key)."""
    return f"joined\n{peer_id}\n{room}"


def left(room: str, peer_id: str) -> str:
    """What a frame is about that tells of one who has gone."""
    return f"left\n{peer_id}\n{room}"


def came_before(about: str) -> str:
    """What the frame is about that ``about``, if it tells of one who, or a key that, has gone, takes back."""
    return next((came + about.removeprefix(gone) for gone, came in _ENDS if about.startswith(gone)), "")


def asked(room: str, peer_id: str) -> str:
    """What a frame is about that tells of one who asks to be let in."""
    return f"asked\n{peer_id}\n{room}"


def owned(room: str) -> str:
    """What a frame is about that tells who owns a room."""
    return f"owned\n{room}"


def has_role(room: str, peer_id: str) -> str:
    """What a frame is about that tells a member's role."""
    return f"role\n{peer_id}\n{room}"


def governed(room: str) -> str:
    """What a frame is about that tells a room's policy."""
    return f"policy\n{room}"


def keyed(room: str, key: str, was: bool, there: bool) -> str:
    """What a frame is about that tells of a key in a room's data: whether it was there before, and is there now."""
    return f"{('changed' if was else 'born') if there else 'gone'}\n{key}\n{room}"


def shows(room: str, peer_id: str) -> str:
    """What a frame is about that tells what a peer shows of itself."""
    return f"shows\n{peer_id}\n{room}"


def is_void(about: str, newer: str) -> bool:
    """Whether what a frame tells of a peer or a key is worthless once a newer one has come."""
    kind, _, rest = about.partition("\n")
    if kind not in _LIFE:
        return False
    what, _, room = rest.partition("\n")
    if newer == is_over(room):
        return True
    if kind == "shows":
        return newer == left(room, what)
    if what.startswith("peer.") and newer == left(room, what.split(".")[1]):
        return True  # its keys are gone with it
    return kind == "changed" and newer == f"gone\n{rest}"


def is_over(room: str) -> str:
    """What a frame is about that tells that a room, or being in it, has begun or ended."""
    return f"room\n{room}"


def _words(peer: Peer) -> int:
    """The bytes of somebody's words that wait for a peer."""
    return sum(len(kept.frame) for kept in peer.kept.values() if kept.sender) if peer.kept else 0


def _count(senders: dict[str, tuple[int, int]], kept: Kept) -> None:
    count, size = senders.get(kept.sender, (0, 0))
    senders[kept.sender] = (count + 1, size + len(kept.frame))


def _drop(peer: Peer, key: int) -> None:
    peer.kept_bytes -= len(peer.kept.pop(key).frame)
