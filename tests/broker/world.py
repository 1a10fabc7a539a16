"""A world around a core: gateways with sockets, and a record of what each of them reads."""

import json
from typing import Any, NamedTuple

import msgspec

from broker.core.belief import NOTHING, Unbelievable, believe
from broker.core.levels import limits_set
from broker.core.limits import Limits
from broker.core.machine import Applied, Core
from shared.contract.events import EVENTS
from shared.contract.frames import relay_frame
from shared.contract.locks import lock_of
from shared.contract.told import counted_in
from shared.envelopes import subjects
from shared.envelopes.deliveries import (
    Admit,
    Close,
    Delivery,
    Emit,
    Parcel,
    Shows,
    Speaks,
    pack_message,
    unpack_message,
)
from shared.envelopes.entries import (
    Authenticated,
    Batch,
    Closed,
    Entry,
    GatewayLost,
    GatewayUp,
    Identified,
    Reason,
    Said,
    pack_batch,
    unpack_batch,
)
from shared.envelopes.levels import LEVEL
from shared.envelopes.notices import Notice, NoticeId, encode_notice
from shared.envelopes.users import User

RELAYED = {name: event.RELAYED_AS for name, event in EVENTS.items() if event.RELAYED_AS}


class Token(NamedTuple):
    """What a session token vouches for."""

    peer_id: str
    generation: int
    key: str = ""


NOBODY = Token("", 0)


class Message(NamedTuple):
    """A message of the log."""

    position: int
    time: float
    subject: str
    data: bytes


def subject_of(data: bytes) -> str:
    """Where the writer of a batch, if it is who it says, may store it."""
    batch = unpack_batch(data)
    return subjects.gateway_events(batch.writer) if batch.number else subjects.BROKER_EVENTS


def read(core: Core, message: Message) -> Applied:
    """What follows from a message, for any core that reads the log."""
    try:
        batch, _ = believe(core.state, message.subject, message.data)
    except Unbelievable:
        batch = NOTHING
    return core.apply(message.position, message.time, batch)


class Told(NamedTuple):
    """An event as a client reads it."""

    event: str
    fields: dict[str, Any]


class World:
    """Owns a core, its log and its clock. ``now`` is in seconds since the epoch."""

    def __init__(self, level: int = LEVEL, **limits: Any) -> None:
        self.level = level
        self.limits = Limits(**limits)
        self.core = Core(self.limits)
        self.core.state.level = level
        self.log: list[Message] = []
        self.parcels: list[tuple[str, Parcel]] = []
        self.notices: list[tuple[int, Notice]] = []  # with their positions
        self.gateways: dict[str, Gateway] = {}
        self.now = 1_000_000.0
        self.term = 0
        self._sockets = 0
        self._notices_read = 0
        if self.limits.notices:
            self.say(limits_set(self.term, self.limits))

    def gateway(self, name: str = "g1") -> "Gateway":
        """The gateway of that name, introduced to the core if it is new."""
        if name not in self.gateways:
            self.gateways[name] = Gateway(self, name)
            self.gateways[name].send(GatewayUp(name))  # of a gateway that wants to hear of no level
        return self.gateways[name]

    def idle_gateway(self, name: str) -> "Gateway":
        """A gateway that says nothing by itself, and does nothing with what it is told."""
        gateway = Gateway(self, name)
        gateway.stuck = True
        return gateway

    def socket(self, gateway: str = "g1") -> "Socket":
        """A socket that has not authenticated."""
        self._sockets += 1
        return Socket(self.gateway(gateway), f"s{self._sockets}")

    def peer(self, gateway: str = "g1", **fields: Any) -> "Socket":
        """A socket that has authenticated, with nothing unread."""
        socket = self.socket(gateway)
        socket.authenticate(**fields)
        socket.read()
        return socket

    def room(self, *members: "Socket", name: str = "room") -> None:
        """A room of these, the first its owner, with nothing unread."""
        owner, *others = members
        owner.say("room-create-request", name)
        for other in others:
            other.say("room-join-request", name)
            owner.say("room-join-accept", name, other.peer_id)
        for member in members:
            member.read()

    def say(self, *entries: Entry) -> None:
        """Append entries as a broker does."""
        self.feed(pack_batch(Batch("b1", 0, list(entries))))

    def read_notices(self) -> list[dict[str, Any]]:
        """Those that have not been read yet, as a backend gets them."""
        unread, self._notices_read = self.notices[self._notices_read :], len(self.notices)
        return [json.loads(encode_notice(NoticeId("log", at, 0), notice)) for at, notice in unread]

    def confirm(self) -> None:
        """Every gateway says how far it is."""
        for gateway in self.gateways.values():
            if gateway.name in self.core.state.gateways:
                gateway.send()

    def lose(self, gateway: str) -> None:
        """The speaker gives a gateway up."""
        self.say(GatewayLost(self.term, gateway, self.gateways[gateway].have))

    def feed(self, data: bytes, subject: str = "") -> None:
        """Append a message to the log, under its writer's subject or another, and hand out what follows from it."""
        message = Message(len(self.log) + 1, self.now, subject or subject_of(data), data)
        self.log.append(message)
        parcels, notices = read(self.core, message)
        self.notices += ((message.position, notice) for notice in notices)
        self.parcels += parcels
        for name, parcel in parcels:
            self.gateways[name].receive(pack_message(parcel))


