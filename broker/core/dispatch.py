"""From what a client said to its rule: whether there is such an event, who sent it, and whether they may."""

import msgspec

from broker.core import rules
from broker.core.asked import Anywhere, Asked
from broker.core.belief import can_be_said
from broker.core.context import Context
from broker.core.rights import CHECKS, Check, check_grant
from broker.core.rules import arrivals
from broker.core.rules.rooms import room_key
from broker.core.state import Peer
from shared.contract import own
from shared.contract.events import EVENTS, ClientEvent, first_version
from shared.contract.frames import payload_of, refusal_frames, with_raw
from shared.contract.refusals import BAD_REQUEST, UNAUTHORIZED, Refusal
from shared.envelopes.entries import Said
from shared.envelopes.users import Grant

OK, DOUBTED = "ok", ""


class Declared(msgspec.Struct, frozen=True, gc=False):
    """What an event's declaration comes to here.

    ``since`` is the version that brought it, ``newest`` the one since which it has the fields of its own that it has.
    ``blank`` is one whose own fields are all left out, if it can be.
    """

    since: int
    newest: int
    check: Check
    grants: frozenset[Grant] | None
    blank: ClientEvent | None

    @classmethod
    def of(cls, event: type[ClientEvent]) -> "Declared":
        """What a declaration comes to."""
        blank = own.unpack(event.NAME, b"")
        return cls(first_version(event.NAME), event.SINCE, CHECKS[event.WHO], event.GRANTS, blank)


DECLARED = {name: Declared.of(event) for name, event in EVENTS.items()}


def hear(core: Context, writer: str, said: Said) -> str:
    """Let a client event take effect, or answer why not. Returns OK, a refusal's code, or DOUBTED: nothing was done."""
    try:
        rule = rules.RULES.get(said.event)
        if rule is None:
            raise Refusal(BAD_REQUEST)  # of a gateway that is newer than this broker
        peer = core.state.peers.get(core.state.conns.get(said.conn, ""))
        if peer is None or peer.gateway != writer:
            raise Refusal(UNAUTHORIZED)  # a socket whose peer has moved on to another one
        asked = _asked(core, peer, said)
        if asked is None:
            return DOUBTED
        rule(core, peer, asked)
    except Refusal as refusal:
        frames = refusal_frames(said.event, refusal, said.ack, _known(said), _version(core, said.conn))
        core.out.answer(writer, said.conn, frames)
        return refusal.code
    return OK


def _asked(core: Context, peer: Peer, said: Said) -> Anywhere[ClientEvent] | None:
    """What the rule gets; None if a gateway cannot have said that. Raises Refusal."""
    declared = DECLARED[said.event]
    if declared.since > peer.version:
        raise Refusal(BAD_REQUEST)  # for this client, there is no such event
    fields = own.unpack(said.event, said.fields) if said.fields else declared.blank
    if fields is None or not can_be_said(said, peer) or (said.fields and peer.version < declared.newest):
        return None
    if len(peer.starts) > 1:
        arrivals.confirm(peer)
    key = room_key(core, peer, said.room)
    room = core.state.rooms.get(key)
    declared.check(peer, room)
    if declared.grants is not None:
        check_grant(peer, said.room, declared.grants)
    return Asked(fields, said.conn, said.ack, said.room, key, room, said.peer_id, said.body)


def _version(core: Context, conn: str) -> int:
    """The version of the contract that the peer on a socket asked for."""
    peer = core.state.peers.get(core.state.conns.get(conn, ""))
    return peer.version if peer is not None else 1


def _known(said: Said) -> dict[str, object]:
    event = EVENTS.get(said.event)
    payload = payload_of(said.body) if event is not None and event.RELAYED_AS else said.body
    known: dict[str, object] = {"room": said.room, **with_raw(payload=payload)}
    if said.peer_id:
        known["peer_id"] = said.peer_id
    return known
