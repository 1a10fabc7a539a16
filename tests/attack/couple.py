"""Two witnesses in a room, who relay to each other all the time."""

import asyncio
import functools
import itertools
import secrets
from typing import Any

from tests.attack.record import Record
from tests.attack.scene import Place
from tests.attack.witness import Witness

RATE = 20.0  # relays in a second, of each

_numbers = itertools.count(1)


class Couple:
    """An owner and a guest."""

    def __init__(self, owner: Witness, guest: Witness) -> None:
        self.owner = owner
        self.guest = guest
        self.room = f"witnesses-{secrets.token_hex(6)}"

    @property
    def places(self) -> list[Place]:
        """Where they are."""
        return [Place(self.room, witness.peer_id) for witness in (self.owner, self.guest)]

    async def meet(self) -> None:
        """Become roommates."""
        await self.owner.come()
        await self.guest.come()
        assert await self.owner.ask("room-create-request", room=self.room) == "ok"
        assert await self.guest.ask("room-join-request", room=self.room) == "ok"
        self.owner.welcoming = False

    async def relay(self) -> None:
        """Send candidates both ways, until cancelled or one of both has lost its place."""
        places = [witness.peer_id for witness in (self.owner, self.guest)]
        loop = asyncio.get_running_loop()
        due = loop.time()
        while places == [witness.peer_id for witness in (self.owner, self.guest)]:
            self._send(self.owner, self.guest)
            self._send(self.guest, self.owner)
            due += 1 / RATE
            await asyncio.sleep(due - loop.time())

    async def check(self) -> None:
        """Note whether the room is still what it was."""
        there = [await self._is_mate(self.owner, self.guest), await self._is_mate(self.guest, self.owner)]
        if not all(there) or self.owner.moved or self.guest.moved:
            self.owner.record.rooms += 1

    async def part(self) -> None:
        """Leave."""
        await asyncio.gather(self.owner.go(), self.guest.go())

    async def _is_mate(self, one: Witness, other: Witness) -> bool:
        fields = {"room": self.room, "to": other.peer_id, "ice_candidate": 0}
        return await one.ask("relay-ice-candidate", **fields) == "ok"

    def _send(self, sender: Witness, receiver: Witness) -> None:
        number = next(_numbers)
        fields = {"room": self.room, "to": receiver.peer_id, "ice_candidate": number}
        answer = sender.send("relay-ice-candidate", **fields)
        if answer is not None:
            sender.record.begin(("arrival", number))
            answer.add_done_callback(functools.partial(_refused, sender.record, number))


def _refused(record: Record, number: int, answer: asyncio.Future[dict[str, Any]]) -> None:
    """What was refused does not arrive."""
    if not answer.cancelled() and not answer.result()["ok"]:
        record.forget(("arrival", number))
