"""A cluster: NATS, gateways, brokers, on one universe."""

import dataclasses

from broker.settings import Settings as BrokerSettings
from gateway.settings import Settings as GatewaySettings
from shared.contract.tokens import make_app_token
from tests.sim.process import BrokerProcess, GatewayProcess, Process
from tests.sim.server import EPOCH, Server
from tests.sim.universe import Universe

SECRET = "a secret of the simulation's own, and long enough"

AHEAD = 6  # seconds by which the clock of who makes app tokens is ahead


@dataclasses.dataclass
class Shape:
    """How large it is."""

    gateways: int = 3
    brokers: int = 2
    clients: int = 20


class Cluster:
    """Everything but clients. How it is set up is a matter of chance."""

    def __init__(self, universe: Universe, shape: Shape) -> None:
        chance = universe.chance
        self.universe = universe
        self.server = Server(universe)
        self.broker_settings = BrokerSettings(
            resume_for=chance.choice((300.0, 300.0, 300.0, 8.0)),
            snapshot_interval=chance.uniform(1, 6),
            max_kept_deliveries=chance.choice((256, 256, 6)),
        )
        gateway_settings = GatewaySettings(app_secret=SECRET, max_unsent=2000)
        self.token = make_app_token(SECRET, "sim", int(EPOCH) + AHEAD)
        self.gateways = [
            GatewayProcess(self.server, f"gateway-{number}", gateway_settings) for number in range(shape.gateways)
        ]
        self.brokers = [
            BrokerProcess(self.server, f"broker-{number}", self.broker_settings) for number in range(shape.brokers)
        ]

    @property
    def processes(self) -> list[Process]:
        return [*self.gateways, *self.brokers]

    def start(self) -> None:
        for process in self.processes:
            process.start()

    def dispose(self) -> None:
        """The history is over."""
        for process in self.processes:
            process.dispose()
