"""All witnesses of one attack."""

import asyncio

import aiohttp

from tests.attack.couple import Couple
from tests.attack.host import Hosting
from tests.attack.plan import Host
from tests.attack.record import Record
from tests.attack.scene import Place
from tests.attack.visitor import Visitor
from tests.attack.witness import Witness
from tests.system.rig.harness import System

COUPLES = ((0, 0), (1, 1), (0, 1))  # the gateways of owner and guest; the first gateway is attacked
SETTLING = 10.0  # seconds in which those who wait are answered, or it is taken down that they were not


class Company:
    """Couples on the attacked gateway, on the other one and across, a visitor, and maybe a host."""

    def __init__(self, http: aiohttp.ClientSession, system: System, app_token: str, host: Host) -> None:
        self.record = Record()

        def witness(number: int) -> Witness:
            return Witness(http, system.gateways[number].url, app_token, self.record)

        self.couples = [Couple(witness(one), witness(other)) for one, other in COUPLES]
        self.host = None if host == "none" else Hosting(http, host, system.gateways[0], app_token)
        self._visitor = Visitor(http, system.gateways[0].url, app_token, self.record)
        self._acting: list[asyncio.Task[None]] = []

    @property
    def places(self) -> list[Place]:
        """Of the couples."""
        return [place for couple in self.couples for place in couple.places]

    async def open(self) -> None:
        """Come, and begin."""
        for couple in self.couples:
            await couple.meet()
        if self.host is not None:
            await self.host.open()
        actions = [self._visitor.visit(), *(couple.relay() for couple in self.couples)]
        self._acting = [asyncio.create_task(action) for action in actions]

    async def settle(self) -> None:
        """Say nothing more, and wait until what was said is answered, within bounds."""
        for action in self._acting:
            if action.done():
                action.result()  # a witness that has died of an error of its own would be one that nobody hurts
            action.cancel()
        loop = asyncio.get_running_loop()
        ends = loop.time() + SETTLING
        while not self.record.settled and loop.time() < ends:
            await asyncio.sleep(0.02)

    async def check(self) -> None:
        """Note what has become of the rooms."""
        for couple in self.couples:
            await couple.check()

    async def close(self) -> None:
        """Go."""
        for action in self._acting:
            action.cancel()
        await asyncio.gather(*(couple.part() for couple in self.couples), return_exceptions=True)
        if self.host is not None:
            await self.host.close()
