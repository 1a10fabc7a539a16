"""The room authority itself: applies the log, one message after the other, and says what is to be delivered.

Pure: no clock, no randomness, no IO. The same log gives the same state, the same parcels and the same notices.
"""

import typing
from collections.abc import Sequence
from typing import NamedTuple

from broker.core import dispatch, levels
from broker.core.belief import can_be_shown, may_be, speaks_for
from broker.core.context import Context
from broker.core.levels import NewerLog
from broker.core.limits import Limits
from broker.core.rehearsal import Rehearsal
from broker.core.rules import arrivals, deadlines, departures, orders
from broker.core.state import Gateway, State
from shared.contract.events import AuthRequest
from shared.contract.frames import refusal_frames
from shared.contract.refusals import BAD_REQUEST, Refusal
from shared.envelopes.deliveries import Parcel
from shared.envelopes.entries import (
    Authenticated,
    Batch,
    Closed,
    Entry,
    GatewayDown,
    GatewayLost,
    GatewayUp,
    Identified,
    LevelRaised,
    LimitsSet,
    OfBroker,
    Ordered,
    Pace,
    Said,
    Speaking,
    Tick,
)
from shared.envelopes.levels import LIFE, RIGHTS
from shared.envelopes.notices import Notice
from shared.envelopes.users import User

Place = tuple[int, int]  # of an entry: the position of its message, and its index in there


