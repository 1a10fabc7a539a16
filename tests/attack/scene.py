"""What passes between the command and the attacker's process, each as one line of JSON."""

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A room and a peer in it, as any roommate knows them."""

    room: str
    peer_id: str


class Scene(msgspec.Struct, kw_only=True):
    """What the attacker knows. It has ``seconds`` and ``most`` bytes.

    The first of ``gateways`` (ports, as all of these) is attacked; ``edge`` is the load balancer's, 0 if there is none.
    ``token`` is an app token. ``host`` owns a room to knock at; ``witnesses`` are the others' places. ``ids`` are what
    gateways call themselves, ``passwords`` those of NATS users, for attacks with a stolen one.
    """

    attack: str
    seconds: float
    most: int
    gateways: list[int]
    auth: int
    edge: int
    nats: int
    token: str
    host: Place | None
    witnesses: list[Place]
    ids: list[str]
    passwords: dict[str, str]


class Outcome(msgspec.Struct, kw_only=True):
    """What the attacker did: bytes sent in so many seconds, what it had prepared, and what it did that it must not."""

    sent: int
    seconds: float
    prepared: str = ""
    breaches: list[str] = []
