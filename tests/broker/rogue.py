"""A gateway that somebody else has got hold of: it says whatever it likes, of other gateways' peers too."""

from collections.abc import Callable

from shared.envelopes import subjects
from shared.envelopes.entries import (
    AppRevoked,
    Authenticated,
    Batch,
    Closed,
    Entry,
    GatewayDown,
    GatewayLost,
    GatewayUp,
    PeerRemoved,
    RoomClosed,
    Said,
    Speaking,
    Tick,
    pack_batch,
)
from tests.broker.world import Socket, World

NAME = "rogue"
EVENTS = ("room-create-request", "room-join-request", "room-leave-request", "relay-ice-candidate")
Lie = Callable[[Socket, str], list[Entry]]


def take_socket(victim: Socket) -> list[Entry]:
    """The socket is said to be the rogue's. One that is nobody's any more is as good as any other new one."""
    if victim.conn not in victim.gateway.world.core.state.conns:
        return []
    return [Authenticated(victim.conn, None, "app", b'"changed"', False, "", 0, b"", None)]


LIES: list[Lie] = [
    lambda victim, room: [Said(event, victim.conn, None, room, victim.peer_id, b"{}") for event in EVENTS],
    lambda victim, _: [Closed(victim.conn, 0, "closed", True)],
    lambda victim, _: [Closed(victim.conn, 2**53, "lost", False)],
    lambda victim, _: take_socket(victim),
    lambda victim, _: [
        Authenticated(f"{NAME} {victim.conn}", None, "app", b"", True, victim.peer_id, victim.token.generation, b"", 0),
        Closed(f"{NAME} {victim.conn}", 0, "closed", True),
    ],
    lambda victim, room: [RoomClosed(room), PeerRemoved(victim.peer_id or "x"), AppRevoked("app", 2**53)],
    lambda victim, _: [Speaking(2**64 - 1), Speaking(2**53), Tick(2**53), GatewayLost(2**53, victim.gateway.name, 0)],
    lambda victim, _: [GatewayUp(victim.gateway.name), GatewayUp(NAME)],
    lambda _victim, _room: [GatewayDown(0), Authenticated("late", None, "app", b"", True, "", 0, b"", None)],
]


class Rogue:
    """Writes under its own subject, under its own name or another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._number = 0

    def say(self, victim: Socket, room: str, lie: Lie, writer: str = NAME, number: int | None = None) -> None:
        """Append a lie as that writer."""
        if NAME not in self._world.core.state.gateways:
            self._number = 0
            self._append(NAME, None, [GatewayUp(NAME)])
            self._world.gateways.setdefault(NAME, self._world.idle_gateway(NAME))
        self._append(writer, number, lie(victim, room))

    def _append(self, writer: str, number: int | None, entries: list[Entry]) -> None:
        self._number += 1
        data = pack_batch(Batch(writer, self._number if number is None else number, entries))
        self._world.feed(data, subjects.gateway_events(NAME))
