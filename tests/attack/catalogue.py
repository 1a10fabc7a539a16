"""All attacks by name, in the order in which they are carried out."""

from tests.attack.attacks import bodies, edges, floods, http, passwords, polling, rooms, sockets, victims
from tests.attack.plan import ATTACKS

__all__ = ["ATTACKS", "MODULES", "named"]

MODULES = (floods, bodies, sockets, http, edges, polling, rooms, victims, passwords)


def named(part: str) -> list[str]:
    """The attacks whose names contain ``part``; one that is named in full is meant alone."""
    return [part] if part in ATTACKS else [name for name in ATTACKS if part in name]
