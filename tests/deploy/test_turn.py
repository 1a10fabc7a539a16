"""The TURN server itself, with the file of the repository: what it relays to, and for whom.

With the deny list as it is, this holds for coturn 4.6.1 (Debian's) as well as for the pinned 4.17; that the IPv4 lines
alone say all of it, mapped addresses too, is said of 4.9 and later, and of NAT64 and 6to4 of 4.13.1 and later.
"""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.deploy.tool import tool
from tests.deploy.turn_client import V4, V6, turn_client
from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT, Process

SECRET = "a secret for tests"
FORBIDDEN = 403
INSIDE_V4 = [
    *(
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
    ),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    "255.255.255.255",
]
OUTSIDE_V4 = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "198.20.0.1", "223.255.255.255"]
INSIDE_V6 = [
    *("::", "::1", "::2", "::100", "::1:0", "::7f00:0", "::7f00:1", "::100:0", "::ffff:10.0.0.0", "::ffff:0:7f00:1"),
    *("::ffff:0:0", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
    *("64:ff9b::", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff::1"),
    *("2002::", "2002:7f00:1::", "2002:7f00:1::1", "2002:a00:1::1", "2002:ffff:ffff::1", "2001::1", "2001:0:7f00:1::1"),
    *(
        "100::1",
        "2001:db8::1",
        "fc00::1",
        "fd00::1",
        "fdff:ffff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ffff::1",
    ),
]
OUTSIDE_V6 = ["2001:4860:4860::8888", "2606:4700:4700::1111", "2a00::1", "2003::1"]


@contextlib.asynccontextmanager
async def turn_server(folder: Path) -> AsyncIterator[int]:
    """The port of a server that relays from this machine's own addresses, of both families; it may not listen yet."""
    port = free_port()
    here = ["-p", str(port), "-L", "127.0.0.1", "-E", "127.0.0.1", "-E", "::1", "--userdb", str(folder / "turndb")]
    argv = [tool("turnserver"), "-c", str(ROOT / "deploy" / "turnserver.conf"), *here]
    argv += ["--pidfile", str(folder / "pid"), f"--static-auth-secret={SECRET}"]
    process = Process("turnserver", argv, {}, port, folder)
    process.start()
    try:
        yield port
    finally:
        await process.kill()


@pytest.mark.parametrize(("family", "inside", "outside"), [(V4, INSIDE_V4, OUTSIDE_V4), (V6, INSIDE_V6, OUTSIDE_V6)])
async def test_it_relays_to_the_public_internet_alone(
    tmp_path: Path, family: bytes, inside: list[str], outside: list[str]
) -> None:
    ends = int(time.time()) + 60
    async with turn_server(tmp_path) as port, turn_client(port, SECRET, ends) as client:
        assert await client.allocate(family) == 0
        answers = {peer: await client.permit(peer) for peer in inside + outside}
    assert answers == dict.fromkeys(inside, FORBIDDEN) | dict.fromkeys(outside, 0)


async def test_it_relays_for_nobody_whose_credential_has_ended(tmp_path: Path) -> None:
    ends = int(time.time()) - 1
    async with turn_server(tmp_path) as port, turn_client(port, SECRET, ends) as client:
        assert await client.allocate(V4) == 401
