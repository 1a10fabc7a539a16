"""Waiting until every process can serve."""

import asyncio
import time
from collections.abc import Callable, Mapping

import aiohttp

from dev.trouble import Trouble

_PAUSE = 0.2  # seconds between two questions


async def wait(probes: Mapping[str, str], timeout: float, tell: Callable[[str], None]) -> None:
    """Ask each process at its address until it answers 200.

    Raises Trouble after ``timeout`` seconds, naming who is not ready and what each said last.
    """
    last = dict.fromkeys(probes, "has not been asked")
    started = time.monotonic()
    request_limit = aiohttp.ClientTimeout(total=2)
    async with aiohttp.ClientSession(timeout=request_limit) as session:

        async def ask(name: str) -> None:
            while last[name]:
                last[name] = await _answer(session, probes[name])
                await asyncio.sleep(_PAUSE if last[name] else 0)
            tell(f"{name} is ready after {time.monotonic() - started:.1f} s")

        try:
            await asyncio.wait_for(asyncio.gather(*map(ask, probes)), timeout)
        except TimeoutError:
            late = "\n".join(f"{name} is not ready after {timeout:g} s: {why}" for name, why in last.items() if why)
            raise Trouble(late) from None


async def _answer(session: aiohttp.ClientSession, url: str) -> str:
    """Why it is not ready, or nothing."""
    try:
        async with session.get(url) as response:
            if response.status == 200:
                return ""
            return f"{url} answers {response.status} {(await response.text())[:200]}".rstrip()
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{url} does not answer ({type(error).__name__})"
