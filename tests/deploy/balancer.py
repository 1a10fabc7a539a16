"""HAProxy with the file of the repository, on ports of its own, before servers that write down what reaches them."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.tool import tool
from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT, Process

CONFIG = ROOT / "deploy" / "haproxy.cfg"
SID = "abcdefghijklmnopqrst"
NEVER = "never=answered"


@contextlib.asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Close the connection at the end, whichever side ends it."""
    try:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            yield
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@dataclass
class Upstream:
    """Answers everything with 200 and the id SID, and keeps the heads of what it was asked, but for probes.

    ``NEVER`` in a query is not answered; ``deserted`` is set when whoever asked so has gone.
    """

    heads: list[str] = field(default_factory=list)
    deserted: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with closing(writer):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await reader.readexactly(_length(head))
                if " /readyz" not in head:
                    self.heads.append(head)
                if NEVER in head:
                    with contextlib.suppress(ConnectionError):
                        await reader.read()
                    self.deserted.set()
                    return
                writer.write(f"HTTP/1.1 200 OK\r\nSet-Cookie: io={SID}\r\nContent-Length: 2\r\n\r\nok".encode())

    @property
    def paths(self) -> list[str]:
        """The request targets, in their order."""
        return [head.split(" ")[1] for head in self.heads]


def _length(head: str) -> int:
    found = re.search(r"^content-length: (\d+)", head, re.MULTILINE | re.IGNORECASE)
    return int(found[1]) if found else 0


@dataclass
class Balancer:
    """The load balancer's public port, and what stands behind it."""

    port: int
    http2_port: int
    gateway: Upstream
    auth_api: Upstream

    async def send(self, raw: bytes, source: str = "127.0.0.1") -> int:
        """The status of the answer to these bytes, from this address of the machine; 0 if there is none."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))
        except ConnectionError:
            return 0
        line = b""
        async with closing(writer), asyncio.timeout(20):
            writer.write(raw)
            line = await reader.readline()
        return int(line.split()[1]) if line else 0

    async def ask(self, target: str, method: str = "GET", source: str = "127.0.0.1", more: str = "") -> int:
        """The status of the answer to a request whose target is sent as it is; ``more`` are further header lines."""
        return await self.send(f"{method} {target} HTTP/1.1\r\nHost: a\r\n{more}\r\n".encode(), source)


@contextlib.asynccontextmanager
async def balancing(folder: Path, patience: int = 1, **settings: str) -> AsyncIterator[Balancer]:
    """HAProxy with these settings, as soon as it has found its servers. It waits ``patience`` seconds for requests."""
    gateway, auth_api = Upstream(), Upstream()
    async with contextlib.AsyncExitStack() as stack:
        ports = {name: free_port() for name in ("public", "http2", "operators")}
        for name, upstream in (("gateway", gateway), ("auth_api", auth_api)):
            server = await stack.enter_async_context(await asyncio.start_server(upstream.serve, "127.0.0.1", 0))
            ports[name] = server.sockets[0].getsockname()[1]
        config = folder / "haproxy.cfg"
        config.write_text(_here(CONFIG.read_text(), ports, patience))
        # its own port for operators is the one that is asked whether it is ready
        environ = {"PATH": os.environ["PATH"], **settings}
        process = Process("haproxy", [tool("haproxy"), "-db", "-f", str(config)], environ, ports["operators"], folder)
        process.start()
        try:
            await process.ready()
            yield Balancer(ports["public"], ports["http2"], gateway, auth_api)
        finally:
            await process.kill()


def _here(config: str, ports: dict[str, int], patience: int) -> str:
    """The file with servers and ports of this machine."""
    config = re.sub("(timeout http-request|wait-for-body time) 10s", rf"\1 {patience}s", config)
    # as in TLS, whose clients choose it there
    config = config.replace("bind :8080\n", f"bind :8080\n  bind 127.0.0.1:{ports['http2']} proto h2\n")
    for port, name in ((8080, "public"), (8404, "operators")):
        config = config.replace(f"bind :{port}\n", f"bind 127.0.0.1:{ports[name]}\n")
    for name in ("gateway", "auth_api"):
        config = re.sub(rf"server-template {name} \d+ {name}:8000", f"server {name} 127.0.0.1:{ports[name]}", config)
    return config
