"""Messages: from a member to all others, to one of them, or to the hosts; from a candidate to the hosts alone."""

from msgspec import UNSET

from broker.core import allowance, life
from broker.core.asked import InRoom
from broker.core.context import Context
from broker.core.rights import role_of
from broker.core.rules import departures
from broker.core.rules.requests import hosts
from broker.core.rules.views import others
from broker.core.state import Message, Peer, Room
from shared.contract.events import HOSTS, RoomMessageRequest
from shared.contract.refusals import FORBIDDEN, NOT_MEMBER, Refusal
from shared.contract.told import RoomMessage, identity_of

STALLED = 10.0  # seconds in which one that reads at all has read enough


def send(core: Context, sender: Peer, asked: InRoom[RoomMessageRequest]) -> None:
    """Deliver a message to all whom it is for, or to nobody. Clients of version 1 know of none."""
    room, to = asked.room, asked.peer_id
    recipients = _recipients(core, room, sender, to)
    if len(recipients) > 1 and _part_with_stalled(core, recipients, sender, len(asked.own.body)):
        recipients = _recipients(core, room, sender, to)
    message = RoomMessage(
        room=room.name,
        id=life.next_number(core.state),
        peer_id=sender.peer_id,
        identity=identity_of(sender.user),
        role=role_of(room, sender.peer_id) if sender.peer_id in room.members else "candidate",
        time=int(core.state.now * 1000),
        to=to or UNSET,
        kind=asked.own.kind,
        body=asked.own.body,
    )
    frame = message.frame()
    core.out.check_words(recipients, sender.peer_id, len(frame))
    size = (len(frame) + allowance.EACH) * (len(recipients) + 1)
    allowance.spend_in(room, sender, size, core.state.now, core.limits, lambda: core.out.free_part(recipients))
    core.state.number = message.id
    core.out.emit(recipients, frame, message.KIND, sender=sender.peer_id)
    if not to:
        life.remember(core, room, Message(message.id, frame[len(message.START) : -1]))
    if asked.ack is not None:
        answer = {"ok": True, "room": room.name, "id": message.id, "time": message.time}
        core.out.ack(sender, [(asked.conn, asked.ack)], answer)


def _part_with_stalled(core: Context, recipients: list[Peer], sender: Peer, size: int) -> bool:
    """Close the sockets of those who have long read nothing: nobody is to keep a room from talking by that alone.

    They can come back as long as their places are kept. Returns whether there were any.
    """
    since = core.state.now - STALLED
    slow = [peer for peer in recipients if peer.slow and peer.slow_at <= since]
    stalled = [peer for peer in slow if core.out.keeping.why_not(peer, sender.peer_id, size)]
    for peer in stalled:
        departures.stall(core, peer)
    return bool(stalled)


def _recipients(core: Context, room: Room, sender: Peer, to: str) -> list[Peer]:
    """Whom a message is for. The sender does not learn whether a stranger exists. Raises Refusal."""
    if to == HOSTS:
        return [host for host in hosts(core, room) if host is not sender and host.version > 1]
    if sender.peer_id not in room.members:
        raise Refusal(NOT_MEMBER, "As long as you wait to come in, you may write to `hosts` alone")
    if not to:
        return [member for member in others(core, room, sender.peer_id) if member.version > 1]
    if to not in room.members or to == sender.peer_id:
        raise Refusal(NOT_MEMBER)
    if core.state.peers[to].version == 1:
        raise Refusal(FORBIDDEN, "The client of this peer knows of no messages")
    return [core.state.peers[to]]
