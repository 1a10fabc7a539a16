"""What a broker that begins from an older snapshot reads of the log before it adopts the state of the newest one.

What is decided there is void in the end: only what gateways were told is to be known. That comes out as it was if those
who came back then come back now. What they had been told before the older snapshot is not known, but the newest state
tells what became of most of them. Those of whom it knows nothing any more are believed when they say that they have had
it: most have.
"""

from collections.abc import Sequence

from broker.core.history import HISTORY_SECONDS
from broker.core.state import Kept, Peer, State


class Rehearsal:
    """It begins at ``state``, and leads to ``newest``.

    ``strayed`` has, by gateway, the log position where last somebody came back of whom not all is known: what it was
    sent again there may have been something else.
    """

    def __init__(self, state: State, newest: State) -> None:
        self._since = state.now
        self._newest = newest
        self._told = {name: gateway.parcel for name, gateway in state.gateways.items()}
        self._unsure: set[str] = set()
        self._believed: set[str] = set()
        self._back: set[str] = set()  # sockets on which somebody has been let in
        self.strayed: dict[str, int] = {}

    def lose(self, peer: Peer, state: State) -> None:
        """A peer has just lost its socket: is all known that it was told there, as far as it is to be remembered?"""
        gateway = state.gateways.get(peer.gateway)
        unconfirmed = gateway is not None and gateway.have < self._told.get(peer.gateway, 0)
        if unconfirmed or state.now - HISTORY_SECONDS <= self._since:
            self._unsure.add(peer.peer_id)
        else:
            self._unsure.discard(peer.peer_id)

    def gives_up(self, peer: Peer, conn: str) -> bool:
        """Whether a peer that comes back on this socket loses its place by it: it has arrived as somebody new."""
        return conn != peer.peer_id and conn in self._newest.peers

    def believes(self, peer: Peer) -> bool:
        """Whether a peer that is back may have had what is not known any more, or may lack it still."""
        name = peer.peer_id
        believed = name in self._newest.peers or name in self._unsure or name in self._believed
        if believed:
            self._believed.add(name)
        return believed

    def sent_again(self, peer: Peer, waiting: Sequence[Kept], state: State) -> Sequence[Kept]:
        """What a peer was sent again when it came back, as far as that is known: ``waiting`` is what is found here."""
        if peer.conn in self._back:
            return waiting  # it only renews its token
        self._back.add(peer.conn)
        later = self._newest.peers.get(peer.peer_id)
        if later is not None and later.conn == peer.conn and later.resent and later.resent_at == state.now:
            return later.resent
        if peer.peer_id in self._believed or peer.peer_id in self._unsure:
            self.strayed[peer.gateway] = state.position
        return waiting
