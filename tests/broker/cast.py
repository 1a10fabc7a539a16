"""Those who act in a world, as seen from outside: who is where, by what the log and the answers say."""

import json
from collections import Counter

from shared.contract.told import COUNTED
from shared.envelopes.deliveries import Admit, Emit, Parcel
from tests.broker.model import Told
from tests.broker.world import NOBODY, Socket, Token


class Person:
    """A client over all its sockets: the token it got last, and how many events on that token's socket."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.token = NOBODY
        self.received = 0
        self.story: dict[str, list[Told]] = {}

    def read(self) -> None:
        """Take in what the socket has got."""
        for event, fields in self.socket.read():
            if event == "auth-accept":
                if fields["peer_id"] != self.token.peer_id:
                    self.story = {}
                self.token = Token(fields["peer_id"], fields["generation"], self.socket.key)
            elif event in COUNTED:
                number = fields.get("session_description") or fields.get("ice_candidate") or 0
                self.story.setdefault(fields["room"], []).append((event, fields["peer_id"], number))
        if self.socket.token != NOBODY:
            self.received = self.socket.received


class Answers:
    """What was sent to sockets, whether they read it or not."""

    def __init__(self) -> None:
        self.acks: Counter[tuple[str, int]] = Counter()
        self.admits: list[Admit] = []
        self.codes: list[tuple[str, str]] = []

    def take(self, parcels: list[tuple[str, Parcel]]) -> None:
        """Look through new parcels. ``admits`` and ``codes`` are of these alone."""
        self.admits, self.codes = [], []
        for _, parcel in parcels:
            for delivery in parcel.deliveries:
                if isinstance(delivery, Admit):
                    self.admits.append(delivery)
                elif isinstance(delivery, Emit):
                    self._note(delivery)

    def _note(self, emit: Emit) -> None:
        start = emit.frame.index(b"[")
        decoded = json.loads(emit.frame[start:])
        for conn in emit.conns:
            if emit.frame.startswith(b"43"):
                self.acks[conn, int(emit.frame[2:start])] += 1
            elif "code" in decoded[1]:
                self.codes.append((conn, decoded[1]["code"]))

    def codes_for(self, conn: str) -> list[str]:
        """The codes of the refusals that a socket has been sent."""
        return [code for told, code in self.codes if told == conn]
