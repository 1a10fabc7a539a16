"""The connection to NATS, with the settings that signaling needs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from nats.protocol.parser import PERMISSIONS_ERR
from prometheus_client import Counter

from shared.envelopes.subjects import LEAST_PAYLOAD, without_ids
from shared.messaging.messaging import Messaging
from shared.messaging.nats import Client
from shared.messaging.tls import Tls
from shared.process.stop import Stop

log = logging.getLogger(__name__)

RECONNECTS = Counter("parley_nats_reconnects_total", "Times that the connection to NATS was lost and made again.")

MOST_REASONS = 8  # that are told of one time in which NATS cannot be reached

OnReconnect = Callable[[], Awaitable[None]]
OnDisconnect = Callable[[], None]


def cancelled() -> bool:
    """Whether the running task is to end: nats-py swallows a cancellation now and then, so a loop has to look."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def connect(
    url: str,
    name: str,
    stop: Stop,
    on_reconnect: OnReconnect | None = None,
    tls: Tls | None = None,
    on_disconnect: OnDisconnect = lambda: None,
) -> Messaging:
    """Connect, waiting for NATS as long as it takes. ``url`` may hold several servers, comma-separated.

    They are tried in their order, so that the first may be the one on this machine.

    If the connection ever ends for good, the process can do nothing more, and ends.
    """
    client = Client(tls.context if tls else None)
    client.on_closed = lambda: stop.give_up("the connection to NATS is closed for good")

    async def on_connected_again() -> None:
        _check_payload(client, stop)  # it may have been set up anew meanwhile
        if on_reconnect is not None:
            await on_reconnect()

    reports = _Reports(client, _without_secrets(url), on_connected_again, on_disconnect)
    await client.connect(**_options(url, name), **reports.callbacks())
    _check_payload(client, stop)
    log.info("connected to NATS at %s", _without_secrets(url))
    return client


def _check_payload(client: Client, stop: Stop) -> None:
    """Give up on a server that takes too little: what it refuses once it would refuse for ever."""
    if client.max_payload < LEAST_PAYLOAD:
        stop.give_up(f"NATS takes {client.max_payload} bytes at most: set its max_payload to {LEAST_PAYLOAD} or more")


def _options(url: str, name: str) -> dict[str, Any]:
    return {
        "servers": [server.strip() for server in url.split(",")],
        "name": name,
        # an inbox for each kind of process, so that NATS can let it read its own answers and nobody else's
        "inbox_prefix": f"_INBOX_{name.partition(' ')[0]}",
        "max_reconnect_attempts": -1,  # the default gives up after a minute
        "reconnect_time_wait": 0.2,  # seconds; annotated int, but a fraction does
        "connect_timeout": 2,
        "dont_randomize": True,
        "ping_interval": 5,  # a half-open connection is noticed within 15 s
        "max_outstanding_pings": 2,
        "pending_size": 16 * 1024 * 1024,
    }


class _Reports:
    """Tells the log how a connection fares: why NATS cannot be used, once for each reason, until it can be again."""

    def __init__(self, client: Client, where: str, on_reconnect: OnReconnect, on_disconnect: OnDisconnect) -> None:
        self._client = client
        self._where = where
        self._on_reconnect = on_reconnect
        self._on_disconnect = on_disconnect
        self._reasons: set[str] = set()

    def callbacks(self) -> dict[str, Any]:
        """What the library is to call."""
        return {
            "error_cb": self._on_error,
            "disconnected_cb": self._on_disconnected,
            "reconnected_cb": self._on_reconnected,
        }

    async def _on_error(self, error: Exception) -> None:
        why = without_ids(str(error) or type(error).__name__)
        if why not in self._reasons and len(self._reasons) < MOST_REASONS:
            self._reasons.add(why)
            trouble = "forbids what is needed" if PERMISSIONS_ERR in why else "cannot be reached, trying on"
            log.warning("NATS at %s %s: %s", self._where, trouble, why)

    async def _on_disconnected(self) -> None:
        if self._client.is_reconnecting:  # not when we close it ourselves
            log.warning("disconnected from NATS")
            self._on_disconnect()

    async def _on_reconnected(self) -> None:
        self._reasons.clear()
        RECONNECTS.inc()
        log.warning("reconnected to NATS")
        await self._on_reconnect()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks until they have ended: nats-py swallows a cancellation now and then."""
    while pending := {task for task in tasks if not task.done()}:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.1)


def _without_secrets(url: str) -> str:
    return ",".join(server.rpartition("@")[2] for server in url.split(","))
