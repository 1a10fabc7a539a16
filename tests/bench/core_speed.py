"""How fast the broker's core decides, alone: real entries through Core.apply, on one core, without IO."""

import json
import time
from collections.abc import Callable

import msgspec

from broker.core.limits import Limits
from broker.core.machine import Core
from broker.core.state import State
from shared.contract.frames import relay_frame
from shared.envelopes.entries import Authenticated, Batch, Entry, GatewayUp, Said
from shared.envelopes.levels import LEVEL
from shared.envelopes.notices import NoticeId, encode_notice
from tests.bench.relay import description

GATEWAYS = ("gateway-0", "gateway-1")
COUPLES = 50  # an owner and a guest each; one log message holds an entry of each couple


class CoreSpeed(msgspec.Struct, frozen=True):
    """Operations a second: a relay is one decision, a visit three (request, acceptance, leaving).

    ``noticed`` are visits of which four notices are made and encoded.
    """

    relays: float
    visits: float
    noticed: float


def measure(seconds: float) -> CoreSpeed:
    """Spend so many seconds of CPU on each of them. Session descriptions have 1.8 KB."""
    world = _World()
    world.everyone("room-create-request", _owner)
    visits = world.rate(world.visit, seconds)
    world.everyone("room-join-request", _guest)
    world.everyone("room-join-accept", _owner, _guest)
    relays = world.rate(world.relay, seconds)
    return CoreSpeed(relays=relays, visits=visits, noticed=_visits_with_notices(seconds))


def _visits_with_notices(seconds: float) -> float:
    world = _World(notices=True)
    world.everyone("room-create-request", _owner)
    return world.rate(world.visit, seconds)


class _World:
    """A core, and couples that speak to it through its log, each with a room of its own."""

    def __init__(self, notices: bool = False) -> None:
        limits = Limits(notices=notices)
        self._core = Core(limits, State(level=LEVEL, limits=limits))
        self._position = 0
        self._batches = dict.fromkeys(GATEWAYS, 0)
        self._frames = [_relayed(couple) for couple in range(COUPLES)]
        for gateway in self._batches:
            self._say(gateway, [GatewayUp(gateway)])
        for name in (_owner, _guest):
            for couple in range(COUPLES):
                arrival = Authenticated(
                    conn=name(couple),
                    ack=None,
                    app="bench",
                    peerinfo=b'{"name":"x"}',
                    resumable=None,
                    resume_id="",
                    resume_generation=0,
                    payload=b"",
                    received=None,
                )
                self._say(_gateway(name), [arrival])

    def everyone(self, event: str, sender: Callable[[int], str], to: Callable[[int], str] | None = None) -> None:
        """One event in each couple."""
        self._say_said(event, sender, to, [b""] * COUPLES)

    def visit(self) -> None:
        """Every guest comes in and leaves."""
        self.everyone("room-join-request", _guest)
        self.everyone("room-join-accept", _owner, _guest)
        self.everyone("room-leave-request", _guest)

    def relay(self) -> None:
        """Every owner sends its guest a session description."""
        self._say_said("relay-session-description", _owner, _guest, self._frames)
        self._say(_gateway(_guest), [])  # which says that it has handled what it was sent

    @staticmethod
    def rate(act: Callable[[], None], seconds: float) -> float:
        """How often every couple does it, a second."""
        done = 0
        start = time.process_time()
        while (passed := time.process_time() - start) < seconds:
            act()
            done += COUPLES
        return done / passed

    def _say_said(
        self, event: str, sender: Callable[[int], str], to: Callable[[int], str] | None, bodies: list[bytes]
    ) -> None:
        entries: list[Entry] = [
            Said(event, sender(couple), None, _room(couple), to(couple) if to else "", body)
            for couple, body in enumerate(bodies)
        ]
        self._say(_gateway(sender), entries)

    def _say(self, gateway: str, entries: list[Entry]) -> None:
        self._position += 1
        self._batches[gateway] += 1
        applied = self._core.apply(
            self._position, float(self._position), Batch(gateway, self._batches[gateway], entries)
        )
        for nth, notice in enumerate(applied.notices):
            encode_notice(NoticeId("log", self._position, nth), notice)


def _relayed(couple: int) -> bytes:
    body = json.dumps(description("offer")).encode()
    return relay_frame("relay-session-description", _room(couple), _owner(couple), body, b"", b"")


def _gateway(name: Callable[[int], str]) -> str:
    """Owners sit on one gateway, guests on the other."""
    return GATEWAYS[name is _guest]


def _room(couple: int) -> str:
    return f"room-{couple}"


def _owner(couple: int) -> str:
    return f"owner-{couple}"


def _guest(couple: int) -> str:
    return f"guest-{couple}"
