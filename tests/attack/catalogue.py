"""All attacks by name: to import a module declares those in it."""

from tests.attack.attacks import (
    absences,
    bodies,
    crowd,
    edges,
    floods,
    http,
    life,
    many,
    passwords,
    polling,
    rooms,
    sockets,
    victims,
    views,
)
from tests.attack.plan import ATTACKS

__all__ = ["ATTACKS", "MODULES", "named"]

MODULES = (floods, bodies, sockets, http, edges, many, polling, rooms, views, life, absences, victims, passwords, crowd)


def named(part: str) -> list[str]:
    """The attacks whose names contain ``part``; one that is named in full is meant alone."""
    return [part] if part in ATTACKS else [name for name in ATTACKS if part in name]
