"""Deliveries on their way out: gathered by gateway while a log message is applied, then numbered."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from broker.limits import Limits
from broker.state import COUNTED_FRAMES, Kept, Peer, State
from shared.deliveries import Admit, Close, Delivery, Emit, Parcel, Revoked
from shared.frames import ack_frame

PARCEL_BYTES = 1024 * 1024  # a parcel is closed when it is longer than this; one delivery alone may be longer
HISTORY_BYTES = 16 * 1024 * 1024  # kept for each gateway, to repeat what it missed
HISTORY_PARCELS = 20_000
HISTORY_SECONDS = 45.0  # longer than it takes to see that a client's network died
PAST_DELIVERIES = 5_000  # looked through, behind what is surely missed, when a socket is lost


class History:
    """The newest parcels of one gateway, bounded in number, bytes and age.

    What it holds follows from the last HISTORY_SECONDS of the log alone: a broker that has read them has the same.
    """

    def __init__(self) -> None:
        self._parcels: deque[tuple[Parcel, int, float]] = deque()
        self._bytes = 0

    def add(self, parcel: Parcel, size: int, now: float) -> None:
        """Remember ``parcel``; forget the oldest when there are too many."""
        self._parcels.append((parcel, size, now))
        self._bytes += size
        self.forget_old(now)
        while self._bytes > HISTORY_BYTES or len(self._parcels) > HISTORY_PARCELS:
            self._drop()

    def forget_old(self, now: float) -> None:
        """Forget what is older than HISTORY_SECONDS."""
        while self._parcels and self._parcels[0][2] < now - HISTORY_SECONDS:
            self._drop()

    def after(self, number: int) -> list[Parcel]:
        """The parcels with a higher number than ``number``, oldest first."""
        found = []
        for parcel, _, _ in reversed(self._parcels):
            if parcel.number <= number:
                break
            found.append(parcel)
        return found[::-1]

    def until(self, number: int) -> list[Parcel]:
        """Some of the parcels up to ``number``, oldest first: those of the last PAST_DELIVERIES deliveries."""
        found: list[Parcel] = []
        count = 0
        for parcel, _, _ in reversed(self._parcels):
            if parcel.number <= number:
                found.append(parcel)
                count += len(parcel.deliveries)
            if count > PAST_DELIVERIES:
                break
        return found[::-1]

    def _drop(self) -> None:
        self._bytes -= self._parcels.popleft()[1]


class Outbox:
    """Says things to peers, wherever they are; keeps what is said to one who is absent."""

    def __init__(self, state: State, limits: Limits) -> None:
        self._state = state
        self._limits = limits
        self._open: dict[str, list[Delivery]] = {}
        self._history: dict[str, History] = {}
        self._resent: deque[tuple[float, int]] = deque()
        self.overfull: list[Peer] = []  # absent peers for whom more came than may be kept

    def emit(self, peers: Iterable[Peer], frame: bytes) -> None:
        """One frame to many peers: encoded once, and sent once to each gateway."""
        by_gateway: dict[str, list[str]] = {}
        for peer in peers:
            _count(peer, frame)
            if peer.conn:
                by_gateway.setdefault(peer.gateway, []).append(peer.conn)
            else:
                self._keep(peer, frame, self._state.position)
        for gateway, conns in by_gateway.items():
            self._add(gateway, Emit(conns, frame))

    def emit_one(self, peer: Peer, frame: bytes) -> None:
        """One frame to one peer."""
        _count(peer, frame)
        if peer.conn:
            self._add(peer.gateway, Emit([peer.conn], frame))
        else:
            self._keep(peer, frame, self._state.position)

    def resend(self, peer: Peer, waiting: Iterable[Kept]) -> None:
        """What has waited for a peer that is back."""
        for kept in waiting:
            self._add(peer.gateway, Emit([peer.conn], kept.frame, kept.position))
            if kept.relayed:
                self._resent.append((self._state.now, kept.position))
        while self._resent and self._resent[0][0] < self._state.now - HISTORY_SECONDS:
            self._resent.popleft()

    def oldest_resent(self) -> int | None:
        """The oldest log position whose words were sent again lately, and may have been missed again."""
        begin = self._state.now - HISTORY_SECONDS
        return min((position for time, position in self._resent if time >= begin), default=None)

    def answer(self, gateway: str, conn: str, frames: Iterable[bytes]) -> None:
        """Frames for the socket that asked, whoever it belongs to by now."""
        for frame in frames:
            self._add(gateway, Emit([conn], frame))

    def ack(self, peer: Peer, acks: Iterable[tuple[str, int]], fields: dict[str, Any]) -> None:
        """Answer acknowledgements. Their ids mean nothing on another socket than the one that asked."""
        for conn, ack in acks:
            if conn == peer.conn:
                self._add(peer.gateway, Emit([conn], ack_frame(ack, fields)))

    def admit(self, gateway: str, admit: Admit) -> None:
        """Let a socket in as a peer."""
        self._add(gateway, admit)

    def close(self, gateway: str, conn: str, again: bool = False) -> None:
        """Close a socket. ``again``: it may come back."""
        self._add(gateway, Close(conn, again))

    def revoke(self, gateway: str, revoked: Revoked) -> None:
        """Tell a gateway that an app's tokens count no more."""
        self._add(gateway, revoked)

    def seal(self, position: int, taken: float) -> list[tuple[str, Parcel]]:
        """All that was said since the last call, as parcels for gateways that are up."""
        sealed = []
        for name, deliveries in self._open.items():
            gateway = self._state.gateways.get(name)
            if gateway is None:
                continue
            for part, size in _parts(deliveries):
                gateway.parcel += 1
                parcel = Parcel(gateway.parcel, position, part, taken)
                self._history.setdefault(name, History()).add(parcel, size, self._state.now)
                sealed.append((name, parcel))
        self._open = {}
        return sealed

    def after(self, gateway: str, number: int) -> list[Parcel]:
        """What ``gateway`` has been sent since parcel ``number``."""
        history = self._history.get(gateway)
        return history.after(number) if history else []

    def recover(self, gateway: str, peers: Iterable[Peer], seen: int) -> None:
        """Gather for peers, who have just lost their sockets, what the gateway had not handled by then.

        ``seen`` is the number of the last parcel that it had. Some of what came before is gathered too: the client
        may know better.
        """
        lost = {peer.conn: peer for peer in peers}
        if gateway in self._history:
            self._history[gateway].forget_old(self._state.now)
        missed = self.after(gateway, seen)
        known = self._state.gateways.get(gateway)
        if known is not None and len(missed) < known.parcel - seen:
            self.overfull.extend(lost.values())  # more than is remembered
        for peer in lost.values():
            peer.conn = peer.gateway = ""
        past = self._history[gateway].until(seen) if gateway in self._history else []
        for peer, frame, position in _for(lost, past):
            if frame.startswith(COUNTED_FRAMES):
                peer.past.append(Kept(frame, position))
        for peer, frame, position in _for(
            lost, [*missed, Parcel(0, self._state.position, self._open.get(gateway, []))]
        ):
            self._keep(peer, frame, position)
        for peer in lost.values():
            self._bound_past(peer)

    def adopt(self, state: State) -> None:
        """Go on with this state. Histories stay, but for those that came out otherwise: better none than wrong ones."""
        for name in list(self._history):
            if self._state.gateways.get(name) != state.gateways.get(name):
                del self._history[name]
        self._state = state

    def forget(self, gateway: str) -> None:
        """A gateway is gone for good."""
        self._history.pop(gateway, None)
        self._open.pop(gateway, None)

    def _add(self, gateway: str, delivery: Delivery) -> None:
        deliveries = self._open.get(gateway)
        if deliveries is None:
            self._open[gateway] = [delivery]
        else:
            deliveries.append(delivery)

    def _bound_past(self, peer: Peer) -> None:
        size = sum(len(kept.frame) for kept in peer.past)
        while len(peer.past) > self._limits.kept_deliveries or size > self._limits.kept_bytes:
            size -= len(peer.past.pop(0).frame)

    def _keep(self, peer: Peer, frame: bytes, position: int) -> None:
        if frame.startswith(b"43"):
            return  # an acknowledgement belongs to the socket that is gone
        if len(peer.kept) >= self._limits.kept_deliveries or peer.kept_bytes + len(frame) > self._limits.kept_bytes:
            self.overfull.append(peer)
            return
        peer.kept.append(Kept(frame, position))
        peer.kept_bytes += len(frame)


def _count(peer: Peer, frame: bytes) -> None:
    if frame.startswith(COUNTED_FRAMES):
        peer.told += 1


def _for(lost: dict[str, Peer], parcels: Iterable[Parcel]) -> Iterator[tuple[Peer, bytes, int]]:
    """What parcels hold for the sockets of ``lost``: peer, frame, log position."""
    for parcel in parcels:
        for delivery in parcel.deliveries:
            if isinstance(delivery, Emit):
                for conn in delivery.conns:
                    if conn in lost:
                        yield lost[conn], delivery.frame, delivery.origin or parcel.position


def _parts(deliveries: list[Delivery]) -> Iterable[tuple[list[Delivery], int]]:
    part: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        if size > PARCEL_BYTES:
            yield part, size
            part, size = [], 0
        part.append(delivery)
        size += _size(delivery)
    yield part, size


def _size(delivery: Delivery) -> int:
    if isinstance(delivery, Emit):
        return len(delivery.frame) + 24 * len(delivery.conns)
    if isinstance(delivery, Admit):
        return len(delivery.rooms) + len(delivery.peerinfo) + len(delivery.payload)
    return 0
