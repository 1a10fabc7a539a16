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
    """One process of Parley, as in production: ``python -m module``, configured by its environment alone."""

    name: str
    module: str
    host: str
    port: int
    port_setting: str
    defaults: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def address(self) -> tuple[str, int]:
        """Where this machine reaches it."""
        return {"0.0.0.0": _LOOPBACK, "::": "::1"}.get(self.host, self.host), self.port

    @property
    def url(self) -> str:
        """Where a browser on this machine reaches it. Camera and microphone are given to localhost only."""
        host = self.address[0]
        shown = "localhost" if host == _LOOPBACK else f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.port}"

    def program(self, settings: Settings, environ: Mapping[str, str]) -> Program:
        """How to start it. ``environ`` wins over the defaults, and not over where things are."""
        defaults = {"LOG_FORMAT": "text", **self.defaults}
        places = {
            "APP_HOST": self.host,
            "APP_PORT": str(self.port),
            "NATS_URL": f"nats://{_LOOPBACK}:{settings.nats_port}",
        }
        return Program(self.name, [sys.executable, "-m", self.module], {**defaults, **environ, **places})


def services(settings: Settings) -> list[Service]:
    """Every process but NATS."""
    gateways = [_gateway(settings, index) for index in range(settings.gateways)]
    return [*(_broker(settings, index) for index in range(settings.brokers)), *gateways, _auth_api(settings, gateways)]


def programs(settings: Settings, environ: Mapping[str, str]) -> list[Program]:
    """What to start, NATS first."""
    base = Program("nats", nats.command(settings.folder, settings.nats_port, settings.nats_sync), environ)
    return [base, *(service.program(settings, environ) for service in services(settings))]


def ports(settings: Settings) -> Iterator[Port]:
    """Every port that will be listened on."""
    yield Port(settings.nats_port, _LOOPBACK, "nats", "NATS_PORT")
    for service in services(settings):
        yield Port(service.port, service.host, service.name, service.port_setting)


def _broker(settings: Settings, index: int) -> Service:
    return Service(f"broker-{index + 1}", "broker", _LOOPBACK, settings.broker_port + index, "BROKER_PORT")


def _gateway(settings: Settings, index: int) -> Service:
    name = f"gateway-{index + 1}"
    # No drain: there is no load balancer here that needs time to see a gateway leave.
    defaults = {"GATEWAY_NAME": name, "DRAIN_SECONDS": "0"}
    return Service(name, "gateway", settings.app_host, settings.gateway_port + index, "GATEWAY_PORT", defaults)


def _auth_api(settings: Settings, gateways: list[Service]) -> Service:
    defaults = {"GATEWAY_URL": ",".join(gateway.url for gateway in gateways)}
    return Service("auth_api", "auth_api", settings.app_host, settings.auth_api_port, "AUTH_API_PORT", defaults)
