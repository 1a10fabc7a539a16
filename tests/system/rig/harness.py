"""The whole system as real processes: nats-server, brokers, gateways and auth_api, on free ports."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from dev import nats
from shared.envelopes.levels import LEVEL
from tests.system.rig.ports import free_port
from tests.system.rig.process import Process

APP_SECRET = "system-tests-secret-" * 4
APP_PASS = "system-tests-password"

NATS_CONFIG = """
host: 127.0.0.1
port: {port}
http: 127.0.0.1:{monitor}
max_payload: 8388608
jetstream {{ store_dir: "{store}", sync_interval: "{sync}" }}
"""


class System:
    """Processes by name: ``nats``, ``broker-0`` …, ``gateway-0`` …, ``auth``, ``auth-1`` ….

    ``sync`` is how often NATS syncs. ``settings`` go to every process, ``overrides`` to the one named, on top.
    """

    def __init__(
        self,
        folder: Path,
        *,
        gateways: int = 2,
        brokers: int = 1,
        auths: int = 1,
        settings: Mapping[str, str] | None = None,
        overrides: Mapping[str, Mapping[str, str]] | None = None,
        sync: str = nats.SELDOM,
    ) -> None:
        self.folder = folder
        self._sync = sync
        self.nats_port = free_port()
        self._settings = dict(settings or {})
        self._overrides = dict(overrides or {})
        self._tokens: dict[str, str] = {}
        self.nats = self._make_nats()
        self.brokers = [self._make(f"broker-{number}", "broker") for number in range(brokers)]
        self.gateways = [self._make(f"gateway-{number}", "gateway") for number in range(gateways)]
        self.auths = [self._make(f"auth-{number}" if number else "auth", "auth_api") for number in range(auths)]
        self.auth = self.auths[0]

    @property
    def processes(self) -> list[Process]:
        """In the order in which they are best stopped."""
        return [*self.gateways, *self.auths, *self.brokers, self.nats]

    async def start(self) -> None:
        try:
            for process in reversed(self.processes):
                process.start()
            await self.ready()
        except BaseException:
            await self.abandon()
            raise

    async def abandon(self) -> None:
        """Kill what runs, with no questions asked."""
        for process in self.processes:
            if process.running:
                await process.kill()

    async def ready(self) -> None:
        """Return when every process that runs can serve."""
        running = [process for process in self.processes if process.running and process is not self.nats]
        await asyncio.gather(*(process.ready() for process in running))

    async def agreed(self) -> None:
        """Return when all processes have agreed on the newest level, so that users get in."""
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            for gateway in self.gateways:
                while f"parley_gateway_level {float(LEVEL)}" not in await _metrics(http, gateway.url):
                    await asyncio.sleep(0.1)

    async def empty(self) -> None:
        """Return when no broker knows of any room."""
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            for broker in self.brokers:
                while "parley_broker_rooms 0.0" not in await _metrics(http, broker.url):
                    await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Stop what runs. Every process must go in time, with code 0; no log may hold a traceback or a secret."""
        faults: list[str] = []
        for process in self.processes:
            try:
                if process.running:
                    await process.stop()
            except AssertionError as fault:
                faults.append(str(fault))
        faults += self.new_complaints()
        faults += [f"{process.name} logs a secret" for process in self.processes if self._secret_in(process.text())]
        assert not faults, "\n\n".join(faults)

    def new_complaints(self) -> list[str]:
        return [text for process in self.processes for text in process.new_complaints()]

    def process(self, name: str) -> Process:
        return next(process for process in self.processes if process.name == name)

    def kill(self, name: str, number: int) -> None:
        """Send a signal, SIGKILL and SIGSTOP among them."""
        self.process(name).signal(number)

    async def restart(self, name: str) -> None:
        """Stop it politely, start it on the same port, wait until it serves."""
        process = self.process(name)
        await process.stop()
        process.start()
        await process.ready(path="/healthz" if process is self.nats else "/readyz")

    async def app_token(self, app: str = "tests") -> str:
        """The token of that client application, from POST /app once."""
        if app not in self._tokens:
            form = {"app": app, "password": APP_PASS}
            async with aiohttp.ClientSession() as http, http.post(f"{self.auth.url}/app", data=form) as answer:
                body = await answer.json()
                assert answer.status == 200, body
            self._tokens[app] = body["response"]["token"]
        return self._tokens[app]

    async def user_token(self, identity: str, **fields: Any) -> str:
        """A token for a user of the app ``tests``, from POST /user."""
        asked = {"app": "tests", "password": APP_PASS, "id": identity, "name": identity.title(), **fields}
        async with aiohttp.ClientSession() as http, http.post(f"{self.auth.url}/user", json=asked) as answer:
            body = await answer.json()
            assert answer.status == 200, body
        return str(body["response"]["token"])

    def _secret_in(self, text: str) -> bool:
        return any(secret in text for secret in (APP_SECRET, APP_PASS, *self._tokens.values()))

    def _make(self, name: str, module: str) -> Process:
        port = free_port()
        env = {**self._environment(port), **self._settings, **self._overrides.get(name, {})}
        return Process(name, [sys.executable, "-m", module], env, port, self.folder)

    def _environment(self, port: int) -> dict[str, str]:
        return {
            "NATS_URL": f"nats://127.0.0.1:{self.nats_port}",
            "APP_SECRET": APP_SECRET,
            "APP_PASS": APP_PASS,
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(port),
            "DRAIN_SECONDS": "0",
            "LOG_FORMAT": "text",
        }

    def _make_nats(self) -> Process:
        monitor, config = free_port(), self.folder / "nats.conf"
        store = self.folder / "nats-store"
        config.write_text(NATS_CONFIG.format(port=self.nats_port, monitor=monitor, store=store, sync=self._sync))
        return Process("nats", nats.running(config), {}, monitor, self.folder)


async def _metrics(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(f"{url}/metrics") as answer:
        return await answer.text()
