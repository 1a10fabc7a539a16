"""The whole system behind the NATS configuration of production: each process has its own password."""

from pathlib import Path
from typing import Any

import aiohttp

from dev import nats
from shared.messaging.connection import connect
from shared.messaging.nats import Client
from shared.process.stop import Stop
from tests.system.rig.harness import System
from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT, Process

PASSWORDS = {"gateway": "0e1-gateway", "broker": "0e2-broker", "auth_api": "0e3-auth"}


class Guarded(System):
    """Its ``login`` is that of somebody who got hold of one of the passwords."""

    async def login(self, user: str) -> Client:
        """A connection of that user's, that knows how such a process is called."""
        client = await connect(self._url(user), f"{user} rogue", Stop())
        assert isinstance(client, Client)  # it tries more than processes of ours do
        return client

    async def figure(self, name: str) -> float:
        """A metric of the broker's."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.brokers[0].url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])

    def _url(self, user: str) -> str:
        return f"nats://{user}:{PASSWORDS[user]}@127.0.0.1:{self.nats_port}"

    def _make(self, name: str, module: str) -> Process:
        self._overrides[name] = {"NATS_URL": self._url(module), **self._overrides.get(name, {})}
        return super()._make(name, module)

    def _make_nats(self) -> Process:
        monitor = free_port()
        config = written(self.folder, self.nats_port, monitor)
        environ = {f"{user.upper()}_PASSWORD": f'"{password}"' for user, password in PASSWORDS.items()}
        return Process("nats", nats.running(config), {**environ, "STORE": str(self.folder)}, monitor, self.folder)


def written(folder: Path, port: int, monitor: int) -> Path:
    """The configuration of production, with other ports and another place."""
    text = (ROOT / "deploy" / "nats.conf").read_text()
    changes: dict[str, Any] = {
        "port: 4222": f'listen: "127.0.0.1:{port}"',
        "http_port: 8222": f'http: "127.0.0.1:{monitor}"',
        'store_dir: "/data"': f'store_dir: "{folder}"',
    }
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    config = folder / "nats.conf"
    config.write_text(text)
    return config
