"""``python -m auth_api`` as it is started in production."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator

import aiohttp
import pytest

SECRETS = {"APP_SECRET": "s" * 32, "APP_PASS": "p"}


async def start(environ: dict[str, str], *arguments: str) -> Process:
    """The process, with nothing in its environment but ``environ`` and what Python needs."""
    command = [sys.executable, "-m", "auth_api", *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return await asyncio.create_subprocess_exec(*command, env={**kept, **environ}, stdout=PIPE, stderr=PIPE)


async def outcome(process: Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@contextlib.asynccontextmanager
async def taken_port() -> AsyncIterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("name", "value"), [("APP_SECRET", ""), ("APP_SECRET", "short"), ("APP_PASS", ""), ("ICE_SERVERS", "x")]
)
async def test_a_wrong_setting_ends_it_with_one_line(name: str, value: str) -> None:
    code, _, err = await outcome(await start({**SECRETS, name: value}))
    assert code == 2
    assert err.count("\n") == 1
    assert err.startswith(f"auth_api: {name}: ")


async def test_help_shows_every_setting() -> None:
    code, out, _ = await outcome(await start({}, "--help"))
    assert code == 0
    assert [name for name in ("APP_SECRET", "ICE_SERVERS", "TRUSTED_PROXIES", "DEMO") if name not in out] == []


async def test_a_port_that_is_taken_ends_it_with_one_line() -> None:
    async with taken_port() as port:
        code, _, err = await outcome(await start({**SECRETS, "APP_HOST": "127.0.0.1", "APP_PORT": str(port)}))
    assert code == 1
    assert err.count("\n") == 1
    assert "APP_PORT" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_at_once_open_connections_or_not(number: signal.Signals) -> None:
    process = await start({**SECRETS, "APP_HOST": "127.0.0.1", "APP_PORT": "0", "LOG_FORMAT": "text"})
    assert process.stderr
    async with asyncio.timeout(20):
        line = (await process.stderr.readline()).decode()
    port = int(line.strip().rpartition(":")[2])
    half_a_request = b"POST /app HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    async with aiohttp.ClientSession() as session:
        assert (await session.get(f"http://127.0.0.1:{port}/readyz")).status == 200
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(half_a_request)
        await writer.drain()
        before = time.monotonic()
        process.send_signal(number)
        code, _, err = await outcome(process)
        writer.close()
    assert (code, err) == (0, "")
    assert time.monotonic() - before < 3  # half a second, on a machine that has nothing else to do
