"""The attacker, as its attacks see it."""

import asyncio
import json
import socket
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from tests.attack.mouth import Gone, Mouth
from tests.attack.purse import Purse
from tests.attack.scene import Scene
from tests.attack.talker import Talker

SOURCE = "127.0.0.2"  # not the witnesses' address: what a server allows an address is to be the attacker's own
UNTAKEN = 16 * 1024  # bytes that the attacker's kernel holds for a connection: what no server has seen hurts nobody
AGAIN = 0.01  # seconds until one who was hung up on calls again

Speaker = TypeVar("Speaker", bound=Mouth)


class Me:
    """Connections from one address, all of one purse. ``prepared`` says for the report what there was before."""

    def __init__(self, scene: Scene, source: str = SOURCE, purse: Purse | None = None) -> None:
        self.scene = scene
        self.purse = purse or Purse(scene.seconds, scene.most)
        self.source = source
        self.prepared = ""
        self.breaches: list[str] = []
        self._meanwhile: set[asyncio.Task[None]] = set()
        self._mouths: weakref.WeakSet[Mouth] = weakref.WeakSet()

    @property
    def gateway(self) -> int:
        """The port of the attacked gateway."""
        return self.scene.gateways[0]

    def elsewhere(self, number: int) -> "Me":
        """The same attacker at another address."""
        return Me(self.scene, f"127.0.1.{number + 1}", self.purse)

    def settle(self) -> int:
        """Hang up everywhere; returns how many bytes were sent."""
        for mouth in list(self._mouths):
            self.purse.give_back(mouth.unsent)
            mouth.hang_up()
        return self.purse.sent

    async def call(self, kind: Callable[[Purse], Speaker], port: int) -> Speaker:
        """A TCP connection."""
        mouth = kind(self.purse)
        line = socket.socket()
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNTAKEN)
        line.bind((self.source, 0))
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(line, ("127.0.0.1", port))
            await loop.create_connection(lambda: mouth, sock=line)
        except BaseException:
            line.close()
            raise
        self._mouths.add(mouth)
        return mouth

    def meanwhile(self, step: Coroutine[Any, Any, None]) -> None:
        """Do this beside everything else, whatever comes of it."""
        task = asyncio.create_task(step)
        self._meanwhile.add(task)
        task.add_done_callback(self._meanwhile.discard)

    async def stranger(self) -> Talker:
        """A WebSocket that has not said who it is."""
        talker = await self.call(Talker, self.gateway)
        await talker.upgrade()
        return talker

    async def guest(self) -> Talker:
        """A socket with a good app token that is no peer yet."""
        talker = await self.stranger()
        await talker.connect(self.scene.token)
        return talker

    async def peer(self, **fields: Any) -> Talker:
        """A peer."""
        talker = await self.guest()
        if not (await talker.authenticate(self.scene.token, **fields))["ok"]:
            raise Gone
        return talker

    async def flood(self, arrive: Callable[[], Awaitable[Speaker]], words: Callable[[Speaker], bytes]) -> None:
        """Say the same for ever, as fast as it is taken; from a new connection when the last one is gone."""
        while True:
            try:
                speaker = await arrive()
                if isinstance(speaker, Talker):
                    speaker.listening = False
                chunk = words(speaker)
                while True:
                    await speaker.say(chunk)
            except (Gone, OSError, TimeoutError, json.JSONDecodeError):
                await asyncio.sleep(AGAIN)
