"""Deliveries on their way out: gathered by gateway while a log message is applied, then numbered."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from broker.history import HISTORY_SECONDS, History
from broker.keeping import Keeping
from broker.limits import Limits
from broker.state import COUNTED_FRAMES, Kept, Peer, State
from shared.deliveries import Admit, Close, Delivery, Emit, Parcel, Revoked
from shared.frames import ack_frame
from shared.log import UNKNOWN
from shared.refusals import UNAVAILABLE, Refusal

PARCEL_BYTES = 256 * 1024  # a parcel is closed when it is longer than this; one delivery alone may be longer
MOST_BEHIND = 16 * 1024 * 1024  # bytes on the way to a gateway, beyond which nobody may send more there
ACK = b"43"


class Part:
    """A parcel in the making."""

    __slots__ = ("deliveries", "size")

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.size = 0


class Outbox:
    """Says things to peers, wherever they are; keeps what is said to one who is absent, or slow to read."""

    def __init__(self, state: State, limits: Limits) -> None:
        self._state = state
        self.keeping = Keeping(limits)
        self._open: dict[str, list[Part]] = {}
        self._history: dict[str, History] = {}
        self._resent: deque[tuple[float, int]] = deque()

    def emit(self, peers: Iterable[Peer], frame: bytes, about: str = "") -> None:
        """One frame to many peers: encoded once, and sent once to each gateway. ``about`` is as in Kept."""
        by_gateway: dict[str, list[Peer]] = {}
        for peer in peers:
            if peer.conn and not peer.slow:
                by_gateway.setdefault(peer.gateway, []).append(peer)
            else:
                self._keep(peer, frame, "", about)
        for gateway, there in by_gateway.items():
            parcel = self._add(gateway, Emit([peer.conn for peer in there], frame), len(frame) + 24 * len(there))
            for peer in there:
                self._note_sent(peer, Kept(frame, self._state.position, about=about, parcel=parcel))

    def emit_one(self, peer: Peer, frame: bytes, about: str = "", sender: str = "") -> None:
        """One frame to one peer. ``sender`` is who said it, if these are somebody's words."""
        if peer.conn and not peer.slow:
            parcel = self._add(peer.gateway, Emit([peer.conn], frame), len(frame) + 24)
            self._note_sent(peer, Kept(frame, self._state.position, b"", 0, parcel, sender, about))
        else:
            self._keep(peer, frame, sender, about)

    def check_words(self, peer: Peer, sender: str, size: int) -> None:
        """Make sure that ``size`` bytes of words can go to a peer. Raises Refusal, which tells the sender to wait."""
        if peer.conn:
            self.check_way_to([peer])
        self.keeping.check_words(peer, sender, size)

    def check_way_to(self, peers: Iterable[Peer]) -> None:
        """Make sure that no gateway of these peers is too far behind. Raises Refusal."""
        for peer in peers:
            gateway = self._state.gateways.get(peer.gateway)
            if gateway is not None and gateway.behind > MOST_BEHIND:
                raise Refusal(UNAVAILABLE)

    def resend(self, peer: Peer, waiting: Iterable[Kept]) -> None:
        """What has waited for a peer that is back, or can read on."""
        for kept in waiting:
            emit = Emit([peer.conn], kept.frame, kept.position)
            parcel = self._add(peer.gateway, emit, len(kept.frame) + 24)
            again = Kept(kept.frame, kept.position, b"", kept.count, parcel, kept.sender, kept.about)
            self._note_sent(peer, again)
            if kept.relayed:
                self._resent.append((self._state.now, kept.position))
        while self._resent and self._resent[0][0] < self._state.now - HISTORY_SECONDS:
            self._resent.popleft()

    def oldest_resent(self) -> int | None:
        """The oldest log position whose words were sent again lately, and may have been missed again."""
        begin = self._state.now - HISTORY_SECONDS
        return min((position for time, position in self._resent if time >= begin), default=None)

    def oldest_unconfirmed(self) -> int | None:
        """The oldest log position of which a gateway has not confirmed to have handled what it was sent."""
        oldest = (history.oldest_unconfirmed() for history in self._history.values())
        return min((position for position in oldest if position is not None), default=None)

    def answer(self, gateway: str, conn: str, frames: Iterable[bytes]) -> None:
        """Frames for the socket that asked, whoever it belongs to by now."""
        owner = self._state.peers.get(self._state.conns.get(conn, ""))
        for frame in frames:
            parcel = self._add(gateway, Emit([conn], frame), len(frame) + 24)
            if owner is not None and owner.gateway == gateway and not frame.startswith(ACK):
                self._note_sent(owner, Kept(frame, self._state.position, parcel=parcel))

    def ack(self, peer: Peer, acks: Iterable[tuple[str, int]], fields: dict[str, Any]) -> None:
        """Answer acknowledgements. Their ids mean nothing on another socket than the one that asked."""
        for conn, ack in acks:
            if conn == peer.conn:
                frame = ack_frame(ack, fields)
                self._add(peer.gateway, Emit([conn], frame), len(frame) + 24)

    def admit(self, gateway: str, admit: Admit) -> None:
        """Let a socket in as a peer."""
        self._add(gateway, admit, len(admit.rooms) + len(admit.peerinfo) + len(admit.payload) + 256)

    def close(self, gateway: str, conn: str, again: bool = False) -> None:
        """Close a socket. ``again``: it may come back."""
        self._add(gateway, Close(conn, again), 24)

    def revoke(self, gateway: str, revoked: Revoked) -> None:
        """Tell a gateway that an app's tokens count no more."""
        self._add(gateway, revoked, len(revoked.app) + 24)

    def seal(self, position: int, taken: float) -> list[tuple[str, Parcel]]:
        """All that was said since the last call, as parcels for gateways that are up."""
        sealed = []
        for name, parts in self._open.items():
            gateway = self._state.gateways.get(name)
            if gateway is None:
                continue
            total = gateway.sealed - sum(part.size for part in parts)
            for part in parts:
                gateway.parcel += 1
                total += part.size
                parcel = Parcel(gateway.parcel, position, part.deliveries, taken, total)
                self._history_of(name).add(parcel, part.size, self._state.now)
                sealed.append((name, parcel))
        self._open = {}
        return sealed

    def confirm(self, gateway: str, have: int, handled: int) -> None:
        """A gateway has handled its parcels up to number ``have``, ``handled`` bytes in all since it came up."""
        known = self._state.gateways[gateway]
        if have == UNKNOWN:
            have, handled = known.parcel, known.sealed
        known.have = max(known.have, min(have, known.parcel))
        known.handled = max(known.handled, min(handled, known.sealed))
        if gateway in self._history:
            self._history[gateway].have = known.have

    def after(self, gateway: str, number: int) -> list[Parcel]:
        """What ``gateway`` has been sent since parcel ``number``."""
        history = self._history.get(gateway)
        return history.after(number) if history else []

    def recover(self, gateway: str, peers: Iterable[Peer], seen: int) -> None:
        """Gather for peers, who have just lost their sockets, what the gateway had not handled by then.

        ``seen`` is the number of the last parcel that it had. Some of what came before is gathered too: the client
        may know better.
        """
        history = self._history.get(gateway)
        if history is not None:
            history.forget_old(self._state.now)
        for peer in peers:
            sent = history.take(peer.conn) if history is not None else ()
            waiting = self.keeping.take(peer)
            peer.conn = peer.gateway = ""
            peer.slow = False
            peer.past = [kept for kept in sent if kept.parcel <= seen and kept.count]
            self.keeping.bound_past(peer)
            for kept in (*(kept for kept in sent if kept.parcel > seen), *waiting):
                self.keeping.keep(peer, kept)

    def adopt(self, state: State) -> None:
        """Go on with this state. Histories stay, but for those that came out otherwise: better none than wrong ones."""
        for name in list(self._history):
            if self._state.gateways.get(name) != state.gateways.get(name):
                del self._history[name]
        self._state = state
        self.keeping.adopt()

    def forget(self, gateway: str) -> None:
        """A gateway is gone for good."""
        self._history.pop(gateway, None)
        self._open.pop(gateway, None)

    def forget_peer(self, peer: Peer) -> None:
        """A peer is gone for good."""
        self.keeping.forget(peer.peer_id)
        if peer.gateway in self._history:
            self._history[peer.gateway].take(peer.conn)

    def _add(self, gateway: str, delivery: Delivery, size: int) -> int:
        """Put a delivery of ``size`` bytes into a parcel; returns the parcel's number, 0 if the gateway is not up."""
        known = self._state.gateways.get(gateway)
        if known is None:
            return 0
        parts = self._open.get(gateway)
        if parts is None:
            parts = self._open[gateway] = [Part()]
        elif parts[-1].size > PARCEL_BYTES:
            parts.append(Part())
        parts[-1].deliveries.append(delivery)
        parts[-1].size += size
        known.sealed += size
        return known.parcel + len(parts)

    def _note_sent(self, peer: Peer, kept: Kept) -> None:
        """Number what the peer counts, and remember what its socket was sent."""
        if not kept.count and kept.frame.startswith(COUNTED_FRAMES):
            peer.told += 1
            kept.count = peer.told
        if kept.parcel:
            self._history_of(peer.gateway).note(peer.conn, kept)

    def _history_of(self, gateway: str) -> History:
        history = self._history.get(gateway)
        if history is None:
            history = self._history[gateway] = History()
            history.have = self._state.gateways[gateway].have
        return history

    def _keep(self, peer: Peer, frame: bytes, sender: str, about: str) -> None:
        self.keeping.keep(peer, Kept(frame, self._state.position, b"", 0, 0, sender, about))
