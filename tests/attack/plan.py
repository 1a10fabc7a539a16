"""How an attack is declared."""

import dataclasses
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Literal

from tests.attack.me import Me

Steps = AsyncGenerator[None, None]
Strike = Callable[[Me], Steps]
Host = Literal["none", "present", "slow", "absent"]

ATTACKS: "dict[str, Attack]" = {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack. ``strike`` prepares it up to its ``yield``, and carries it out after that.

    ``row`` is that of the table in the issue that found it, 0 if it is none of these. ``host`` says in which state a
    room's owner is who is among the witnesses. ``edge`` puts the load balancer in front, ``restart`` replaces the
    brokers afterwards: what is in the log must not end them then, either. ``settings`` are for all processes.
    """

    name: str
    what: str
    strike: Strike
    row: int = 0
    host: Host = "none"
    edge: bool = False
    restart: bool = False
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)


def attack(
    row: int = 0,
    host: Host = "none",
    edge: bool = False,
    restart: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Callable[[Strike], Strike]:
    """Declare a function as an attack, by its own name and with the first line of its docstring."""

    def declare(strike: Strike) -> Strike:
        name = strike.__name__.replace("_", "-")
        what = (strike.__doc__ or "").strip().splitlines()[0].rstrip(".")
        ATTACKS[name] = Attack(
            name=name, what=what, strike=strike, row=row, host=host, edge=edge, restart=restart,
            settings=settings or {},
        )  # fmt: skip
        return strike

    return declare
