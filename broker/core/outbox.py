"""Deliveries on their way out: gathered by gateway while a log message is applied, then numbered."""

from collections.abc import Iterable, Sequence
from typing import Any

from broker.core.history import Sent
from broker.core.keeping import Keeping
from broker.core.limits import Limits
from broker.core.line import Line
from broker.core.rehearsal import Rehearsal
from broker.core.resent import Resent
from broker.core.state import Kept, Peer, State, blank
from shared.contract.frames import ack_frame
from shared.contract.refusals import UNAVAILABLE, Refusal
from shared.contract.told import COUNTED_BIT, COUNTED_LATER_BIT, PLAIN, STATE_BIT, ServerEvent, counts, is_for
from shared.envelopes.deliveries import Admit, Close, Delivery, Emit, LevelHolds, Parcel, Revoked, Shows, Speaks
from shared.envelopes.entries import UNKNOWN
from shared.envelopes.levels import LIFE

# Bytes that a gateway has yet to write: beyond the first number only those may cause more there who have caused little,
# and less and less; beyond the second nobody may say more there. In BEFORE, the same before there was life in rooms.
MUCH_BEHIND, MOST_BEHIND = 8 * 1024 * 1024, 32 * 1024 * 1024
BEFORE = (8 * 1024 * 1024, 16 * 1024 * 1024)
EACH = 24  # bytes that one recipient takes beside the frame
WRITING = 750  # bytes that a gateway could write in the time that one more write takes it, about