class Gateway:
    """A gateway. ``have`` is the number of its newest parcel; while it is ``stuck``, parcels wait.

    What it appends says how far it is.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.have = 0
        self.handled = 0
        self.stuck = False
        self.waiting: list[Parcel] = []
        self.sockets: dict[str, Socket] = {}
        self.last_sent = b""
        self._batches = 0

    def send(self, *entries: Entry) -> None:
        """Append a batch."""
        self._batches += 1
        batch = Batch(self.name, self._batches, list(entries), have=self.have, handled=self.handled)
        self.last_sent = pack_batch(batch)
        self.world.feed(self.last_sent)

    def receive(self, data: bytes) -> None:
        parcel = unpack_message(data)
        assert isinstance(parcel, Parcel)
        self.waiting.append(parcel)
        if not self.stuck:
            self.go_on()

    def go_on(self) -> None:
        """Emit what waits."""
        self.stuck = False
        for parcel in self.waiting:
            assert parcel.number == self.have + 1, "parcels are numbered without a gap"
            self.have, self.handled = parcel.number, parcel.total
            for delivery in parcel.deliveries:
                self._emit(delivery)
        self.waiting.clear()

    def _emit(self, delivery: Delivery) -> None:
        if isinstance(delivery, Admit | Close | Speaks | Shows):
            self.sockets[delivery.conn].take(delivery)
        elif isinstance(delivery, Emit):
            for conn in delivery.conns:
                self.sockets[conn].take_frame(delivery.frame)


class Socket:
    """A client's socket: says things, and records what it reads. ``acks`` holds the answers by id.

    ``received`` counts as a resumable client of its ``version`` does. What is sent to a ``deaf`` socket is lost on the
    way.
    """

    def __init__(self, gateway: Gateway, conn: str) -> None:
        self.gateway = gateway
        self.conn = conn
        self.key = f"key of {conn}"
        self.token = NOBODY
        self.inbox: list[Told] = []
        self.frames: list[bytes] = []
        self.acks: dict[int, list[dict[str, Any]]] = {}
        self.received = 0
        self.version = 1
        self.closed = False
        self.may_return = False
        self.deaf = False
        self.peerinfo: Any = None
        gateway.sockets[conn] = self

    @property
    def peer_id(self) -> str:
        return self.token.peer_id

    def authenticate(self, **fields: Any) -> None:
        self.gateway.send(self.authenticated(**fields))

    def authenticated(
        self,
        app: str = "app",
        peerinfo: Any = None,
        resumable: bool | None = None,
        resume: Token = NOBODY,
        received: int | None = None,
        ack: int | None = None,
        payload: Any = None,
        version: int = 1,
        user: User | None = None,
    ) -> Authenticated | Identified:
        """The entry that an ``auth-request`` becomes."""
        shown = Authenticated(
            self.conn,
            ack,
            app,
            _json(peerinfo),
            resumable,
            resume.peer_id,
            resume.generation,
            _json(payload),
            received,
            lock_of(self.key),
            resume.key,
            version,
        )
        return shown if user is None else Identified(shown, user)

    def say(
        self, event: str, room: str = "", peer_id: str = "", ack: int | None = None, payload: Any = None, **own: Any
    ) -> None:
        self.gateway.send(self.said(event, room, peer_id, ack, payload, **own))

    def said(
        self,
        event: str,
        room: str,
        peer_id: str = "",
        ack: int | None = None,
        payload: Any = None,
        n: int | None = None,
        **own: Any,
    ) -> Said:
        """The entry that an event becomes; for a relay, ``payload`` is its body. ``own`` are its own fields."""
        body = _json(payload)
        if event in RELAYED:
            body = relay_frame(event, room, self.peer_id, json.dumps(payload).encode(), b"", _json(payload))
        return Said(event, self.conn, ack, room, peer_id, body, _json(own or None), n)

    def close(self, reason: Reason = "closed", for_good: bool = False) -> None:
        self.gateway.send(Closed(self.conn, self.gateway.have, reason, for_good))

    def take(self, delivery: Admit | Close | Speaks | Shows) -> None:
        if self.deaf:
            return
        if isinstance(delivery, Shows):
            self.peerinfo = json.loads(delivery.peerinfo or b"null")
            return
        if isinstance(delivery, Speaks):
            self.version = delivery.version
            return
        if isinstance(delivery, Close):
            self.closed, self.may_return = True, delivery.again
            return
        self.token = Token(delivery.peer_id, delivery.generation, self.key)
        self.peerinfo = json.loads(delivery.peerinfo or b"null")
        fields = {**msgspec.structs.asdict(delivery), "rooms": json.loads(delivery.rooms or b"[]")}
        fields["version"] = self.version
        self.inbox.append(Told("auth-accept", fields))
        if delivery.ack is not None:
            self.acks.setdefault(delivery.ack, []).append({"ok": True})

    def take_frame(self, frame: bytes) -> None:
        if self.deaf:
            return
        self.frames.append(frame)
        start = frame.index(b"[")
        decoded = json.loads(frame[start:])
        if frame.startswith(b"42"):
            self.inbox.append(Told(*decoded))
            self.received += decoded[0] in counted_in(self.version)
        else:
            self.acks.setdefault(int(frame[2:start]), []).extend(decoded)

    def answer(self, ack: int) -> dict[str, Any]:
        """The one answer to an acknowledgement."""
        [answer] = self.acks.pop(ack)
        return answer

    def read(self) -> list[Told]:
        """What has come since the last call."""
        told, self.inbox = self.inbox, []
        return told

    def heard(self) -> list[str]:
        """The names of the events that have come since the last call."""
        return [told.event for told in self.read()]

    def refused(self, event: str) -> str:
        """The code of the only event that has come, which must be that refusal."""
        told = self.read()
        assert [one.event for one in told] == [event], told
        return str(told[0].fields["code"])


def _json(value: Any) -> bytes:
    return b"" if value is None else json.dumps(value).encode()
