"""Session descriptions and ICE candidates: from a peer to a roommate, and to nobody else."""

from broker.core.context import Context
from broker.core.rules.rooms import room_key
from broker.core.state import Peer
from shared.contract.refusals import NOT_MEMBER, Refusal
from shared.envelopes.entries import Said


def pass_on(core: Context, sender: Peer, said: Said) -> None:
    """Deliver the frame as it came. The sender does not learn whether a stranger exists."""
    room = core.state.rooms.get(room_key(core, sender, said.room))
    to = said.peer_id
    if room is None or sender.peer_id not in room.members or to not in room.members or to == sender.peer_id:
        raise Refusal(NOT_MEMBER)
    recipient = core.state.peers[to]
    core.out.check_words(recipient, sender.peer_id, len(said.body))
    core.out.emit_one(recipient, said.body, sender=sender.peer_id)
    if said.ack is not None:
        core.out.ack(sender, [(said.conn, said.ack)], {"ok": True})
