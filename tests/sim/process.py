"""The simulated processes: the project's own gateway and broker, from a connected client inwards."""

import asyncio
import random
from asyncio import events
from collections.abc import Callable, Coroutine
from typing import Any

from broker.core.levels import NewerLog
from broker.server import Broker
from broker.settings import Settings as BrokerSettings
from gateway.settings import Settings as GatewaySettings
from gateway.switchboard import Switchboard
from shared.envelopes import levels
from shared.process.world import World
from tests.sim.connection import Connection
from tests.sim.line import Line
from tests.sim.loop import Loop
from tests.sim.server import EPOCH, Server

SIGN_OFF = 1.0  # seconds that a gateway that ends waits for NATS
LOOK = 1e-6  # seconds that a look at the clock takes
DRIFT = 1e-4  # the part by which a clock may be too fast or too slow


class Process:
    """One after the other of a name: ``start`` makes a new one. ``skew``: seconds by which its wall clock is off."""

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self.server = server
        self.universe = server.universe
        self.on_complaint: Callable[[str], None] = lambda _: None
        self.skew = 0.0
        self.level = levels.LEVEL  # which it knows
        self._looks = 0
        self.alive = False
        self.stopping = False
        self._past: list[Loop] = []

    def start(self) -> None:
        """Begin a new life, unless one is going on."""
        if self.alive:
            return
        chance = self.universe.chance_of(f"{self.name} {len(self._past)}")
        self.alive, self.stopping = True, False
        self.loop = Loop(self.universe, self.complain, 1 + chance.uniform(-DRIFT, DRIFT))
        self.loop.who = self.name
        self._past.append(self.loop)
        self.world = World(self.now, self.loop.time, chance.randbytes, random.Random(chance.getrandbits(64)))
        self.nc = Connection(self.loop, self.server, self.name, self.on_reconnect, self.on_disconnect)
        self.universe.note(self.name, "starts")
        self.loop.call_soon(self.nc.connect)
        self._main = self.loop.create_task(self.serve(self.nc))
        self._main.add_done_callback(self._on_end)

    def now(self) -> float:
        """What time it is by its wall clock, which is never the same twice: what a process does takes time."""
        self._looks += 1
        return EPOCH + self.universe.time + self.skew + self._looks * LOOK

    def kill(self) -> None:
        """Like ``kill -9``."""
        if self.alive:
            self.universe.note(self.name, "is killed")
            self.alive = False
            self.loop.drop()
            self.nc.cut()

    @property
    def is_old(self) -> bool:
        """Whether it is of the last release."""
        return self.level < levels.LEVEL

    def freeze(self) -> None:
        if self.alive:
            self.universe.note(self.name, "is frozen")
            self.loop.freeze()

    def thaw(self) -> None:
        if self.alive and self.loop.frozen:
            self.universe.note(self.name, "is thawed")
            self.loop.thaw()

    def stop(self) -> None:
        """Like SIGTERM."""
        if self.alive:
            self.universe.note(self.name, "is to stop")
            self.stopping = True
            self.loop.call_soon(self._stop_soon)

    def dispose(self) -> None:
        """The history is over."""
        self.kill()
        for loop in self._past:
            loop.dispose()

    def complain(self, trouble: str) -> None:
        self.on_complaint(f"{self.name}: {trouble}")

    async def on_reconnect(self) -> None:
        """The connection to NATS has been made again."""

    def on_disconnect(self) -> None:
        """The connection to NATS is lost."""

    def serve(self, nc: Connection) -> Coroutine[Any, Any, None]:
        """What it does from its start on."""
        raise NotImplementedError

    async def end(self) -> None:
        """What it does before it ends."""

    def _stop_soon(self) -> None:
        self._ending = self.loop.create_task(self._stop())

    async def _stop(self) -> None:
        await self.end()
        self._main.cancel()
        await asyncio.wait({self._main})
        await self.nc.close()
        self.kill()

    def _on_end(self, main: asyncio.Task[None]) -> None:
        """It has ended: asked to, or because of an error, after which a supervisor would start it again."""
        if not main.cancelled() and self.alive and isinstance(main.exception(), NewerLog) and self.is_old:
            self.universe.note(self.name, "is too old for the log, and is replaced")
            self.kill()
            self.level = levels.LEVEL
            self.universe.after(1.0, self.start)
        elif not main.cancelled() and self.alive and not self.stopping:
            self.complain(f"ended: {main.exception()!r}")
            self.kill()
            self.universe.after(1.0, self.start)


class GatewayProcess(Process):
    """A gateway, and the lines of its clients."""

    def __init__(self, server: Server, name: str, settings: GatewaySettings) -> None:
        super().__init__(server, name)
        self.settings = settings
        self.lines: list[Line] = []

    def serve(self, nc: Connection) -> Coroutine[Any, Any, None]:
        self.switchboard = Switchboard(self.settings, self.world)
        return self.switchboard.serve(nc, self.name)

    def on_disconnect(self) -> None:
        self.switchboard.on_disconnect()

    async def end(self) -> None:
        self.switchboard.leaving = True
        for connection in self.switchboard.connections:
            connection.send_away()
            await asyncio.sleep(0.01)
        try:
            async with asyncio.timeout(SIGN_OFF):
                await self.switchboard.sign_off()
        except TimeoutError:
            self.universe.note(self.name, "stops with events that the log has not taken")

    @property
    def accepts(self) -> bool:
        """Whether a client can connect; one that is frozen still seems to be there."""
        return self.alive and not self.switchboard.leaving

    def kill(self) -> None:
        super().kill()
        for line in self._let_go():
            line.gateway_died()

    def freeze(self) -> None:
        super().freeze()
        for line in self.lines:
            line.watch_out()

    def _let_go(self) -> list[Line]:
        lines, self.lines = self.lines, []
        return lines


class BrokerProcess(Process):
    """A broker."""

    def __init__(self, server: Server, name: str, settings: BrokerSettings) -> None:
        super().__init__(server, name)
        self.settings = settings

    @property
    def speaks(self) -> bool:
        """Whether it holds the lease, as it believes."""
        return self.broker.replica is not None and self.broker.replica._lease.held

    def serve(self, nc: Connection) -> Coroutine[Any, Any, None]:
        self.broker = Broker(self.settings, self.world)
        return self.broker.serve(nc)

    async def on_reconnect(self) -> None:
        await self.broker.on_reconnect()

    def on_disconnect(self) -> None:
        self.broker.on_disconnect()


def running() -> str:
    """The process whose turn it is."""
    return getattr(events._get_running_loop(), "who", "")
