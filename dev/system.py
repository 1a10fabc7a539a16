"""The local system: which processes it has, and how each is told where the others are."""

import dataclasses
import sys
from collections.abc import Iterator, Mapping

from dev import nats
from dev.ports import Port
from dev.processes import Program
from dev.settings import Settings

_LOOPBACK = "127.0.0.1"


@dataclasses.dataclass(frozen=True)
class Service:
    """One process of Parley, as in production: ``python -m module``, and the environment that configures it."""

    name: str
    module: str
    host: str
    port: int
    port_setting: str
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{_reachable(self.host)}:{self.port}"


def services(settings: Settings) -> list[Service]:
    """Every process but NATS."""
    return [*_brokers(settings), *_gateways(settings), _auth_api(settings)]


def programs(settings: Settings, environ: Mapping[str, str]) -> list[Program]:
    """What to start, NATS first. ``environ`` goes to every process, under what is said here."""
    common = dict(environ) | {
        "NATS_URL": f"nats://{_LOOPBACK}:{settings.nats_port}",
        "LOG_FORMAT": "text",
        "PYTHONUNBUFFERED": "1",
    }
    base = Program("nats", nats.command(settings.folder, settings.nats_port), environ)
    return [base, *(_program(service, common) for service in services(settings))]


def ports(settings: Settings) -> Iterator[Port]:
    """Every port that will be listened on."""
    yield Port(settings.nats_port, _LOOPBACK, "nats", "NATS_PORT")
    for service in services(settings):
        yield Port(service.port, service.host, service.name, service.port_setting)


def _program(service: Service, common: Mapping[str, str]) -> Program:
    own = {"APP_HOST": service.host, "APP_PORT": str(service.port)}
    return Program(service.name, [sys.executable, "-m", service.module], {**common, **own, **service.environ})


def _brokers(settings: Settings) -> Iterator[Service]:
    for index in range(settings.brokers):
        port = settings.broker_port + index
        yield Service(f"broker-{index + 1}", "broker", _LOOPBACK, port, "BROKER_PORT")


def _gateways(settings: Settings) -> Iterator[Service]:
    # A load balancer needs time to see that a gateway leaves; here there is none.
    environ = {"DRAIN_SECONDS": "0"}
    for index in range(settings.gateways):
        port = settings.gateway_port + index
        yield Service(f"gateway-{index + 1}", "gateway", settings.app_host, port, "GATEWAY_PORT", environ)


def _auth_api(settings: Settings) -> Service:
    gateways = ",".join(service.url for service in _gateways(settings))
    return Service(
        "auth_api",
        "auth_api",
        settings.app_host,
        settings.auth_api_port,
        "AUTH_API_PORT",
        {"GATEWAY_URL": gateways},
    )


def _reachable(host: str) -> str:
    """How a browser on this machine says ``host``. Camera and microphone are given to localhost only."""
    return "localhost" if host in (_LOOPBACK, "0.0.0.0") else host
