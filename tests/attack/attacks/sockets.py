"""Many connections, one after the other or at once."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from tests.attack.me import Me
from tests.attack.mouth import Gone, Mouth
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker
from tests.bench.wire import text_frame

LANES = 16  # connections that are opened at a time
HELD = 3000
LINGER = 0.1  # seconds in which what was said is read
UPGRADE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
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
async def blind_handshakes(me: Me) -> Steps:
    """All that makes a peer is said at once, without waiting for an answer, and the connection dropped"""
    request = json.dumps(["auth-request", {"token": me.scene.token, "resumable": True}])
    words = UPGRADE + text_frame("40" + json.dumps({"token": me.scene.token})) + text_frame("42" + request)

    async def once() -> None:
        mouth = await me.call(Mouth, me.gateway)
        await mouth.say(words)
        await asyncio.sleep(LINGER)
        mouth.hang_up()

    yield
    await over_and_over(once, lanes=64)


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
