"""Webhooks, for as long as auth_api serves."""

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from auth_api.webhooks.notices import Notices
from auth_api.webhooks.receiver import Receiver
from auth_api.webhooks.sender import Sender
from auth_api.webhooks.turn import Turn
from shared.messaging.connection import end
from shared.messaging.messaging import Messaging
from shared.process.world import World


class Webhooks:
    """Sends the notices to ``receiver``, unless another process does."""

    def __init__(
        self,
        receiver: Receiver,
        notices: Notices,
        connection: Callable[[], Messaging | None],
        world: World,
    ) -> None:
        self._receiver = receiver
        self._sender = Sender(Turn(connection, world.new_id(), world.monotonic), notices, receiver, world)

    async def while_serving(self, _: web.Application) -> AsyncIterator[None]:
        """For ``cleanup_ctx``."""
        async with self._receiver:
            sending = asyncio.create_task(self._sender.run())
            yield
            await end(sending)
