"""What the public port lets through."""

import asyncio

from tests.attack.me import Me
from tests.attack.plan import Steps, attack

ADMIN = {"ADMIN_TOKEN": "attack-admin-token-" * 3}
CLOSED_PATHS = (
    "/admin/rooms",
    "/admin/rooms/%zz",
    "/admin/%",
    "/%61dmin/rooms/%zz",
    "/admin%2frooms/%zz",
    "//admin/rooms",
    "/./admin/rooms",
    "/demo/../admin/rooms",
    "/admin;x/rooms",
    "/ADMIN/rooms",
    "/metrics",
    "/metrics%zz",
    "/metrics/",
    "/%6detrics",
    "/readyz?%zz",
    "/livez%00",
    "/socket.io/../metrics",
    "/socket.io/..%2fmetrics",
    "/socket.io/%2e%2e/metrics",
    "http://x/admin/rooms/%zz",
)
SHUT = ("400", "404", "000")  # the last one: the connection was closed


@attack(row=10, edge=True, settings=ADMIN)
async def admin_paths(me: Me) -> Steps:
    """Paths that lead to what operators may do, with malformed escapes, through the public port."""
    yield
    for path in CLOSED_PATHS:
        status = await _status(me, path)
        if status not in SHUT:
            me.breaches.append(f"{path} was answered {status} through the public port")


async def _status(me: Me, path: str) -> str:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    me.purse.pay(len(request))
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", me.scene.edge, local_addr=(me.source, 0))
        writer.write(request)
        async with asyncio.timeout(2):
            line = await reader.readline()
        writer.transport.abort()
    except (OSError, TimeoutError):
        return "000"
    return line.split()[1].decode() if line.split() else "000"
