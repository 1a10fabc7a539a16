"""How much one event may carry: the settings that the declared bodies name."""

import dataclasses
from typing import Any

from shared.contract.events import EVENTS, Body
from shared.process.settings import SettingError, setting

BODIES: dict[str, dict[str, Body]] = {}  # the setting that bounds them -> names of fields
for _event in EVENTS.values():
    for _name, _body in _event.BODIES.items():
        BODIES.setdefault(_body.limit, {})[_name] = _body


def largest(limit: str) -> Any:
    """Declare the setting of that name. Raises TypeError when no body asks for it, or two want other defaults."""
    bodies = BODIES.get(limit, {})
    if len({body.default for body in bodies.values()}) != 1:
        raise TypeError(f"{limit.upper()} bounds nothing, or has more than one default")
    named = " or ".join(f"`{name}`" for name in bodies)
    return setting(next(iter(bodies.values())).default, f"Largest {named}, in bytes of JSON.", at_least=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes:
    """One field for each environment variable: bytes of JSON, and characters of a room name."""

    max_payload: int = largest("max_payload")
    max_peerinfo: int = largest("max_peerinfo")
    max_ice_candidate: int = largest("max_ice_candidate")
    max_set: int = largest("max_set")
    max_session_description: int = largest("max_session_description")
    max_room_name: int = setting(128, "Longest room name, in characters.", at_least=1, at_most=1024)


if _missing := set(BODIES) - {field.name for field in dataclasses.fields(Sizes)}:
    raise TypeError(f"{', '.join(sorted(_missing))}: a body names this limit, and Sizes has no such field")


def check_together(sizes: Sizes, most: int) -> None:
    """Make sure that no event can be longer than ``most`` bytes on its way through the log. Raises SettingError."""
    for event in EVENTS.values():
        # a relay takes its sender's peerinfo along
        limits = dict.fromkeys(["max_peerinfo"] if event.BODY else [])
        limits |= dict.fromkeys(body.limit for body in event.BODIES.values())
        if sum(getattr(sizes, limit) for limit in limits) > most:
            first, *others = (limit.upper() for limit in reversed(limits))
            raise SettingError(first, f"and {', '.join(others)} together may be {most} bytes at most.")
