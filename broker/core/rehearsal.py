"""What a broker that begins from an older snapshot reads of the log before it adopts the state of the newest one.

What is decided there is void in the end: only what gateways were told is to be known. That comes out as it was if those
who came back then come back now. What they had been told before the older snapshot is not known, so they are believed
when they say that they have had it: most have.
"""

from broker.core.history import HISTORY_SECONDS
from broker.core.state import Peer, State


class Rehearsal:
    """It begins at this state.

    ``strayed`` is the log position where last somebody was believed: what it was sent again may have been more.
    """

    def __init__(self, state: State) -> None:
        self._since = state.now
        self._told = {name: gateway.parcel for name, gateway in state.gateways.items()}
        self._unsure: set[str] = set()
        self._believed: set[str] = set()
        self.strayed = 0

    def lose(self, peer: Peer, state: State) -> None:
        """A peer has just lost its socket: is all known that it was told there, as far as it is to be remembered?"""
        gateway = state.gateways.get(peer.gateway)
        unconfirmed = gateway is not None and gateway.have < self._told.get(peer.gateway, 0)
        if unconfirmed or state.now - HISTORY_SECONDS < self._since:
            self._unsure.add(peer.peer_id)
        else:
            self._unsure.discard(peer.peer_id)

    def believes(self, peer: Peer, state: State) -> bool:
        """Whether a peer that is back may have had what is not known any more, or may lack it still."""
        if peer.peer_id not in self._unsure and peer.peer_id not in self._believed:
            return False
        self._believed.add(peer.peer_id)
        self.strayed = state.position
        return True