class Outbox:
    """Says things to peers, wherever they are; keeps what is said to one who is absent, or slow to read."""

    def __init__(self, state: State, limits: Limits) -> None:
        self._state = state
        self.keeping = Keeping(limits, state.peers.values())
        self._lines: dict[str, Line] = {}
        self._busy: list[Line] = []  # those for which there is something in this message of the log
        self._resent = Resent(state)
        self.rehearsal: Rehearsal | None = None
        self.acked: dict[str, Any] = {}  # the fields of the acknowledgement that was answered last

    def tell(self, peers: Sequence[Peer], event: ServerEvent, about: str = "") -> None:
        """An event to those of these peers who know it from their version of the contract. ``about`` is as in Kept."""
        if event.SINCE > 1 or event.UNTIL:
            peers = [peer for peer in peers if is_for(type(event), peer.version)]
        if peers:
            self.emit(peers, event.frame(), event.KIND, about)

    def emit(self, peers: Sequence[Peer], frame: bytes, kind: int, about: str = "", sender: str = "") -> None:
        """One frame to many peers: encoded once, and sent once to each gateway.

        ``kind`` is the event's, as declared; ``about`` and ``sender`` are as in Kept.
        """
        if len(peers) == 1:
            self.emit_one(peers[0], frame, kind, about, sender)
            return
        counted, later = kind & COUNTED_BIT, kind & COUNTED_LATER_BIT
        by_gateway: dict[str, list[Peer]] = {}
        for peer in peers:
            if peer.conn and not peer.slow:
                peer.told += counted or (later and peer.version > 1)
                by_gateway.setdefault(peer.gateway, []).append(peer)
            else:
                self._keep(peer, frame, kind, sender, about)
        for gateway, there in by_gateway.items():
            if (line := self._line(gateway)) is not None:
                emit = Emit([peer.conn for peer in there], frame)
                size = len(frame) + EACH * len(there)
                sent = (line.add(emit, size, self._to_write(frame, len(there), size)), self._state.position, emit, kind)
                for peer in there:
                    line.history.note(peer.conn, sent)

    def emit_one(self, peer: Peer, frame: bytes, kind: int, about: str = "", sender: str = "") -> None:
        """One frame to one peer."""
        if not peer.conn or peer.slow:
            self._keep(peer, frame, kind, sender, about)
            return
        peer.told += counts(kind, peer.version)
        self._send(peer, Emit([peer.conn], frame), kind, self._state.position)

    def pass_words(self, peer: Peer, frame: bytes, kind: int, sender: str) -> None:
        """What ``sender`` says to one peer. Raises Refusal, which tells the sender to wait."""
        if peer.conn:
            gateway = self._state.gateways[peer.gateway]
            if gateway.sealed - gateway.handled > self._most_behind:
                raise Refusal(UNAVAILABLE)
            if not peer.slow:
                peer.told += kind & COUNTED_BIT
                self._send(peer, Emit([peer.conn], frame), kind, self._state.position)
                return
        self.keeping.check_words(peer, sender, len(frame))
        self._keep(peer, frame, kind, sender, "")

    def check_words(self, peers: Sequence[Peer], sender: str, size: int) -> None:
        """Make sure that ``sender`` may say ``size`` bytes to all of these peers. Raises Refusal."""
        self.check_way_to(peers)
        for peer in peers:
            self.keeping.check_words(peer, sender, size)

    def check_way_to(self, peers: Iterable[Peer]) -> None:
        """Make sure that no gateway of these peers is too far behind. Raises Refusal."""
        most = self._most_behind
        for peer in peers:
            gateway = self._state.gateways.get(peer.gateway)
            if gateway is not None and gateway.sealed - gateway.handled > most:
                raise Refusal(UNAVAILABLE)

    def free_part(self, peers: Iterable[Peer]) -> float:
        """The part of what is much for a gateway that is still free on the way to that of these which is furthest
        behind: from 1 to 0, and on to -1, where it is left to answers and to what is said to one.
        """
        most = max((gateway.behind for gateway in self._state.gateways.values()), default=0)
        furthest = 0
        for peer in peers if most else ():
            gateway = self._state.gateways.get(peer.gateway)
            if gateway is not None and gateway.behind > furthest:
                furthest = gateway.behind
                if furthest == most:
                    break  # all others are nearer
        if self._state.level < LIFE:
            return max(0.0, 1 - furthest / BEFORE[0])
        return max(-1.0, 1 - furthest / MUCH_BEHIND)

    def check_return(self, gateway: str) -> None:
        """Make sure that a gateway can take one who comes back, with all that it has to be told. Raises Refusal."""
        if self._state.level >= LIFE and self._state.gateways[gateway].behind > 2 * MUCH_BEHIND:
            raise Refusal(UNAVAILABLE)

    def resend(self, peer: Peer, waiting: Iterable[Kept]) -> int:
        """What has waited for a peer that is back, or can read on. Returns the number of the newest parcel with it."""
        number = 0
        for kept in waiting:
            peer.told += counts(kept.kind, peer.version) and not kept.count
            number = self._send(peer, Emit([peer.conn], kept.frame, kept.position), kept.kind, kept.position)
        return number

    def catch_up(self, peer: Peer) -> None:
        """Send what has waited for a peer that is back, and remember that it may miss it again."""
        waiting: Sequence[Kept] = self.keeping.take(peer)
        if self.rehearsal is not None:
            waiting = self.rehearsal.sent_again(peer, waiting, self._state)
        if waiting:
            self._resent.note(peer, waiting, self.resend(peer, waiting))

    def oldest_unconfirmed(self) -> int | None:
        """The oldest log position of which a gateway has not confirmed to have handled what it was sent."""
        oldest = (line.history.oldest_unconfirmed() for line in self._lines.values())
        return min((position for position in oldest if position is not None), default=None)

    def answer(self, gateway: str, conn: str, frames: Iterable[bytes]) -> None:
        """For the socket that asked, whoever it belongs to by now: an event, and acknowledgements if there are any."""
        answer, *acks = frames
        owner = self._state.peers.get(self._state.conns.get(conn, ""))
        if owner is not None and owner.gateway == gateway:
            self._send(owner, Emit([conn], answer), PLAIN, self._state.position)
        else:
            self._add(gateway, Emit([conn], answer), len(answer) + EACH)
        for ack in acks:
            self._add(gateway, Emit([conn], ack), len(ack) + EACH)

    def ack(self, peer: Peer, acks: Iterable[tuple[str, int]], fields: dict[str, Any]) -> None:
        """Answer acknowledgements. Their ids mean nothing on another socket than the one that asked."""
        self.acked = fields
        for conn, ack in acks:
            if conn == peer.conn:
                frame = ack_frame(ack, fields)
                self._add(peer.gateway, Emit([conn], frame), len(frame) + EACH)

    def admit(self, gateway: str, admit: Admit, version: int) -> None:
        """Let a socket in as a peer, with a version of the contract."""
        if version > 1:
            self._add(gateway, Speaks(admit.conn, version), EACH)
        self._add(gateway, admit, len(admit.rooms) + len(admit.peerinfo) + len(admit.payload) + 256)

    def show(self, peer: Peer) -> None:
        """Let a peer's gateway know what it shows of itself now."""
        if peer.conn:
            self._add(peer.gateway, Shows(peer.conn, peer.peerinfo), len(peer.peerinfo) + EACH)

    def close(self, gateway: str, conn: str, again: bool = False) -> None:
        """Close a socket. ``again``: it may come back."""
        self._add(gateway, Close(conn, again), EACH)

    def revoke(self, gateway: str, revoked: Revoked) -> None:
        """Tell a gateway that an app's tokens are void."""
        self._add(gateway, revoked, len(revoked.app) + EACH)

    def tell_level(self, gateway: str, level: LevelHolds) -> None:
        """Tell a gateway which level holds."""
        self._add(gateway, level, EACH)

    def seal(self, position: int, taken: float) -> list[tuple[str, Parcel]]:
        """All that was said since the last call, as parcels for gateways that are up."""
        self._resent.forget_old()
        sealed = []
        for line in self._busy:
            for part in line.open:
                line.gateway.parcel += 1
                parcel = Parcel(line.gateway.parcel, position, part.deliveries, taken, part.total)
                line.history.add(parcel, part.size, self._state.now)
                sealed.append((line.name, parcel))
            line.open = []
        self._busy.clear()
        return sealed

    def confirm(self, gateway: str, have: int, handled: int) -> None:
        """A gateway has handled its parcels up to number ``have``, ``handled`` bytes in all since it came up."""
        known = self._state.gateways[gateway]
        if have == UNKNOWN:
            have, handled = known.parcel, known.sealed
        if known.have < have <= known.parcel and known.handled <= handled <= known.sealed:
            known.have, known.handled = have, handled
        else:  # a gateway that says what cannot be
            known.have = max(known.have, min(have, known.parcel))
            known.handled = max(known.handled, min(handled, known.sealed))
        if gateway in self._lines:
            self._lines[gateway].history.have = known.have

    def after(self, gateway: str, number: int) -> list[Parcel]:
        """What ``gateway`` has been sent since parcel ``number``."""
        return self._lines[gateway].history.after(number) if gateway in self._lines else []

    def recover(self, gateway: str, peers: Iterable[Peer], seen: int) -> None:
        """Gather for peers, who have just lost their sockets, what the gateway had not handled by then.

        ``seen`` is the number of the last parcel that it had. Some of what came before is gathered too: the client
        may know better.
        """
        line = self._lines.get(gateway)
        if line is not None:
            line.history.forget_old(self._state.now)
        for peer in peers:
            sent = _numbered(peer, line.history.take(peer.conn)) if line is not None else []
            waiting = self.keeping.take(peer)
            if peer.version > 1:
                sent, waiting = _without_state(sent), _without_state(waiting)
            if self.rehearsal is not None:
                self.rehearsal.lose(peer, self._state)
            peer.conn = peer.gateway = ""
            peer.slow = False
            peer.resent = ()
            peer.past = [kept for kept in sent if self._is_kept(kept) and (kept.parcel <= seen or kept.is_blank)]
            self.keeping.bound_past(peer)
            for kept in (*(kept for kept in sent if kept.parcel > seen and not kept.is_blank), *waiting):
                self.keeping.keep(peer, kept)

    def is_believed(self, peer: Peer) -> bool:
        """Whether a peer that is back has had what is not remembered, because it says so."""
        return self.rehearsal is not None and self.rehearsal.believes(peer)

    def is_known_to_be_given_up(self, peer: Peer, conn: str) -> bool:
        """Whether a peer that comes back on this socket loses its place by it, as is known from later."""
        return self.rehearsal is not None and self.rehearsal.gives_up(peer, conn)

    def adopt(self, state: State) -> None:
        """Continue with this state. Histories stay, except those that differ: better none than wrong ones."""
        strayed = self.rehearsal.strayed if self.rehearsal is not None else {}
        self.rehearsal = None
        for name, line in list(self._lines.items()):
            known = state.gateways.get(name)
            if known is None or not line.adopt(known, strayed.get(name)):
                del self._lines[name]
        self._state = state
        self.keeping.adopt(state.peers.values())
        self._resent = Resent(state)

    def forget(self, gateway: str) -> None:
        """A gateway is gone for good."""
        line = self._lines.pop(gateway, None)
        if line is not None and line.open:
            self._busy.remove(line)

    def forget_peer(self, peer: Peer) -> None:
        """A peer is gone for good."""
        self.keeping.take(peer)
        if peer.gateway in self._lines:
            self._lines[peer.gateway].history.take(peer.conn)

    def _line(self, gateway: str) -> Line | None:
        """The way to a gateway; None if it is not up."""
        line = self._lines.get(gateway)
        if line is None and gateway in self._state.gateways:
            line = self._lines[gateway] = Line(gateway, self._state.gateways[gateway], self._busy)
        return line

    def _add(self, gateway: str, delivery: Delivery, size: int) -> None:
        line = self._lines.get(gateway) or self._line(gateway)
        if line is not None:
            line.add(delivery, size, size)

    def _send(self, peer: Peer, emit: Emit, kind: int, position: int) -> int:
        """Send a frame to a peer's socket, and remember that. Returns the number of its parcel, 0 if there is none."""
        line = self._lines.get(peer.gateway) or self._line(peer.gateway)
        if line is None:
            return 0
        size = len(emit.frame) + EACH
        parcel = line.add(emit, size, self._to_write(emit.frame, 1, size))
        line.history.note(peer.conn, (parcel, position, emit, kind))
        return parcel

    @property
    def _most_behind(self) -> int:
        return MOST_BEHIND if self._state.level >= LIFE else BEFORE[1]

    def _to_write(self, frame: bytes, times: int, size: int) -> int:
        """What a frame to so many makes a gateway write, in bytes. Before there was life in rooms, its size."""
        return (len(frame) + WRITING) * times if self._state.level >= LIFE else size

    def _is_kept(self, kept: Kept) -> bool:
        """Whether what most likely was received is remembered: all but answers. Once it was what is counted alone."""
        return bool(kept.count or (kept.kind and self._state.level >= LIFE))

    def _keep(self, peer: Peer, frame: bytes, kind: int, sender: str, about: str) -> None:
        if kind & STATE_BIT and peer.version > 1 and not peer.conn:
            return  # it finds that in its rooms
        self.keeping.keep(peer, Kept(frame, self._state.position, b"", 0, 0, sender, about, kind))


def _numbered(peer: Peer, sent: Iterable[Sent]) -> list[Kept]:
    """What a peer's socket was sent, each counted event with its number: the newest is the last that it was told."""
    number, found = peer.told, []
    for parcel, position, emit, kind in reversed(tuple(sent)):
        kept = Kept(emit.frame, position, parcel=parcel, kind=kind)
        if counts(kind, peer.version):
            while number in peer.gaps:
                number -= 1
            kept.count, number = number, number - 1
        found.append(kept)
    return found[::-1]


def _without_state(frames: Iterable[Kept]) -> list[Kept]:
    """What is sent again to a client of version 2. Of the state that it was told, only the numbers are remembered."""
    return [blank(kept) if kept.state else kept for kept in frames if not kept.state or kept.count]
