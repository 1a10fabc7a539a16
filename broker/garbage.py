"""When Python's garbage collector looks at what the broker holds.

State and histories are hundreds of thousands of objects that reference counting frees by itself. Left alone, the
collector walks through all of them now and then, and everything waits for 20 ms and more. Here it looks at what is new,
ten times a second, and then leaves that alone for good.
"""

import asyncio
import gc

from shared.messaging.connection import cancelled

INTERVAL = 0.1  # seconds; in a burst some thousand new objects each, 2 ms


async def collect_now_and_then() -> None:
    """Look at what is new since the last time, until cancelled."""
    while not cancelled():
        gc.collect()
        gc.freeze()
        await asyncio.sleep(INTERVAL)