class RuleFailed(Exception):
    """A rule broke off at an entry, for a reason that is no refusal: an error of ours. The core is void after it.

    A new core that is told of the ``place`` skips that entry, and comes to the same state on every broker.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(f"at log position {place[0]}, entry {place[1]}")
        self.place = place


class Applied(NamedTuple):
    """What follows from a message of the log: parcels with the gateways they are for, and notices, in order."""

    parcels: list[tuple[str, Parcel]]
    notices: Sequence[Notice]


class Core(Context):
    """The context, and the order in which entries take effect in it.

    ``failed`` are the places of entries at which rules are known to break off: those are refused.
    """

    def __init__(self, limits: Limits, state: State | None = None, failed: frozenset[Place] = frozenset()) -> None:
        super().__init__(limits, state)
        self.failed = failed

    def apply(self, position: int, time: float, batch: Batch) -> Applied:
        """Apply the log message at ``position``, stored at ``time`` (seconds since the epoch).

        Raises RuleFailed, and NewerLog.
        """
        self.state.position = position
        self.state.now = max(self.state.now, time)
        if self._takes(batch):
            done = 0
            for index, entry in enumerate(batch.entries):
                try:
                    if index < done:
                        continue
                    if self.failed and (position, index) in self.failed:
                        self._refuse(batch.writer, entry)
                    elif isinstance(entry, Said):  # most of them
                        dispatch.hear(self, batch.writer, entry)
                    elif isinstance(entry, Closed):
                        done = self._close(batch, index)
                    else:
                        self._apply(batch.writer, entry)
                except NewerLog:
                    raise
                except Exception as error:
                    raise RuleFailed((position, index)) from error
        return Applied(self.out.seal(position, batch.taken), self.notices.take())

    def rehearse(self, newest: State) -> None:
        """Read on until that state is adopted, only to know what gateways are told."""
        self.out.rehearsal = Rehearsal(self.state, newest)

    def adopt(self, state: State) -> None:
        """Take over the state of a snapshot. What gateways were told before, as far as it was read, stays known."""
        self.state = state
        self.out.adopt(state)
        self.notices.adopt(state)

    def next_deadline(self) -> float | None:
        """When, in seconds since the epoch, a Tick is due; None if nothing waits for time to pass."""
        return deadlines.next_due(self.state)

    def _takes(self, batch: Batch) -> bool:
        """Whether a batch is applied: a repeated one is not, nor one of a gateway that is not up."""
        if batch.number == 0:
            return True  # a broker's; its entries carry a term
        if batch.entries and isinstance(batch.entries[0], GatewayUp) and batch.number == 1:
            return batch.writer not in self.state.gateways
        gateway = self.state.gateways.get(batch.writer)
        if gateway is None or batch.number <= gateway.batch:
            return False
        gateway.batch = batch.number
        self.out.confirm(batch.writer, batch.have, batch.handled)
        return True

    def _apply(
        self, writer: str, entry: Authenticated | Identified | Pace | GatewayUp | GatewayDown | OfBroker
    ) -> None:
        if isinstance(entry, Authenticated | Identified):
            self._authenticate(writer, entry)
        elif isinstance(entry, Pace):
            arrivals.pace(self, writer, entry)
        elif isinstance(entry, GatewayUp):
            self._bring_up(writer, entry)
        elif isinstance(entry, GatewayDown):
            departures.lose_gateway(self, writer, entry.seen)
        elif isinstance(entry, Ordered):
            orders.obey(self, entry)
        elif isinstance(entry, GatewayLost | Speaking | Tick | LevelRaised | LimitsSet):
            self._apply_term(entry)
        else:
            typing.assert_never(entry)

    def _refuse(self, writer: str, entry: Entry) -> None:
        """Answer an entry that no rule can be asked about."""
        refusal = Refusal(BAD_REQUEST, "This cannot be done")
        if isinstance(entry, Said):
            known = {"room": entry.room, **({"peer_id": entry.peer_id} if entry.peer_id else {})}
            self.out.answer(writer, entry.conn, refusal_frames(entry.event, refusal, entry.ack, known))
        elif isinstance(entry, Authenticated | Identified):
            shown = _shown(entry)[0]
            self.out.answer(writer, shown.conn, refusal_frames(AuthRequest.NAME, refusal, shown.ack, {}))
        elif not isinstance(entry, Closed | Pace | GatewayUp | GatewayDown | OfBroker):  # nobody waits for an answer
            typing.assert_never(entry)

    def _apply_term(self, entry: GatewayLost | Speaking | Tick | LevelRaised | LimitsSet) -> None:
        if not may_be(self.state, entry.term):
            self.doubted += entry.term > self.state.term
        elif isinstance(entry, GatewayLost):
            departures.lose_gateway(self, entry.gateway, entry.seen)
        elif isinstance(entry, Tick):
            deadlines.pass_time(self)
        elif isinstance(entry, Speaking):
            self.state.term = entry.term
        elif isinstance(entry, LevelRaised):
            levels.rise(self, entry)
        elif isinstance(entry, LimitsSet):
            levels.limit(self, entry)
        else:
            typing.assert_never(entry)

    def _authenticate(self, writer: str, entry: Authenticated | Identified) -> None:
        shown, user = _shown(entry)
        if user is not None and self.state.level < RIGHTS:
            self.doubted += 1  # brokers of an earlier release know of no users: nobody is let in as anybody else
        elif speaks_for(self.state, writer, shown.conn) and can_be_shown(shown):
            arrivals.authenticate(self, writer, shown, user)
        else:
            self.doubted += 1

    def _close(self, batch: Batch, first: int) -> int:
        """Close a socket, and with it those of the entries that follow; returns the place of the next entry.

        Whoever goes at the same time is not told of the others: in rooms full of them that would be the square. Before
        there was life in rooms, each went alone.
        """
        end = first + 1
        while self.state.level >= LIFE and end < len(batch.entries) and isinstance(batch.entries[end], Closed):
            end += 1
        together = [entry for entry in batch.entries[first:end] if isinstance(entry, Closed)]
        ours = [entry for entry in together if speaks_for(self.state, batch.writer, entry.conn)]
        self.doubted += len(together) - len(ours)
        departures.close(self, ours)
        return end

    def _bring_up(self, writer: str, entry: GatewayUp) -> None:
        if writer not in self.state.gateways:  # where it stands in the batch, only the first one can be meant
            self.state.gateways[writer] = Gateway(entry.name, batch=1, level=entry.level)
            orders.tell_revoked(self, writer)
            levels.tell(self, writer)


def _shown(entry: Authenticated | Identified) -> tuple[Authenticated, User | None]:
    """What a socket has shown, and who it is, unless it is anonymous."""
    return (entry.authenticated, entry.user) if isinstance(entry, Identified) else (entry, None)
