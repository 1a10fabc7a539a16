"""One attack on a system of its own, from its start to the evidence."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from tests.attack.assault import Assault
from tests.attack.company import Company
from tests.attack.gauge import Gauge, Lateness
from tests.attack.guarded import Guarded, public_port
from tests.attack.judge import Evidence
from tests.attack.plan import Attack
from tests.attack.scene import Outcome, Scene
from tests.system.rig.process import COMPLAINTS, Process

CALM = 1.0  # seconds
LINGER = 2.0  # seconds
MOST = 256 * 1024 * 1024  # bytes of one attack


class Run:
    """One attack. It lasts ``seconds``, and ``most`` bytes.

    For ``calm`` seconds before, it is seen what the witnesses alone cost; for ``linger`` seconds after, they are served
    and watched. ``struck`` is set when the attack begins.
    """

    def __init__(
        self, attack: Attack, folder: Path, seconds: float, most: int = MOST, calm: float = CALM, linger: float = LINGER
    ) -> None:
        self.struck = asyncio.Event()
        self._attack = attack
        self._seconds = seconds
        self._most = most
        self._calm = calm
        self._linger = linger
        self.system = Guarded(folder, attack.settings)
        self._edge: Process | None = None

    async def run(self) -> Evidence:
        """Carry it out, and tell what was seen."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._running())
            http = await stack.enter_async_context(aiohttp.ClientSession())
            tokens = [await self.system.app_token(app) for app in ("witnesses", "attackers")]
            company = Company(http, self.system, tokens[0], self._attack.host)
            stack.push_async_callback(company.close)
            await company.open()
            assault = Assault(self._scene(company, tokens[1]))
            stack.push_async_callback(assault.close)
            await assault.prepare()
            return await self._watched(company, assault)

    async def _watched(self, company: Company, assault: Assault) -> Evidence:
        gauge = Gauge({process.name: process.pid for process in self.system.processes})
        lateness = Lateness()
        watching = asyncio.create_task(lateness.watch())
        calm = await self._when_calm(gauge)
        _, last = await self.system.extent()
        lines, before = self._lines(), gauge.cpu()
        company.record.forget_waits()
        gauge.start()
        outcome = await self._struck(company, assault)
        used = gauge.cpu() - before - calm * (outcome.seconds + self._linger)
        await company.settle()
        watching.cancel()
        evidence = self._evidence(company, outcome, lines)
        evidence.worst, evidence.answers = company.record.worst, company.record.answers
        evidence.grown, evidence.cpu, evidence.lateness = gauge.stop(), max(used, 0.0), lateness.worst
        await self._aftermath(company, evidence, last)
        return evidence

    async def _when_calm(self, gauge: Gauge) -> float:
        """CPU seconds that all servers take in a second when nobody attacks."""
        before = gauge.cpu()
        await asyncio.sleep(self._calm)
        return (gauge.cpu() - before) / self._calm

    async def _struck(self, company: Company, assault: Assault) -> Outcome:
        if company.host is not None:
            await company.host.begin()
        self.struck.set()
        outcome = await assault.strike()
        await asyncio.sleep(self._linger)
        return outcome

    async def _aftermath(self, company: Company, evidence: Evidence, last: int) -> None:
        """See what is left of rooms and processes."""
        if self._attack.restart:
            await self._replace_brokers()
        if company.host is not None:
            await company.host.end()
        await company.check()
        self._add(evidence, company)
        evidence.ended = [process.name for process in self.system.processes if not process.running]
        if self.system.nats.running and (await self.system.extent())[0] > last:
            evidence.breaches.append("the log was purged")
        evidence.tracebacks = sum(_count(process) for process in self.system.processes)

    async def _replace_brokers(self) -> None:
        """One broker after the other starts anew, from what is in the log by now."""
        for broker in self.system.brokers:
            with contextlib.suppress(AssertionError):  # that it has ended is seen anyway
                if broker.running:
                    await self.system.restart(broker.name)

    def _evidence(self, company: Company, outcome: Outcome, lines: int) -> Evidence:
        return Evidence(
            attack=self._attack.name,
            what=self._attack.what,
            row=self._attack.row,
            sent=outcome.sent,
            seconds=outcome.seconds,
            lines=self._lines() - lines,
            breaches=list(outcome.breaches),
            prepared=outcome.prepared,
        )

    def _add(self, evidence: Evidence, company: Company) -> None:
        records = [company.record, *([company.host.record] if company.host else [])]
        for record in records:
            evidence.disconnected += record.disconnected
            evidence.places += record.places
            evidence.rooms += record.rooms
        evidence.refused = dict(company.record.refused)

    def _scene(self, company: Company, app_token: str) -> Scene:
        return Scene(
            attack=self._attack.name,
            seconds=self._seconds,
            most=self._most,
            gateways=[gateway.port for gateway in self.system.gateways],
            auth=self.system.auth.port,
            edge=public_port(self._edge) if self._edge else 0,
            nats=self.system.nats_port,
            token=app_token,
            host=company.host.place if company.host else None,
            witnesses=company.places,
            ids=self.system.gateway_ids(),
            passwords=self.system.passwords,
        )

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        try:
            await self.system.start()
            if self._attack.edge:
                self._edge = self.system.edge()
                self._edge.start()
                await self._edge.ready()
            yield
        finally:
            await self.system.abandon()
            if self._edge is not None and self._edge.running:
                await self._edge.kill()

    def _lines(self) -> int:
        ours = (process for process in self.system.processes if process is not self.system.nats)
        return sum(len(process.lines()) for process in ours)


def _count(process: Process) -> int:
    text = process.text()
    return sum(text.count(words) for words in COMPLAINTS)
