"""The gateway put together: sockets, intake, link; and how it starts and ends."""

import asyncio
import functools
import logging
import random
import socket as sockets
import time
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from socketio.exceptions import ConnectionRefusedError as Refused

from gateway import metrics
from gateway.connection import Connection
from gateway.garbage import look_seldom
from gateway.incoming import door
from gateway.incoming.intake import Intake
from gateway.incoming.log_writer import LogWriter
from gateway.incoming.revocations import Revocations
from gateway.incoming.sessions import Sessions
from gateway.outgoing.inbox import Inbox
from gateway.outgoing.link import Link, new_gateway_id
from gateway.outgoing.pacing import Pacing
from gateway.rate import Budgets, Rates
from gateway.settings import Settings
from gateway.transport.engineio import SLOW
from gateway.transport.newcomers import Limits, Newcomers
from gateway.transport.origins import ANY
from gateway.transport.socketio import Server
from shared.contract.refusals import Refusal
from shared.envelopes.entries import Closed, Entry, GatewayDown, Pace
from shared.envelopes.subjects import public_id
from shared.http.client_address import networks
from shared.http.edge import Crowd, Runner
from shared.http.listening import listen
from shared.messaging.connection import connect, end
from shared.messaging.nats import Client
from shared.process.probes import add_probes
from shared.process.stop import Stop

log = logging.getLogger(__name__)

FLUSH_TIMEOUT = 1.0  # seconds
KERNEL_UNSENT = 65536  # bytes that the kernel may hold for a client that are not on their way yet


class Gateway:
    """One gateway: its sockets, and the link that serves them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connections: dict[str, Connection] = {}
        self._revocations = Revocations()
        self._sessions = Sessions(settings.secrets, settings.token_lifetime, self._revocations)
        self._intake = Intake(self._sessions, _sizes(settings), self._append)
        self._pacing = Pacing(settings.max_unsent, self._say_pace)
        self._link: Link | None = None
        self._draining = False
        self._trusted = networks(settings.trusted_proxies)
        self._newcomers = Newcomers(_limits(settings), self._trusted)
        self._budgets = Budgets(_rates(settings), settings.clients_per_address)
        self._sio = _socketio(settings, self._newcomers)
        metrics.STRANGERS.set_function(lambda: self._newcomers.strangers)
        metrics.CONNECTIONS.set_function(lambda: len(self._connections))
        metrics.POSITION.set_function(lambda: self._link.inbox.position if self._link else 0)
        metrics.HELD_BYTES.set_function(lambda: self._link.writer.held if self._link else 0)
        metrics.HELD_EVENTS.set_function(lambda: self._link.writer.waiting if self._link else 0)
        self._sio.on("connect", self._on_connect)
        self._sio.on("disconnect", self._on_disconnect)

    async def run(self, stop: Stop) -> None:
        """Serve until ``stop`` is set, then part with the clients and end. Raises SettingError."""
        settings = self._settings
        crowd = Crowd(settings.max_connections, settings.max_connections_per_address, self._trusted)
        runner = Runner(self._app(), crowd, shutdown_timeout=1.0)
        await runner.setup()
        try:
            _leave_little_to_the_kernel(await listen(runner, settings.app_host, settings.app_port))
            look_seldom()
            await self._serve_until(stop)
        finally:
            await runner.cleanup()

    async def _serve_until(self, stop: Stop) -> None:
        name = self._settings.gateway_name or f"{sockets.gethostname()}:{self._settings.app_port}"
        connecting = asyncio.create_task(connect(self._settings.nats_url, f"gateway {name}", stop))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            await end(connecting)
            return
        nc = connecting.result()
        serving = asyncio.create_task(self._serve(nc, name), name="link")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await self._drain(nc)
        await end(serving, stopping)
        await nc.close()
        if not serving.cancelled():
            serving.result()

    async def _serve(self, nc: Client, name: str) -> None:
        """One link after the other; the sockets of one never outlive it."""
        while not self._draining:
            gateway = new_gateway_id()
            limits = self._settings.max_held, self._settings.max_held_per_client
            inbox = Inbox(
                self._connections, self._sessions, self._revocations, self._settings.turn, self._pacing, self._budgets
            )
            self._link = Link(nc, gateway, name, LogWriter(nc, gateway, *limits, inbox), inbox)
            log.info("gateway up", extra={"facts": {"gateway": public_id(gateway), "name": name}})
            await self._link.run()
            for connection in list(self._connections.values()):
                connection.logged = False
                connection.send_away()

    async def _drain(self, nc: Client) -> None:
        """Take no more clients, and send away those there are, in random order, so that they spread.

        Without NATS it can do nothing for them, so they go at once.
        """
        self._draining = True
        seconds = 0.0 if nc.is_closed else self._settings.drain_seconds
        if seconds:
            await asyncio.sleep(self._settings.drain_notice)
        # only newcomers are turned away: polling clients need the listener until it is their turn to go
        self._sio.eio.accepting = False
        leaving = list(self._connections.values())
        random.shuffle(leaving)
        for connection in leaving:
            connection.send_away()
            await asyncio.sleep(seconds / len(leaving))
        for connection in list(self._connections.values()):  # who was half-way in when the door closed
            connection.send_away()
        await asyncio.sleep(0)  # lets the last of them be noted as closed
        if self._link is not None and not nc.is_closed:
            self._link.writer.append_always(GatewayDown(self._link.inbox.have))
            try:
                async with asyncio.timeout(FLUSH_TIMEOUT):
                    await self._link.writer.flush()
            except TimeoutError:
                log.warning("stopping with events that the log has not taken")

    def _on_connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        """A handshake. Raises the library's refusal, which the client sees as connect_error."""
        socket = self._sio.socket(sid)
        if socket is None:
            raise Refused("Connection is gone")
        try:
            app = self._sessions.app_of(auth.get("token") if isinstance(auth, dict) else None)
            metrics.HANDSHAKES.labels("ok").inc()
        except Refusal as refusal:
            metrics.HANDSHAKES.labels(refusal.code).inc()
            socket.leave()
            raise Refused(refusal.message, {"code": refusal.code}) from None
        connection = self._connections[sid] = Connection(sid, app, socket)
        socket.greet()
        socket.on_event = functools.partial(self._intake.take, connection)

    def _on_disconnect(self, sid: str, reason: str) -> None:
        """A socket is gone. Only what the log knows of has an end there."""
        connection = self._connections.pop(sid, None)
        if connection is None:
            return
        connection.socket.leave()
        self._pacing.forget(connection)
        self._budgets.leave(connection.peer_id, connection.socket.budget, time.monotonic())
        if connection.logged and self._link is not None:
            how = self._sio.reason
            lost = reason in (how.PING_TIMEOUT, how.TRANSPORT_ERROR, SLOW)
            for_good = reason == how.CLIENT_DISCONNECT
            self._link.writer.append_always(Closed(sid, self._link.inbox.have, "lost" if lost else "closed", for_good))

    def _append(self, connection: Connection, entry: Entry, size: int) -> bool:
        return self._link is not None and self._link.writer.append(connection, entry, size)

    def _say_pace(self, pace: Pace) -> None:
        if self._link is not None:
            self._link.writer.append_always(pace)

    def _app(self) -> web.Application:
        app = web.Application()
        self._sio.attach(app, "socket.io")
        add_probes(app, self._missing)
        return app

    def _missing(self) -> dict[str, str]:
        """Why this gateway cannot serve."""
        if self._draining:
            return {"gateway": "is stopping"}
        if self._link is None:
            return {"nats": "cannot be reached"}
        if not self._link.writer.writable:
            return {"log": "does not take events"}
        if not self._link.in_touch():
            return {"broker": "has not been heard of"}
        return {}


