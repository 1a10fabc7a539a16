"""A run in which no process is harmed, but each is replaced by one of another release while guests mingle."""

import asyncio
import dataclasses
import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from shared.envelopes.levels import LEVEL
from tests.chaos.rig.cast import Person
from tests.chaos.rig.faults import all_ready
from tests.chaos.rig.record import Record
from tests.chaos.rig.run import SETTINGS, Run
from tests.system.rig.harness import System
from tests.system.rig.process import ROOT, Process
from tests.system.rig.waiting import until

GATEWAYS, BROKERS = 2, 2
PAUSE = 1.0  # seconds between two replacements
SETTLING = 20.0  # seconds until NATS has forgotten the old brokers, and the new ones have agreed
DRAIN = 20.0  # seconds for a process to end


class Fleet(System):
    """A system whose processes are of one release, ``code``, until they are replaced by another's."""

    def __init__(self, folder: Path, code: Path) -> None:
        self.code = code
        self._numbers = itertools.count()
        super().__init__(folder, gateways=GATEWAYS, brokers=BROKERS, settings=SETTINGS)
        self.processes_ended: list[Process] = []

    @property
    def processes(self) -> list[Process]:
        return [process for process in super().processes if process is not self.auth]

    def add(self, service: str) -> Process:
        """One more of the service, of the release that is brought in now."""
        process = self._make(f"{service}-{next(self._numbers)}-{self.code.name}", service)
        self._all(service).append(process)
        process.start()
        return process

    async def remove(self, service: str, process: Process) -> None:
        """Ask one to go, as an operator does."""
        self._all(service).remove(process)
        self.processes_ended.append(process)
        await process.stop(DRAIN)

    def running(self, service: str) -> list[Process]:
        """All of a service."""
        return list(self._all(service))

    def new_complaints(self) -> list[str]:
        return [*super().new_complaints(), *(text for one in self.processes_ended for text in one.new_complaints())]

    def _all(self, service: str) -> list[Process]:
        return self.brokers if service == "broker" else self.gateways

    def _make(self, name: str, module: str) -> Process:
        process = super()._make(name, module)
        return Process(name, process.argv, process.env, process.port, self.folder, self.code)


class Upgrade(Run):
    """From one release to another, in the order of ``services``. ``record`` is what went over NATS meanwhile."""

    def __init__(self, folder: Path, seed: int, before: Path, after: Path, services: Sequence[str]) -> None:
        self.steps: list[str] = []
        super().__init__(folder, seed, 0, 0, self.steps.append)
        self.fleet = self._system = Fleet(folder, before)
        self.record = Record()
        self._is_followed = False
        self._has_users = (before / "shared" / "envelopes" / "users.py").exists()
        self._after = after
        self._services = services

    def _somebody(self, now: int) -> Person | None:
        """One that the release before knows how to serve: it takes a number for nothing, or has no users at all."""
        person = super()._somebody(now) if self._has_users else None
        return person and dataclasses.replace(person, version=1)

    async def _with_guests(self, http: aiohttp.ClientSession) -> None:
        async with self.record.recording(f"nats://127.0.0.1:{self.fleet.nats_port}"):
            await super()._with_guests(http)

    async def _make_chaos(self) -> None:
        await until(lambda: all(guest.visitor.here for guest in self._guests), "all guests are here", 30)
        self.fleet.code = self._after
        for service in self._services:
            for old in self.fleet.running(service):
                await asyncio.sleep(PAUSE)
                await self._replace(service, old)
        if self._after is ROOT:
            await until(self._is_settled, "the new speaker has raised the level", SETTLING)
        await asyncio.sleep(PAUSE)

    def _is_settled(self) -> bool:
        raised = re.compile(rf"LevelRaised\(\d+, {LEVEL}\)")
        return any(raised.search(broker.text()) for broker in self.fleet.brokers)

    async def _replace(self, service: str, old: Process) -> None:
        """As deploy/roll.sh does: a new one stands ready before an old one is asked to go."""
        new = self.fleet.add(service)
        await all_ready(self.fleet)
        if service == "gateway":
            self.urls.append(new.url)
            self.urls.remove(old.url)
        self._say(f"{new.name} for {old.name}")
        await self.fleet.remove(service, old)
