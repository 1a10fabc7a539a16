"""Belief: what is taken from a message of the log, by the subject that it was stored under.

NATS sees to it that gateways write under gateways' subjects alone, and brokers under the brokers'. So whatever the
bytes claim, a gateway speaks as itself, for its own sockets, and orders and terms come from brokers. What cannot be
right is skipped by every broker alike, as this follows from the log and nothing else.
"""

from broker.core.levels import NewerLog
from broker.core.state import Peer, State
from shared.contract.frames import is_json, relay_start
from shared.envelopes import subjects
from shared.envelopes.entries import BROKER, GATEWAY, OLD, Authenticated, Batch, Malformed, Reader, Said, newer_kinds

NOTHING = Batch("nobody", 0, [])
TERM_LEAP = 2**32  # a term is a count of half seconds: higher above the present one it cannot be


class Unbelievable(ValueError):
    """The writer of a message may not say this."""


def believe(state: State, subject: str, data: bytes) -> tuple[Batch, bool]:
    """The batch in a message, and whether all of it is believed. Raises Unbelievable when nothing is, and NewerLog.

    A log of the version before tells nobody apart: all is believed until a broker has stored something under the
    brokers' subject. From then on, who still writes as before is a gateway that has not been replaced yet.
    """
    reader = _reader(state, subject)
    try:
        try:
            batch, whole = reader.read(data), True
        except Malformed:
            if reader is BROKER and (kinds := newer_kinds(data)):
                raise NewerLog(f"brokers have stored entries of the kinds {sorted(kinds)}") from None
            batch, whole = reader.read_part(data), False
    except Malformed as error:
        raise Unbelievable(str(error)) from None
    _check_writer(reader, subject, batch)
    state.told_apart |= subject == subjects.BROKER_EVENTS
    return batch, whole


def speaks_for(state: State, gateway: str, conn: str) -> bool:
    """Whether a socket is that gateway's own, or nobody's yet. A gateway that has taken its leave has none."""
    peer_id = state.conns.get(conn)
    return gateway in state.gateways and (peer_id is None or state.peers[peer_id].gateway == gateway)


def is_stamped(said: Said, peer: Peer) -> bool:
    """Whether a relay says who it is from: its roommate reads it as it is.

    Whether all of it can be read is left to the gateway that delivers it.
    """
    return said.body.startswith(relay_start(said.event, said.room, peer.peer_id))


def has_payload(said: Said, _: Peer) -> bool:
    """Whether what others will read of an event can be read."""
    return not said.body or is_json(said.body)


def can_be_shown(entry: Authenticated) -> bool:
    """The same for what a client shows of itself."""
    return (not entry.peerinfo or is_json(entry.peerinfo)) and (not entry.payload or is_json(entry.payload))


def may_be(state: State, term: int) -> bool:
    """Whether a term can be, by what is known of the present one. Older ones are over."""
    return state.term <= term <= state.term + TERM_LEAP


def _reader(state: State, subject: str) -> Reader:
    if subject.startswith(subjects.GATEWAY_EVENTS):
        return GATEWAY
    if subject == subjects.BROKER_EVENTS:
        return BROKER
    if subject == subjects.OLD_EVENTS:
        return GATEWAY if state.told_apart else OLD
    raise Unbelievable("nobody writes under this subject")


def _check_writer(reader: Reader, subject: str, batch: Batch) -> None:
    if reader is GATEWAY and batch.number == 0:
        raise Unbelievable("a gateway's batches are numbered from 1")
    if reader is BROKER and batch.number != 0:
        raise Unbelievable("a broker's batches are not numbered")
    if subject.startswith(subjects.GATEWAY_EVENTS) and subject != subjects.gateway_events(batch.writer):
        raise Unbelievable("it is under another gateway's subject")