def _leave_little_to_the_kernel(listeners: Iterable[sockets.socket]) -> None:
    """Let it be seen soon that a client is slow; the kernel would take megabytes first. Its sockets inherit this."""
    if hasattr(sockets, "TCP_NOTSENT_LOWAT"):
        for listener in listeners:
            listener.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NOTSENT_LOWAT, KERNEL_UNSENT)


def _sizes(settings: Settings) -> door.Sizes:
    return door.Sizes(
        payload=settings.max_payload,
        peerinfo=settings.max_peerinfo,
        ice_candidate=settings.max_ice_candidate,
        session_description=settings.max_session_description,
        room_name=settings.max_room_name,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        handshakes=settings.handshakes_per_second,
        burst=settings.handshakes_burst,
        sockets=settings.max_connections_per_address,
        strangers=settings.max_unauthenticated,
    )


def _rates(settings: Settings) -> Rates:
    return Rates(
        frames=settings.events_per_second,
        frames_burst=settings.events_burst,
        bytes=settings.bytes_per_second,
        bytes_burst=settings.bytes_burst,
    )


def _socketio(settings: Settings, newcomers: Newcomers) -> Server:
    return Server(
        async_mode="aiohttp",
        cors_allowed_origins=ANY if ANY in settings.origins else list(settings.origins),
        cors_credentials=False,  # tokens travel in messages; nobody needs a cookie of ours
        cookie="io",  # lets a load balancer learn the id that its polling requests share
        max_http_buffer_size=settings.max_message,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        max_unsent=settings.max_unsent,
        welcome_timeout=settings.auth_timeout,
        newcomers=newcomers,
    )
