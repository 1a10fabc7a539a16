"""From what a client said to its rule: whether there is such an event, who sent it, and whether they may."""

from collections.abc import Callable

import msgspec

from broker.core import rules
from broker.core.asked import Asked
from broker.core.belief import has_payload, is_stamped
from broker.core.context import Context
from broker.core.rights import CHECKS, Check, check_grant
from broker.core.rules import arrivals, repeats
from broker.core.rules.rooms import room_key
from broker.core.state import Peer
from shared.contract import own
from shared.contract.events import EVENTS, ClientEvent, RoomEvent, first
from shared.contract.frames import payload_of, refusal_frames, with_raw
from shared.contract.refusals import BAD_REQUEST, UNAUTHORIZED, Refusal
from shared.envelopes.entries import Said
from shared.envelopes.levels import LIFE
from shared.envelopes.users import Grant

OK, AGAIN = "ok", "again"


class Declared(msgspec.Struct, frozen=True, gc=False):
    """What an event's declaration comes to here.

    level        from which on brokers know it
    since        the version of the contract that brought it
    newest       the version since which it has the fields of its own that it has
    is_allowed   makes sure that a peer may send it. Raises Refusal
    is_credible  whether a gateway can have made it of what a client said
    grants       of which a user needs one for the room; None: none
    blank        one whose own fields are all left out, if there can be such a one
    """

    level: int
    since: int
    newest: int
    is_allowed: Check
    is_credible: Callable[[Said, Peer], bool]
    grants: frozenset[Grant] | None
    blank: ClientEvent | None

    @classmethod
    def of(cls, event: type[ClientEvent]) -> "Declared":
        """What a declaration comes to."""
        is_credible = is_stamped if event.RELAYED_AS else has_payload
        blank = own.unpack(event.NAME, b"")
        then = first(event.NAME)
        return cls(then.LEVEL, then.SINCE, event.SINCE, CHECKS[event.WHO], is_credible, event.GRANTS, blank)


DECLARED = {name: Declared.of(event) for name, event in EVENTS.items()}


def hear(core: Context, writer: str, said: Said) -> None:
    """Let a client event take effect, or answer why not. What its gateway cannot have made of one is passed over."""
    try:
        rule = rules.RULES.get(said.event)
        declared = DECLARED.get(said.event)
        if rule is None or declared is None or declared.level > core.state.level:
            raise Refusal(BAD_REQUEST)  # of a gateway that is newer than a broker
        peer = core.state.peers.get(core.state.conns.get(said.conn, ""))
        if peer is None or peer.gateway != writer:
            raise Refusal(UNAUTHORIZED)  # a socket whose peer has moved on to another one
        if declared.since > peer.version:
            raise Refusal(BAD_REQUEST)  # for this client, there is no such event
        fields = own.unpack(said.event, said.fields) if said.fields else declared.blank
        if fields is None or not declared.is_credible(said, peer) or (said.fields and peer.version < declared.newest):
            core.doubted += 1
            return
        if len(peer.starts) > 1:
            arrivals.confirm(peer)
        key = room_key(core, peer, said.room)
        room = core.state.rooms.get(key)
        asked = Asked(fields, said.conn, said.ack, said.room, key, room, said.peer_id, said.body)
        n = said.n if said.n is not None and repeats.counts(core, peer, said) else None
        if n is not None and repeats.answer_again(core, peer, n, asked):
            core.tally[said.event, AGAIN] += 1
            return
        declared.is_allowed(peer, room)
        if declared.grants is not None:
            check_grant(peer, said.room, declared.grants)
        rule(core, peer, asked)
        if n is not None:
            repeats.remember(core, peer, n, asked)
        core.tally[said.event, OK] += 1
    except Refusal as refusal:
        core.tally[said.event, refusal.code] += 1
        known = _known(said, is_named=core.state.level < LIFE)
        frames = refusal_frames(said.event, refusal, said.ack, known, _version(core, said.conn))
        core.out.answer(writer, said.conn, frames)


def _version(core: Context, conn: str) -> int:
    """The version of the contract that the peer on a socket asked for."""
    peer = core.state.peers.get(core.state.conns.get(conn, ""))
    return peer.version if peer is not None else 1


def _known(said: Said, is_named: bool) -> dict[str, object]:
    """What a refusal says of the event. ``is_named``: a room, too, if it has none, as when all events had one."""
    event = EVENTS.get(said.event)
    payload = payload_of(said.body) if event is not None and event.RELAYED_AS else said.body
    named = {"room": said.room} if is_named or event is None or issubclass(event, RoomEvent) else {}
    known: dict[str, object] = {**named, **with_raw(payload=payload)}
    if said.peer_id:
        known["peer_id"] = said.peer_id
    return known
