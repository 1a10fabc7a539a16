"""Operators look for people among all peers: a slice at a time, so that nobody waits for it."""

import asyncio

from broker.core.state import Peer, State
from broker.speaking.lists import user_line
from shared.envelopes.admin import PeerLine, PeerPage, WhereLine

SLICE = 2000  # peers that are looked at in one turn of the loop, in less than a millisecond


async def peers(state: State, text: str, limit: int) -> PeerPage:
    """The first peers that have the text in their identity, or whose peer_id begins with it."""
    wanted = text.casefold()
    found: list[PeerLine] = []
    for at, peer_id in enumerate(list(state.peers)):
        if at % SLICE == 0:
            await asyncio.sleep(0)
        if peer_id in state.peers and _fits(peer := state.peers.peek(peer_id), wanted):
            if len(found) == limit:
                return PeerPage(found, True)
            found.append(_line(state, peer))
    return PeerPage(found, False)


def _fits(peer: Peer, wanted: str) -> bool:
    user = peer.user
    if user is not None and (wanted in user.id.casefold() or wanted in user.name.casefold()):
        return True
    return peer.peer_id.startswith(wanted)


def _line(state: State, peer: Peer) -> PeerLine:
    rooms = [WhereLine(key, state.rooms.peek(key).name) for key in peer.rooms]
    return PeerLine(peer.peer_id, peer.app, not peer.conn, user_line(peer), rooms)
