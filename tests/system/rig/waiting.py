"""Waiting for a condition, with a limit."""

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], object], what: str, within: float = 10.0) -> None:
    """Return as soon as ``condition()`` is true; fail with ``what`` when it is not within so many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        await asyncio.sleep(0.01)
