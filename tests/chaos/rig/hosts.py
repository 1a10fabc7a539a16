"""Three hosts on this machine, each a network namespace, with the files of deploy/cluster, and a load balancer.

All of it lies in a network namespace of its own, and so do those who want to talk to it: nothing outside sees it, and
nothing is left of it when its last process ends.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dev import nats
from tests.deploy.tool import tool
from tests.system.rig.process import ROOT, Process

NETWORK = "10.77.0"  # of the hosts; nobody else is in there
OUTSIDE = f"{NETWORK}.254"
NAMES = ("one", "two", "three")
PROBES = {"nats": 8222, "broker": 9000, "gateway": 8000, "auth_api": 8001}
DEPLOY = ROOT / "deploy" / "cluster"
APART = "PARLEY_HOSTS_APART"  # in the environment of a program that is in a namespace of its own


def go_apart(argv: Sequence[str]) -> int:
    """Run a program where hosts can be made; returns its exit code."""
    command = [tool("unshare"), "--net", "--mount", "--propagation", "private", "--fork", "--kill-child", *argv]
    return subprocess.run(command, env={**os.environ, APART: "yes"}).returncode


def why_not() -> str:
    """Why no hosts can be made here; empty if they can."""
    for name in ("unshare", "nsenter", "ip", "haproxy", "openssl", "curl"):
        tool(name)
    trial = "mount -t tmpfs none /run && mkdir -p /run/netns && ip netns add a && ip link add name br type bridge"
    command = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", trial]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"no network namespaces can be made here: {done.stderr.strip()}"


class HostProcess(Process):
    """One process of a host, run as on a real machine: by ``run.sh``."""

    def __init__(self, host: str, address: str, kind: str, folder: Path) -> None:
        argv = ["nsenter", f"--net=/run/netns/{host}", "sh", str(DEPLOY / "run.sh"), str(folder / host), kind]
        environ = {"PYTHON": sys.executable, "NATS_SERVER": nats.program(), "LOG_FORMAT": "text"}
        super().__init__(f"{kind}-{host}", argv, environ, PROBES[kind], folder)
        self.kind = kind
        self.url = f"http://{address}:{self.port}"
        self._inside = ["nsenter", f"--net=/run/netns/{host}", "curl", "-s", "-m", "2", "-o", "/dev/null"]

    async def answers(self, status: int, within: float = 20.0, path: str = "/readyz") -> None:
        """As any process, asked on its own host, whose NATS server answers nobody else."""
        where = f"http://127.0.0.1:{self.port}{'/healthz' if self.kind == 'nats' else path}"
        deadline = time.monotonic() + within
        while (got := await self._ask(where)) != status:
            assert self.running, f"{self.name} has ended:\n{self.text()[-4000:]}"
            assert time.monotonic() < deadline, f"{self.name} answers {got}:\n{self.text()[-4000:]}"
            await asyncio.sleep(0.1)

    async def _ask(self, where: str) -> int:
        asking = await asyncio.create_subprocess_exec(
            *self._inside, "-w", "%{http_code}", where, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asking.communicate()
        return int(said or b"0")


class Host:
    """One machine. What is done to it is done to all that runs on it, and to nothing else."""

    def __init__(self, name: str, address: str, folder: Path) -> None:
        self.name = name
        self.address = address
        self.processes = [HostProcess(name, address, kind, folder) for kind in PROBES]

    def connect(self) -> None:
        """Put its cable in."""
        _run("ip", "link", "set", f"to-{self.name}", "up")

    def cut_off(self) -> None:
        """Pull its cable out. What runs on it goes on, and hears nobody but itself."""
        _run("ip", "link", "set", f"to-{self.name}", "down")

    def signal(self, number: int) -> None:
        """Send a signal to all that runs on it."""
        for process in self.processes:
            if process.running:
                process.signal(number)

    def start(self) -> None:
        """Start all that does not run, NATS first."""
        for process in self.processes:
            if not process.running:
                process.start()

    async def ready(self, within: float = 60.0) -> None:
        """Return when all that runs on it can serve."""
        await asyncio.gather(*(process.ready(within) for process in self.processes))


class Hosts:
    """Three of them, and the load balancer. ``settings`` go into the ``parley.env`` of each host.

    It has what the rig wants of a system. Only in a namespace of its own (``go_apart``).
    """

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(NAMES, 1)}
        _run("sh", str(DEPLOY / "hosts.sh"), str(folder), *(f"{name}={at}" for name, at in addresses.items()))
        for name in NAMES:
            store = {"STORE": str(folder / f"store-{name}"), "TRUSTED_PROXIES": OUTSIDE}
            with (folder / name / "parley.env").open("a") as file:
                file.writelines(f"{key}={value}\n" for key, value in {**store, **(settings or {})}.items())
        self.hosts = [Host(name, address, folder) for name, address in addresses.items()]
        self.balancer = Process(
            "haproxy", ["sh", str(DEPLOY / "run.sh"), str(folder / NAMES[0]), "haproxy"], {}, 8404, folder
        )
        self.url = f"http://{OUTSIDE}:8080"  # where clients find all of it

    @property
    def processes(self) -> list[HostProcess]:
        """Of all hosts, in the order in which they are best stopped: NATS last."""
        everywhere = [process for host in self.hosts for process in host.processes]
        return sorted(everywhere, key=lambda process: list(PROBES).index(process.kind), reverse=True)

    def secret(self, name: str) -> str:
        """A value of ``parley.env``."""
        lines = (self.folder / NAMES[0] / "parley.env").read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith(f"{name}="))

    async def start(self) -> None:
        """Lay the cables, and start everything."""
        _lay_cables([(host.name, host.address) for host in self.hosts])
        for host in self.hosts:
            host.start()
        await asyncio.gather(*(host.ready() for host in self.hosts))
        self.balancer.start()
        await self.balancer.ready(60)

    async def stop(self) -> None:
        """Stop everything; no log may hold a traceback."""
        faults: list[str] = []
        await self.balancer.kill()
        for process in self.processes:
            try:
                if process.running:
                    await process.stop(within=30)
            except AssertionError as fault:
                faults.append(str(fault))
        faults += [text for process in self.processes for text in process.new_complaints()]
        assert not faults, "\n\n".join(faults)

    async def abandon(self) -> None:
        """Kill what runs, with no questions asked."""
        for process in [self.balancer, *self.processes]:
            if process.running:
                await process.kill()


def _lay_cables(hosts: Sequence[tuple[str, str]]) -> None:
    """Namespaces, and a bridge between them that has an address outside."""
    assert os.environ.get(APART), "hosts are made in a namespace of its own"
    _run("mount", "-t", "tmpfs", "none", "/run/netns") if Path("/run/netns").is_dir() else _own_run()
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "parley", "type", "bridge")
    _run("ip", "address", "add", f"{OUTSIDE}/24", "dev", "parley")
    _run("ip", "link", "set", "parley", "up")
    for name, address in hosts:
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", f"to-{name}", "master", "parley", "up")
        for command in (f"address add {address}/24 dev eth0", "link set lo up", "link set eth0 up"):
            _run("ip", "-n", name, *command.split())


def _own_run() -> None:
    _run("mount", "-t", "tmpfs", "none", "/run")
    Path("/run/netns").mkdir()


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr or done.stdout}"
