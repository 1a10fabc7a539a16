"""Who may do what, by the log: each entry is asked of the independent model as well, and both must come to the same.

What comes again under its number must not be asked again, and nothing else may be taken for it.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from unittest.mock import patch

from broker.core import dispatch
from broker.core.dispatch import AGAIN, OK, hear
from broker.core.limits import Limits
from broker.core.machine import Applied, Core
from broker.core.state import Peer
from shared.envelopes.entries import Batch, Said
from tests.broker.house import House, Refused, Somebody

# Refusals for reasons that the model knows nothing of: nothing may follow from the event.
OF_OTHER_KINDS = ("too-many-requests", "unavailable", "bad-request", "unauthorized", "stale")
RELAYS = ("relay-session-description", "relay-ice-candidate")


class Attended(Core):
    """A core that reads a log, and is compared with the model as long as they agree. ``find`` is told of a fault."""

    def __init__(self, limits: Limits, find: Callable[[str], None]) -> None:
        super().__init__(limits)
        self._house = House(lambda: self.state.now, limits.peers_per_room, limits.data_keys, limits.data_bytes)
        self._find = find
        self._agree = True
        self._done: set[tuple[str, int]] = set()  # by peer: the numbers under which something was done

    def apply(self, position: int, time: float, batch: Batch) -> Applied:
        applied = super().apply(position, time, batch)
        if self._agree:
            self._note_who_is_there()
            self._compare(position)
        return applied

    def attend(self, writer: str, said: Said) -> None:
        """Let an event take effect, in the model too."""
        self._note_who_is_there()
        peer = self.state.peers.get(self.state.conns.get(said.conn, ""))
        self.tally = defaultdict[tuple[str, str], int](int)
        hear(self, writer, said)
        if self._agree and peer is not None and self.tally:
            [(_, outcome)] = self.tally
            self._ask(peer, said, outcome)

    def _ask(self, peer: Peer, said: Said, outcome: str) -> None:
        if outcome in OF_OTHER_KINDS or self._is_repeated(peer, said, outcome):
            return
        expected = OK if said.event not in RELAYS or self._may_speak(peer, said) else "not-member"
        fields = json.loads(said.fields or b"{}")
        if said.event == "room-data-request":
            fields |= {"if": fields.get("if") or {}, "version": self.state.number}
        elif said.event == "room-message-request":
            fields["body"] = None  # whom it is for follows from who may be written to
        if said.event == "room-unban-request" and said.peer_id:
            fields["id"] = f"peer {said.peer_id}"  # as the model calls one who is anonymous
        if said.event not in RELAYS:
            try:
                self._house.say(said.event, peer.peer_id, said.room, said.peer_id, fields)
            except Refused as refused:
                expected = str(refused)
            self._house.heard.clear()
        if outcome != expected:
            self._disagree(f"{said.event} of {peer.peer_id} in {said.room} is answered {outcome}, not {expected}")

    def _is_repeated(self, peer: Peer, said: Said, outcome: str) -> bool:
        """Whether it was done before under its number. Both must say so, or none."""
        if said.n is None or outcome not in (OK, AGAIN):
            return False
        done = (peer.peer_id, said.n) in self._done
        self._done.add((peer.peer_id, said.n))
        if done != (outcome == AGAIN):
            self._disagree(f"{said.event} {said.n} of {peer.peer_id} in {said.room} is answered {outcome}")
        return done

    def _may_speak(self, peer: Peer, said: Said) -> bool:
        room = self._house.rooms.get(said.room)
        return room is not None and {peer.peer_id, said.peer_id} <= room.roles.keys() and said.peer_id != peer.peer_id

    def _note_who_is_there(self) -> None:
        people, peers = self._house.people, self.state.peers
        if people.keys() == peers.keys():
            return
        self._house.gone([name for name in people if name not in peers])
        for name, peer in peers.items():
            if name not in people:
                user = peer.user
                self._house.versions[name] = peer.version
                people[name] = Somebody(name, user.id if user else "", dict(user.rooms) if user else None)

    def _compare(self, position: int) -> None:
        rooms = self.state.rooms
        if rooms.keys() != self._house.rooms.keys():
            self._disagree(f"at {position} there are {sorted(rooms)}, not {sorted(self._house.rooms)}")
            return
        for name, expected in self._house.rooms.items():
            room = rooms[name]
            roles = [(peer, "owner" if peer == room.owner else member.role) for peer, member in room.members.items()]
            if roles != list(expected.roles.items()):
                self._disagree(f"at {position} the members of {name} are {roles}, not {expected.roles}")
            elif list(room.pending) != expected.pending:
                self._disagree(f"at {position} {list(room.pending)} wait for {name}, not {expected.pending}")

    def _disagree(self, what: str) -> None:
        self._agree = False
        self._find(f"rights: {what}")


@contextlib.contextmanager
def attended(limits: Limits, find: Callable[[str], None]) -> Iterator[Core]:
    """A core to read a log with."""
    core = Attended(limits, find)
    with patch.object(dispatch, "hear", lambda _, writer, said: core.attend(writer, said)):
        yield core
