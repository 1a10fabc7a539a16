"""A cluster: NATS, gateways, brokers, on one universe."""

import dataclasses

from broker.settings import Settings as BrokerSettings
from gateway.settings import Settings as GatewaySettings
from shared.contract.tokens import make_app_token
from tests.sim.process import BrokerProcess, GatewayProcess, Process
from tests.sim.server import Server
from tests.sim.universe import Universe

SECRET = "a secret of the simulation's own, and long enough"


@dataclasses.dataclass
class Shape:
    """How large it is."""

    gateways: int = 3
    brokers: int = 2
    clients: int = 20


class Cluster:
    """Everything but clients. ``resume_for`` and ``snapshot_interval`` are in seconds."""

    def __init__(self, universe: Universe, shape: Shape, resume_for: float, snapshot_interval: float) -> None:
        self.universe = universe
        self.server = Server(universe)
        self.broker_settings = BrokerSettings(resume_for=resume_for, snapshot_interval=snapshot_interval)
        gateway_settings = GatewaySettings(app_secret=SECRET, max_unsent=2000)
        self.token = make_app_token(SECRET, "sim", 0)
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
