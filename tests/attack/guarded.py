"""A system whose NATS has the users and permissions of production, and a load balancer in front of it."""

import re
from collections.abc import Mapping
from pathlib import Path

import nats as client_library

from dev import nats
from shared.envelopes import subjects
from tests.system.rig.harness import System
from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT, Process

USERS = {"gateway": "gateway", "broker": "broker", "auth_api": "auth_api"}
DEPLOY = ROOT / "deploy"


class Guarded(System):
    """Like any other system, with passwords. ``passwords`` are those of NATS, by user."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.passwords = {user: f"{user}-nats-password" for user in USERS}
        super().__init__(folder, gateways=2, brokers=2, settings=settings)

    def edge(self) -> Process:
        """The load balancer, not yet started; ``port`` is the operators', and ``public_port`` finds the other."""
        return _haproxy(self)

    async def extent(self) -> tuple[int, int]:
        """The first and the last position in the log."""
        url = f"nats://broker:{self.passwords['broker']}@127.0.0.1:{self.nats_port}"
        client = await client_library.connect(url, inbox_prefix=b"_INBOX_broker")
        try:
            state = (await client.jetstream().stream_info(subjects.EVENT_STREAM)).state
            return state.first_seq, state.last_seq
        finally:
            await client.close()

    def gateway_ids(self) -> list[str]:
        """What its gateways call themselves to the brokers."""
        return [
            found[-1] for gateway in self.gateways if (found := re.findall(r"gateway=(g[0-9a-f]+)", gateway.text()))
        ]

    def _make(self, name: str, module: str) -> Process:
        url = f"nats://{module}:{self.passwords[module]}@127.0.0.1:{self.nats_port}"
        self._overrides[name] = {**self._overrides.get(name, {}), "NATS_URL": url}
        return super()._make(name, module)

    def _make_nats(self) -> Process:
        monitor, config = free_port(), self.folder / "nats.conf"
        config.write_text(_nats_config(self.nats_port, monitor, self.folder / "nats-store"))
        env = {f"{user.upper()}_PASSWORD": f'"{password}"' for user, password in self.passwords.items()}
        return Process("nats", nats.running(config), env, monitor, self.folder)


def public_port(edge: Process) -> int:
    """Where the load balancer serves the public."""
    found = re.search(r"frontend public\s+bind 127\.0\.0\.1:(\d+)", edge.log.with_name("haproxy.cfg").read_text())
    assert found, "the load balancer has no public port"
    return int(found[1])


def _nats_config(port: int, monitor: int, store: Path) -> str:
    """As in production, but for where it listens and what it keeps where."""
    text = (DEPLOY / "nats.conf").read_text()
    text = re.sub(r"^port: .*", f"host: 127.0.0.1\nport: {port}", text, flags=re.MULTILINE)
    text = re.sub(r"^http_port: .*", f"http: 127.0.0.1:{monitor}", text, flags=re.MULTILINE)
    return re.sub(r"store_dir: .*", f'store_dir: "{store}"', text)


def _haproxy(system: Guarded) -> Process:
    """As in production, but for ports, and for Docker's DNS, which there is not here."""
    public, operators = free_port(), free_port()
    text = (DEPLOY / "haproxy.cfg").read_text()
    text = re.sub(r"^resolvers docker\n(?:[ \t]+.*\n)+", "", text, flags=re.MULTILINE)
    text = re.sub(r" init-addr none resolvers docker resolve-prefer ipv4", "", text)
    text = text.replace("bind :8080", f"bind 127.0.0.1:{public}").replace("bind :8404", f"bind 127.0.0.1:{operators}")
    gateways = "\n".join(f"  server {each.name} 127.0.0.1:{each.port}" for each in system.gateways)
    text = re.sub(r"^  server-template gateway .*", gateways, text, flags=re.MULTILINE)
    text = re.sub(
        r"^  server-template auth_api .*", f"  server auth 127.0.0.1:{system.auth.port}", text, flags=re.MULTILINE
    )
    config = system.folder / "haproxy.cfg"
    config.write_text(text)
    return Process("haproxy", ["haproxy", "-db", "-f", str(config)], {"TLS_CERTIFICATE": ""}, operators, system.folder)
