"""Many connections, one after the other or at once."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.attack.me import Me
from tests.attack.mouth import Gone
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker

LANES = 16  # connections that are opened at a time
HELD = 3000
PAUSE = 0.01  # seconds after a connection that failed


async def over_and_over(once: Callable[[], Awaitable[object]], lanes: int = LANES) -> None:
    """Do it for ever, in so many lanes."""

    async def lane() -> None:
        while True:
            try:
                await once()
            except (Gone, OSError, TimeoutError):
                await asyncio.sleep(PAUSE)

    await asyncio.gather(*(lane() for _ in range(lanes)))


@attack()
async def handshakes(me: Me) -> Steps:
    """WebSockets are opened and dropped, with no word in them."""

    async def once() -> None:
        (await me.stranger()).hang_up()

    yield
    await over_and_over(once)


@attack()
async def held_sockets(me: Me) -> Steps:
    """Thousands of WebSockets are opened and kept, with no word in them."""
    kept: list[Talker] = []

    async def once() -> None:
        if len(kept) < HELD:
            kept.append(await me.stranger())
        else:
            await asyncio.sleep(1)

    yield
    await over_and_over(once)


@attack()
async def churn(me: Me) -> Steps:
    """Sockets with a good app token become peers and are dropped."""

    async def once() -> None:
        (await me.peer()).hang_up()

    yield
    await over_and_over(once)


@attack(row=8)
async def resumable_churn(me: Me) -> Steps:
    """Sockets become resumable peers with rooms and are dropped, so that their places stay."""

    async def once() -> None:
        peer = await me.peer(resumable=True, peerinfo="x" * 4000)
        await peer.ask("room-create-request")
        peer.hang_up()

    yield
    await over_and_over(once)


@attack()
async def forged_tokens(me: Me) -> Steps:
    """Handshakes with tokens of 4 KiB that are none."""

    async def once() -> None:
        await (await me.stranger()).connect(("e30." * 1000)[:4000])

    yield
    await over_and_over(once)
