"""A gateway process: its listener, the connection to NATS, and how it starts and stops."""

import asyncio
import logging
import socket as sockets
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from socketio.exceptions import ConnectionRefusedError as Refused

from gateway import metrics
from gateway.garbage import look_seldom
from gateway.settings import Settings
from gateway.switchboard import Switchboard
from gateway.transport.engineio.endings import SLOW
from gateway.transport.engineio.socket import Socket
from gateway.transport.newcomers import Limits, Newcomers
from gateway.transport.origins import ANY
from gateway.transport.pace import Entrance, Pace
from gateway.transport.socketio import Server
from shared.contract.refusals import Refusal
from shared.http.client_address import networks
from shared.http.edge import Crowd, Runner, listen
from shared.messaging.connection import connect, end
from shared.messaging.messaging import Messaging
from shared.process.probes import add_probes
from shared.process.stop import Stop
from shared.process.world import World

log = logging.getLogger(__name__)

ENDPOINT = "socket.io"
FLUSH_TIMEOUT = 1.0  # seconds
KERNEL_UNSENT = 65536  # bytes that the kernel may hold for a client that are not on their way yet


class Gateway:
    """One gateway process."""

    def __init__(self, settings: Settings, world: World) -> None:
        self._settings = settings
        self._chance = world.chance
        self._switchboard = Switchboard(settings, world)
        self._trusted = networks(settings.trusted_proxies)
        self._newcomers = Newcomers(_limits(settings), self._trusted)
        self._entrance = Entrance(Pace(settings.newcomers_per_second), settings.max_waiting)
        self._sio = self._socketio(settings)
        metrics.WAITING.set_function(lambda: self._entrance.waiting)
        metrics.NEWCOMERS_PER_SECOND.set_function(lambda: self._entrance.pace.per_second)
        metrics.STRANGERS.set_function(lambda: self._newcomers.strangers)

    async def run(self, stop: Stop) -> None:
        """Serve until ``stop`` is set, then part with the clients and end. Raises SettingError."""
        settings = self._settings
        crowd = Crowd(settings.max_connections, settings.max_connections_per_address, self._trusted)
        upgrades = {f"/{ENDPOINT}/": self._sio.eio.handle_request}
        runner = Runner(self._app(), crowd, upgrades, shutdown_timeout=1.0)
        await runner.setup()
        try:
            _leave_little_to_the_kernel(await listen(runner, settings.app_host, settings.app_port))
            look_seldom()
            await self._serve_until(stop)
        finally:
            await runner.cleanup()

    async def _serve_until(self, stop: Stop) -> None:
        name = self._settings.gateway_name or f"{sockets.gethostname()}:{self._settings.app_port}"
        settings = self._settings
        connecting = asyncio.create_task(
            connect(settings.nats_url, f"gateway {name}", stop, None, settings.tls, self._switchboard.on_disconnect)
        )
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            await end(connecting)
            return
        nc = connecting.result()
        watching = asyncio.create_task(self._switchboard.watch_user_keys(), name="user keys")
        serving = asyncio.create_task(self._switchboard.serve(nc, name), name="link")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await self._drain(nc)
        await end(serving, stopping, watching)
        await nc.close()
        if not serving.cancelled():
            serving.result()

    async def _drain(self, nc: Messaging) -> None:
        """Take no more clients, and send away those there are, in random order, so that they spread.

        Without NATS it can do nothing for them, so they go at once.
        """
        self._switchboard.leaving = True
        seconds = 0.0 if nc.is_closed else self._settings.drain_seconds
        if seconds:
            await asyncio.sleep(self._settings.drain_notice)
        # only newcomers are turned away: polling clients need the listener until it is their turn to go
        self._sio.eio.accepting = False
        await self._send_all_away(seconds)
        if not nc.is_closed:
            try:
                async with asyncio.timeout(FLUSH_TIMEOUT):
                    await self._switchboard.sign_off()
            except TimeoutError:
                log.warning("stopping with events that the log has not taken")

    async def _send_all_away(self, seconds: float) -> None:
        leaving = self._switchboard.connections
        self._chance.shuffle(leaving)
        for connection in leaving:
            connection.send_away()
            await asyncio.sleep(seconds / len(leaving))
        for connection in self._switchboard.connections:  # who was half-way in when the door closed
            connection.send_away()
        await asyncio.sleep(0)  # lets the last of them be noted as closed

    def _on_client(self, sid: str, socket: Socket, auth: Any) -> None:
        """A handshake. Raises the library's refusal, which the client sees as connect_error."""
        try:
            self._switchboard.connect(sid, socket, auth.get("token") if isinstance(auth, dict) else None)
        except Refusal as refusal:
            raise Refused(refusal.message, {"code": refusal.code}) from None

    def _on_gone(self, sid: str, reason: str) -> None:
        how = self._sio.reason
        lost = reason in (how.PING_TIMEOUT, how.TRANSPORT_ERROR, SLOW)
        self._switchboard.disconnect(sid, lost, for_good=reason == how.CLIENT_DISCONNECT)

    def _socketio(self, settings: Settings) -> Server:
        return Server(
            self._on_client,
            self._on_gone,
            async_mode="aiohttp",
            cors_allowed_origins=ANY if ANY in settings.origins else list(settings.origins),
            cors_credentials=False,  # tokens travel in messages; nobody needs a cookie of ours
            cookie="io",  # lets a load balancer learn the id that its polling requests share
            max_http_buffer_size=settings.max_message,
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            max_unsent=settings.max_unsent,
            max_unsent_per_address=settings.max_unsent_per_address,
            welcome_timeout=settings.auth_timeout,
            newcomers=self._newcomers,
            entrance=self._entrance,
        )

    def _app(self) -> web.Application:
        app = web.Application()
        self._sio.attach(app, ENDPOINT)
        add_probes(app, self._missing)
        return app

    def _missing(self) -> dict[str, str]:
        """Why this gateway cannot serve."""
        return {"gateway": "is stopping"} if self._switchboard.leaving else self._switchboard.missing


def _leave_little_to_the_kernel(listeners: Iterable[sockets.socket]) -> None:
    """Let it be seen soon that a client is slow; the kernel would take megabytes first. Its sockets inherit this."""
    if hasattr(sockets, "TCP_NOTSENT_LOWAT"):
        for listener in listeners:
            listener.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NOTSENT_LOWAT, KERNEL_UNSENT)


def _limits(settings: Settings) -> Limits:
    return Limits(
        handshakes=settings.handshakes_per_second,
        burst=settings.handshakes_burst,
        sockets=settings.max_connections_per_address,
        strangers=settings.max_unauthenticated,
    )
