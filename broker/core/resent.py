"""What peers were sent again on the sockets that they have, and may miss again.

All else that gateways were told lately follows from the log of the last HISTORY_SECONDS. This does not: it comes from
further back, so it is part of the state, for as long. A broker that begins from an older snapshot finds it in the
newest (``rehearsal.py``).
"""

import heapq
from collections.abc import Sequence

from broker.core.history import HISTORY_SECONDS
from broker.core.state import Kept, Peer, State


class Resent:
    """Keeps ``Peer.resent`` no longer than it is needed."""

    def __init__(self, state: State) -> None:
        self._state = state
        back = state.peers.select(lambda peer: bool(peer.resent))
        self._queue = sorted((peer.resent_at, peer.peer_id) for peer in back)  # a heap: the same order on every broker

    def note(self, peer: Peer, again: Sequence[Kept], number: int) -> None:
        """A peer that is back was sent this again; parcel ``number`` was the last with some of it."""
        peer.resent = tuple(Kept(kept.frame, kept.position, parcel=number, kind=kept.kind) for kept in again)
        peer.resent_at = self._state.now
        heapq.heappush(self._queue, (peer.resent_at, peer.peer_id))

    def forget_old(self) -> None:
        """Forget what is old, and was handled: for whatever is remembered, the log is not trimmed."""
        while self._queue and self._queue[0][0] < self._state.now - HISTORY_SECONDS:
            time, peer_id = self._queue[0]
            peer = self._state.peers.get(peer_id)
            if peer is not None and peer.resent_at == time and peer.resent:
                if self._is_needed(peer):
                    break
                peer.resent = ()
            heapq.heappop(self._queue)

    def _is_needed(self, peer: Peer) -> bool:
        """Whether the history of its gateway still has that: it is not old, or may not have been handled."""
        gateway = self._state.gateways.get(peer.gateway)
        is_new = peer.resent_at >= self._state.now - HISTORY_SECONDS
        return gateway is not None and (is_new or gateway.have < peer.resent[-1].parcel)
