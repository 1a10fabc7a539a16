"""A client's connection to a gateway, and its two ends: what the gateway takes for a socket, and the client."""

import functools
from collections.abc import Callable
from typing import Any, Protocol, cast

import msgspec

from gateway.rate import Stranger
from gateway.settings import Settings
from gateway.switchboard import Switchboard
from gateway.transport.engineio.socket import Socket
from shared.contract.refusals import Refusal
from shared.process.world import World
from tests.sim.loop import Loop
from tests.sim.universe import Universe
from tests.sim.wire import Wire

PARTING = 1.0  # seconds for a client to hang up by itself
SILENCE = (3.0, 6.0)  # seconds in which either side notices that the other one is silent
AT_ONCE = (0.001, 0.05)  # seconds in which a client hears that the gateway's machine refuses its packets
LATENCY = 0.02  # seconds

OnEvent = Callable[[str, Any, int | None], None]


class Host(Protocol):
    """A gateway, as its lines know it."""

    settings: Settings
    universe: Universe
    loop: Loop
    world: World
    switchboard: Switchboard
    lines: "list[Line]"

    @property
    def accepts(self) -> bool:
        """Whether a client can connect."""

    def complain(self, trouble: str) -> None:
        """Something is wrong with it."""


class Caller(Protocol):
    """A client, as its line knows it."""

    def opened(self, line: "Line") -> None:
        """The gateway has accepted the handshake."""

    def hear(self, line: "Line", frame: bytes) -> None:
        """The gateway says something."""

    def down(self, line: "Line") -> None:
        """The line is gone."""


class GatewayEnd:
    """The part of ``gateway.transport`` that a gateway's inner side sees: bytes that wait, and how it ends."""

    def __init__(self, line: "Line", max_unsent: int, max_message: int) -> None:
        self.address = ""
        self.budget: Any = Stranger(max_message)
        self.close_code = 1000
        self.on_event: OnEvent | None = None
        self.on_slow: Callable[[], None] | None = None
        self.slow = False
        self.unsent = 0
        self.closed = False
        self.deaf = False
        self._line = line
        self._max_unsent = max_unsent

    def greet(self) -> None:
        """The client has shown an app token."""

    def stay(self) -> None:
        """The client has proved who it is."""

    def send_frame(self, frame: bytes) -> None:
        if self.closed:
            return
        self.unsent += len(frame)
        self._line.down.send(frame)
        if self.unsent > self._max_unsent and self.on_slow is not None and not self.slow:
            self.slow = True
            self.on_slow()

    def ignore(self) -> None:
        self.deaf = True

    def leave(self) -> None:
        if not self.closed:
            self._line.gateway.loop.call_later(PARTING, self.hang_up)

    def hang_up(self) -> None:
        self._line.gateway.loop.call_soon(self._line.end_at_gateway, False, False)


class Line:
    """From the client's attempt to connect to the end of the connection."""

    def __init__(self, gateway: Host, caller: Caller, token: str) -> None:
        self.gateway = gateway
        self.universe = gateway.universe
        self.caller = caller
        self.sid = gateway.world.new_id(10)
        self.is_down = False  # for the client
        self.up: Wire[Callable[[], None]] = Wire(self.universe, LATENCY, self._arrive_at_gateway)
        self.down: Wire[bytes | None] = Wire(self.universe, LATENCY, self._arrive_at_client)
        settings = gateway.settings
        self.end = GatewayEnd(self, settings.max_unsent, settings.max_message)
        self._life = gateway.loop
        gateway.lines.append(self)
        self.up.send(functools.partial(self._open, token))

    # what the client does

    def say(self, event: str, body: bytes, ack: int) -> None:
        self.up.send(functools.partial(self._hear, event, msgspec.Raw(body), ack))

    def goodbye(self) -> None:
        """As ``disconnect()`` of a client does."""
        self.is_down = True
        self.up.send(functools.partial(self.end_at_gateway, False, True))

    def drop(self) -> None:
        """Close the connection without a word."""
        self.is_down = True
        self.up.send(functools.partial(self.end_at_gateway, False, False))

    def vanish(self) -> None:
        """The network is gone: the gateway notices when a ping is not answered, the client at once."""
        self._cut()
        self.gateway.loop.call_later(self.universe.chance.uniform(*SILENCE), self.end_at_gateway, True, False)
        self.universe.after(self.universe.chance.uniform(*AT_ONCE), self._tell_down)

    # what happens to the gateway

    def gateway_died(self) -> None:
        """Nothing answers any more, or the machine says so."""
        self._cut()
        within = AT_ONCE if self.universe.chance.random() < 0.8 else SILENCE
        self.universe.after(self.universe.chance.uniform(*within), self._tell_down)

    def watch_out(self) -> None:
        """The gateway may be silent: the client notices, if that lasts."""

        def notice() -> None:
            if self.gateway.loop is self._life and self._life.frozen and not self.is_down:
                self.drop()
                self.caller.down(self)

        self.universe.after(self.universe.chance.uniform(*SILENCE), notice)

    def end_at_gateway(self, lost: bool, for_good: bool) -> None:
        """The gateway learns that the connection is over, or ends it."""
        if self.end.closed or self.gateway.loop is not self._life:
            return
        self.gateway.switchboard.disconnect(self.sid, lost, for_good)
        self.end.closed = True
        self.end.on_event = self.end.on_slow = None
        if self in self.gateway.lines:
            self.gateway.lines.remove(self)
        self.down.send(None)

    def _open(self, token: str) -> None:
        if not self.gateway.accepts:
            self.end_at_gateway(False, False)
            return
        try:
            self.gateway.switchboard.connect(self.sid, cast(Socket, self.end), token)
            self.end.send_frame(b"40")
        except Refusal as refusal:
            self.gateway.complain(f"a handshake was refused: {refusal.code}")

    def _hear(self, event: str, body: msgspec.Raw, ack: int) -> None:
        if self.end.on_event is not None and not self.end.deaf:
            self.end.on_event(event, body, ack)

    def _arrive_at_gateway(self, step: Callable[[], None]) -> None:
        if self.gateway.loop is self._life:
            self._life.arrive(step)

    def _arrive_at_client(self, frame: bytes | None) -> None:
        if frame is None:
            self._cut()
            self._tell_down()
            return
        self.end.unsent -= len(frame)
        if self.is_down:
            return
        if frame == b"40":
            self.caller.opened(self)
        else:
            self.caller.hear(self, frame)

    def _cut(self) -> None:
        self.up.cut()
        self.down.cut()

    def _tell_down(self) -> None:
        if not self.is_down:
            self.is_down = True
            self.caller.down(self)
