"""A cluster: NATS, gateways, brokers, on one universe."""

import dataclasses

from broker.settings import Settings as BrokerSettings
from gateway.settings import Settings as GatewaySettings
from shared.envelopes import levels
from tests.sim.process import BrokerProcess, GatewayProcess, Process
from tests.sim.server import Server
from tests.sim.universe import Universe

APP = "sim"
SECRET = "a secret of the simulation's own, and long enough"


@dataclasses.dataclass
class Shape:
    """How large it is, and how it begins.

    opening          seconds before all else in which little happens, ``slower`` so many times than later
    without_brokers  there are none in most of that time
    in_vain          they start once in between, and end before any gateway has heard of them
    older            processes are of the release that knows the levels up to this one, and are replaced by this release
    mix              kinds of faults, if chance does not decide which there are
    suffering        what happens to clients' connections, if chance does not decide
    resume_for       seconds that a place is kept, if chance does not decide
    snapshots        seconds from one snapshot to the next, if chance does not decide
    """

    gateways: int = 3
    brokers: int = 2
    clients: int = 20
    opening: float = 0.0
    slower: float = 10.0
    without_brokers: bool = False
    in_vain: bool = False
    older: int = 0
    mix: tuple[str, ...] = ()
    suffering: tuple[str, ...] = ()
    resume_for: float = 0.0
    snapshots: float = 0.0


class Cluster:
    """Everything but clients. How it is set up is a matter of chance."""

    def __init__(self, universe: Universe, shape: Shape) -> None:
        chance = universe.chance_of("cluster")
        self.universe = universe
        self.shape = shape
        self.server = Server(universe)
        self.broker_settings = BrokerSettings(
            resume_for=shape.resume_for or chance.choice((300.0, 300.0, 300.0, 8.0)),
            snapshot_interval=shape.snapshots or chance.uniform(1, 6),
            max_kept_deliveries=chance.choice((256, 256, 6)),
        )
        gateway_settings = GatewaySettings(app_secret=SECRET, max_unsent=chance.choice((600, 2000, 2000)))
        self.gateways = [
            GatewayProcess(self.server, f"gateway-{number}", gateway_settings) for number in range(shape.gateways)
        ]
        self.brokers = [
            BrokerProcess(self.server, f"broker-{number}", self.broker_settings) for number in range(shape.brokers)
        ]

        if shape.older:
            for process in self.processes:
                process.level = shape.older

    @property
    def processes(self) -> list[Process]:
        return [*self.gateways, *self.brokers]

    def level_of(self, name: str) -> int:
        """The highest level that a process knows."""
        return next((process.level for process in self.processes if process.name == name), levels.LEVEL)

    def start(self) -> None:
        for process in self.processes:
            process.start()

    def dispose(self) -> None:
        """The history is over."""
        for process in self.processes:
            process.dispose()
