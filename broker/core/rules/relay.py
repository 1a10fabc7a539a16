"""Session descriptions and ICE candidates: from a peer to a roommate, and to nobody else."""

from broker.core.asked import InRoom
from broker.core.context import Context
from broker.core.state import Peer
from shared.contract.events import EVENTS, RelayIceCandidate, RelaySessionDescription
from shared.contract.refusals import NOT_MEMBER, Refusal
from shared.contract.told import TOLD

_KINDS = {name: TOLD[event.RELAYED_AS].KIND for name, event in EVENTS.items() if event.RELAYED_AS}


def pass_on(core: Context, sender: Peer, asked: InRoom[RelaySessionDescription | RelayIceCandidate]) -> None:
    """Deliver the frame as it came. The sender does not learn whether a stranger exists."""
    to = asked.peer_id
    if to not in asked.room.members or to == sender.peer_id:
        raise Refusal(NOT_MEMBER)
    recipient = core.state.peers[to]
    core.out.pass_words(recipient, asked.body, _KINDS[asked.own.NAME], sender.peer_id)
    if asked.ack is not None:
        core.out.ack(sender, [(asked.conn, asked.ack)], {"ok": True})
