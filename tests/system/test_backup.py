"""What must last is saved, all that NATS stored is lost, and what was saved is restored."""

import asyncio
import json
import shutil
import subprocess
import sys

import aiohttp
import pytest

from tests.conftest import StartSystem
from tests.system.rig.harness import System
from tests.system.rig.process import ROOT
from tests.system.rig.rawsocket import RawSocket

ADMIN_TOKEN = "an operator's token for tests, long enough"
APPS = ["-m", "auth_api.apps"]


async def apps(system: System, what: str, given: bytes = b"") -> bytes:
    """Run the command against that system; its output."""
    environ = {"NATS_URL": f"nats://127.0.0.1:{system.nats_port}"}
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(
        sys.executable, *APPS, what, cwd=ROOT, env=environ, stdin=pipe, stdout=pipe, stderr=pipe
    )
    said, trouble = await running.communicate(given)
    assert running.returncode == 0, trouble.decode()
    return said


async def revoke(system: System, app: str) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    url = f"{system.auth.url}/admin/apps/{app}"
    async with aiohttp.ClientSession(headers=headers) as http, http.delete(url) as answer:
        assert answer.status == 200


async def is_let_in(system: System, token: str) -> bool:
    """Whether each gateway lets a client with this app token in; all are of one mind."""
    answers = []
    for gateway in system.gateways:
        async with RawSocket(gateway.url) as socket:
            await socket.send("40" + json.dumps({"token": token}))
            answers.append((await socket.expect("4"))[:2] == "40")
    assert len(set(answers)) == 1
    return answers[0]


async def lose_all(system: System) -> None:
    """All that NATS stored is gone, and no process is left that remembers it."""
    for process in (*system.gateways, *system.brokers, system.nats):
        await process.kill()
    await asyncio.to_thread(shutil.rmtree, system.folder / "nats-store")
    for process in (system.nats, *system.brokers, *system.gateways):
        process.start()
    await system.ready()


async def test_what_was_revoked_is_refused_after_all_was_lost_and_restored(start_system: StartSystem) -> None:
    system = await start_system(brokers=2, overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}})
    bad, good = await system.app_token("bad"), await system.app_token("good")
    await revoke(system, "bad")
    saved = await apps(system, "save")
    assert json.loads(saved).keys() == {"bad", "good"}
    await lose_all(system)
    assert await is_let_in(system, bad)  # this is what must not last
    await apps(system, "restore", saved)
    assert not await is_let_in(system, bad)
    assert await is_let_in(system, good)
    assert await apps(system, "save") == saved


async def test_what_is_restored_takes_nothing_back(start_system: StartSystem) -> None:
    system = await start_system(overrides={"auth": {"ADMIN_TOKEN": ADMIN_TOKEN}})
    token = await system.app_token("app")
    before = await apps(system, "save")
    await revoke(system, "app")
    await apps(system, "restore", before)
    assert not await is_let_in(system, token)


@pytest.mark.parametrize("given", [b"", b"[]", b'{"app": {"revoked": "now"}}', b'{"app": {"forgotten": 1}}'])
def test_what_was_never_saved_is_not_restored(given: bytes) -> None:
    done = subprocess.run([sys.executable, *APPS, "restore"], cwd=ROOT, env={}, input=given, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith(b"apps: ")
    assert b"Traceback" not in done.stderr


def test_a_wrong_setting_is_named() -> None:
    environ = {"NATS_CA": "/gone/ca.crt"}
    done = subprocess.run([sys.executable, *APPS, "save"], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "apps: NATS_CA: /gone/ca.crt cannot be read: No such file or directory\n",
    )
