"""How processes start: what they refuse, and in which order they may come."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.system.rig.harness import APP_PASS, APP_SECRET, System
from tests.system.rig.ports import free_port
from tests.system.rig.process import COMPLAINTS, ROOT, probe
from tests.system.rig.rooms import room_of
from tests.system.rig.world import World

GOOD = {"APP_SECRET": APP_SECRET, "APP_PASS": APP_PASS, "APP_HOST": "127.0.0.1", "LOG_FORMAT": "text"}


def outcome(module: str, env: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of a process that should not run, and all it said."""
    port = {"APP_PORT": str(free_port()), "NATS_URL": f"nats://127.0.0.1:{free_port()}", "PATH": os.environ["PATH"]}
    process = [sys.executable, "-m", module]
    ended = subprocess.run(process, cwd=ROOT, env={**port, **env}, capture_output=True, text=True, timeout=20)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("gateway", "APP_SECRET", ""),
        ("gateway", "APP_SECRET", "s" * 31),
        ("gateway", "TOKEN_LIFETIME", "a day"),
        ("gateway", "TOKEN_LIFETIME", "0"),
        ("gateway", "TOKEN_LIFETIME", "-1"),
        ("gateway", "APP_PORT", "http"),
        ("gateway", "APP_PORT", "65536"),
        ("gateway", "AUTH_TIMEOUT", "nan"),
        ("broker", "ROOM_SCOPE", "rooms"),
        ("broker", "APP_PORT", "-5"),
        ("auth_api", "APP_SECRET", ""),
        ("auth_api", "APP_SECRET", "s" * 31),
        ("auth_api", "APP_PASS", ""),
        ("auth_api", "APP_PORT", "8000x"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(module: str, name: str, value: str) -> None:
    code, said = outcome(module, {**GOOD, name: value})
    assert code not in (0, None)
    assert name in said
    assert not any(words in said for words in COMPLAINTS)
    assert APP_SECRET not in said
    assert "s" * 31 not in said
    assert len(said.splitlines()) <= 3


@pytest.mark.parametrize(
    ("module", "name"), [("gateway", "APP_SECRET"), ("auth_api", "APP_SECRET"), ("auth_api", "APP_PASS")]
)
def test_a_missing_secret_is_refused_by_its_name(module: str, name: str) -> None:
    env = dict(GOOD)
    del env[name]
    code, said = outcome(module, env)
    assert code not in (0, None)
    assert name in said
    assert not any(words in said for words in COMPLAINTS)


@pytest.mark.parametrize("module", ["gateway", "broker", "auth_api"])
def test_a_taken_port_is_named(module: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = outcome(module, {**GOOD, "APP_PORT": port})
    assert code not in (0, None)
    assert port in said
    assert not any(words in said for words in COMPLAINTS)


@pytest.mark.parametrize("host", ["127.0.0.1,127.0.0.2", "no-such-host.invalid", "192.0.2.1"])
@pytest.mark.parametrize("module", ["gateway", "broker", "auth_api"])
def test_an_address_that_cannot_be_had_is_told_in_one_line(module: str, host: str) -> None:
    code, said = outcome(module, {**GOOD, "APP_HOST": host})
    assert code not in (0, None)
    assert len(said.splitlines()) == 1
    assert "APP_HOST: " in said
    assert host in said
    assert "another program" not in said


@pytest.mark.parametrize("order", ["gateways first", "broker first"])
async def test_processes_may_start_in_any_order(tmp_path: Path, order: str) -> None:
    system = System(tmp_path)
    others = [*system.gateways, *system.brokers]
    try:
        for process in others if order == "gateways first" else reversed(others):
            process.start()
            await process.ready(path="/livez")
        async with aiohttp.ClientSession() as http:
            assert [await probe(http, f"{process.url}/readyz") for process in others] == [503] * 3
        system.auth.start()
        system.nats.start()
        await system.ready()
        world = World(system)
        await room_of(*await world.peers(0, 1, 0))
        await world.close()
        await system.stop()
    finally:
        await system.abandon()


async def test_processes_end_while_they_wait_for_nats(tmp_path: Path) -> None:
    system = System(tmp_path, gateways=1)
    waiting = [*system.gateways, *system.brokers]
    try:
        for process in waiting:
            process.start()
            await process.ready(path="/livez")
            await process.stop()
        assert system.new_complaints() == []
    finally:
        await system.abandon()
