"""The receivers that OPERATIONS.md offers to be copied, run as it says there."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest

from auth_api.webhooks.notices import Batch
from auth_api.webhooks.receiver import Outcome, Receiver
from auth_api.webhooks.secrets import secret_bytes
from auth_api.webhooks.signature import signed
from tests.auth_api.webhooks.conftest import SECRET, told
from tests.snippets import moved, snippets
from tests.system.rig.node import find_node
from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT

KEY = secret_bytes(SECRET)
BATCH = Batch([told(1), told(2)])


class Copied:
    """A program as it is in the document, on a port of its own."""

    def __init__(self, process: Process, url: str) -> None:
        self._process = process
        self.url = url

    async def says(self) -> str:
        assert self._process.stdout
        async with asyncio.timeout(10):
            return (await self._process.stdout.readline()).decode().rstrip("\n")

    async def answers(self, headers: dict[str, str], body: bytes) -> int:
        async with aiohttp.ClientSession() as http, http.post(self.url, data=body, headers=headers) as answer:
            return answer.status


def command(name: str) -> Sequence[str]:
    return (sys.executable, name) if name.endswith(".py") else (find_node(), name)


@pytest.fixture(params=["receiver.py", "receiver.mjs"])
async def copied(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Copied]:
    name, port = str(request.param), free_port()
    (tmp_path / name).write_text(moved(snippets("OPERATIONS.md")[name], {"8090": str(port)}))
    environ = {"PATH": os.environ["PATH"], "WEBHOOK_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(*command(name), cwd=tmp_path, env=environ, stdout=PIPE)
    async with asyncio.timeout(20):
        while not await listens(port):
            await asyncio.sleep(0.05)
    yield Copied(process, f"http://127.0.0.1:{port}/")
    process.kill()
    await process.communicate()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_it_takes_what_parley_sends(copied: Copied) -> None:
    async with Receiver(copied.url, [b"n" * 32, KEY]) as receiver:
        for _ in range(2):
            assert (await receiver.post(BATCH, time.time())).outcome is Outcome.DELIVERED
            assert [await copied.says() for _ in BATCH.notices] == ["log-1-0 room-closed", "log-2-0 room-closed"]


@pytest.mark.parametrize(
    ("secret", "late", "body"),
    [(b"n" * 32, 0, BATCH.body), (KEY, 400, BATCH.body), (KEY, -400, BATCH.body), (KEY, 0, b"{}")],
    ids=["another's", "old", "of tomorrow", "changed"],
)
async def test_it_refuses_what_parley_did_not_sign_just_now(
    copied: Copied, secret: bytes, late: int, body: bytes
) -> None:
    assert await copied.answers(signed([secret], BATCH.id, int(time.time()) - late, BATCH.body), body) == 401
    assert await copied.answers({}, body) == 401


def test_these_are_all() -> None:
    assert snippets("OPERATIONS.md").keys() == {"receiver.py", "receiver.mjs"}
    assert (ROOT / "OPERATIONS.md").read_text().count("<!-- snippet:") == 2
