"""What one client was told, in order."""

import dataclasses
import time
from typing import Any

from tests import contract
from tests.system.rig.waiting import until

OWN_EVENTS = ("connect", "connect_error", "disconnect", "upgrade")  # of the client itself


@dataclasses.dataclass
class Told:
    """One event that arrived. ``at`` is in monotonic seconds."""

    event: str
    data: Any
    at: float
    taken: bool = False

    def is_like(self, event: str, fields: dict[str, Any]) -> bool:
        if self.event != event:
            return False
        return all(isinstance(self.data, dict) and self.data.get(name) == value for name, value in fields.items())


class Recorder:
    """Every event that arrived, and a way to wait for one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log: list[Told] = []
        self.version = 1  # of the contract

    def note(self, event: str, data: Any) -> None:
        if event == "auth-accept":
            self.version = data.get("version", 1)
        if event not in OWN_EVENTS:
            contract.hold_told(event, data, self.version)
        self.log.append(Told(event, data, time.monotonic()))

    async def expect(self, event: str, /, within: float = 5.0, **fields: Any) -> Any:
        """The data of the first event of that name and with these fields that was not taken before."""
        found: list[Told] = []

        def arrived() -> bool:
            found.extend(told for told in self.log if not told.taken and told.is_like(event, fields))
            return bool(found)

        try:
            await until(arrived, event, within)
        except AssertionError:
            raise AssertionError(f"{self.name} was not told {event} {fields} in {within:g} s; {self.story()}") from None
        found[0].taken = True
        return found[0].data

    def all(self, event: str) -> list[Any]:
        """The data of every event of that name so far, taken or not."""
        return [told.data for told in self.log if told.event == event]

    def untaken(self) -> list[str]:
        """The names of the events that no one has asked for."""
        return [told.event for told in self.log if not told.taken]

    def story(self) -> str:
        lines = [f"  {'-' if told.taken else '+'} {told.event} {str(told.data)[:300]}" for told in self.log[-30:]]
        return "it was told:\n" + "\n".join(lines or ["  nothing"])
