"""Waiting until every process can serve."""

import asyncio
import time
from collections.abc import Callable, Mapping

from dev.trouble import Trouble

Address = tuple[str, int]

USUAL = 4.0  # seconds in which everything is ready on most machines
_PAUSE = 0.2  # seconds between two questions
_PATIENCE = 2.0  # seconds for one answer


async def wait(probes: Mapping[str, Address], timeout: float, tell: Callable[[str], None]) -> None:
    """Ask each process ``GET /readyz`` at its address until it answers 200.

    Tells what it waits for when that takes longer than usual. Raises Trouble after ``timeout`` seconds, naming the
    processes that are not ready, and what each said last.
    """
    last = dict.fromkeys(probes, "has not been asked")
    started = time.monotonic()

    async def ask(name: str) -> None:
        while True:
            last[name] = await _why_not_ready(*probes[name])
            if not last[name]:
                break
            await asyncio.sleep(_PAUSE)
        tell(f"{name} is ready after {time.monotonic() - started:.1f} s")

    async def explain() -> None:
        await asyncio.sleep(USUAL)
        for name, why in last.items():
            if why:
                tell(f"waiting for {name}: {why}")

    explaining = asyncio.create_task(explain())
    try:
        async with asyncio.timeout(timeout), asyncio.TaskGroup() as asking:
            for name in probes:
                asking.create_task(ask(name))
    except TimeoutError:
        late = "\n".join(f"{name} is not ready after {timeout:g} s: {why}" for name, why in last.items() if why)
        raise Trouble(late) from None
    finally:
        explaining.cancel()


async def _why_not_ready(host: str, port: int) -> str:
    try:
        head, _, body = (await get(host, port, "/readyz")).partition("\r\n\r\n")
    except TimeoutError:
        return f"no answer at {host}:{port}"
    except OSError as error:
        return f"cannot connect to {host}:{port} ({error.strerror or error})"
    status = head.split("\r\n")[0]
    return "" if " 200 " in f"{status} " else f"{status} {body[:200]}".strip()


async def get(host: str, port: int, path: str) -> str:
    """The answer to ``GET``, with its head. Raises OSError, and TimeoutError if there is none in time."""
    # By hand, since importing an HTTP client takes longer than all the rest of the launcher.
    async with asyncio.timeout(_PATIENCE):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
            return (await reader.read()).decode(errors="replace")
        finally:
            writer.close()
