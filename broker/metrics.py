"""What a broker tells of itself: read from its state when asked. No label takes a value that a client could invent."""

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Protocol

from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figures:
    """A broker's numbers at one moment: each field is the metric ``parley_broker_<field>``."""

    speaking: Annotated[float, "1 on the broker that speaks, 0 on a standby."]
    term: Annotated[float, "The newest term that the log tells of; grows when another broker begins to speak."]
    position: Annotated[float, "Log position applied."]
    lag: Annotated[float, "Messages of the log that are not yet applied."]
    rooms: Annotated[float, "Rooms."]
    peers: Annotated[float, "Peers, absent ones included."]
    absent_peers: Annotated[float, "Peers that have lost their socket and may come back."]
    gateways: Annotated[float, "Gateways that are up."]
    snapshot_age_seconds: Annotated[
        float, "Seconds since this broker took a snapshot or saw a new one; -1 if it has not."
    ]
    snapshot_seconds: Annotated[float, "Seconds that the newest snapshot of this broker took."]
    snapshot_bytes: Annotated[float, "Size of the newest snapshot of this broker."]
    notices_waiting: Annotated[float, "Notices that wait to be stored; 0 on a standby."]
    notices_waiting_seconds: Annotated[float, "Age of the oldest of them, in seconds."]


RULES_FAILED = Counter(
    "parley_broker_rules_failed_total", "Entries of the log at which a rule failed: an error of ours. They are refused."
)
DECISIONS = "parley_broker_decisions"
DECISIONS_HELP = (
    "Client events by name and outcome: ok, again if it was done before under its number, or the refusal's code."
)


GAUGES: dict[str, str] = {
    f"parley_broker_{name}": hint.__metadata__[0]
    for name, hint in typing.get_type_hints(Figures, include_extras=True).items()
}
NOTHING = Figures(**dict.fromkeys((field.name for field in dataclasses.fields(Figures)), 0.0))


class Measured(Protocol):
    """A broker, as far as it can be asked for numbers."""

    def figures(self) -> Figures:
        """Its state in numbers."""

    def decisions(self) -> Mapping[tuple[str, str], int]:
        """How often each client event had each outcome."""


class BrokerCollector(Collector):
    """Makes metrics of a broker's state at the moment of being asked."""

    def __init__(self, broker: Measured) -> None:
        self._broker = broker

    def collect(self) -> Iterable[Metric]:
        """The metrics now."""
        figures = self._broker.figures()
        for (name, meaning), value in zip(GAUGES.items(), dataclasses.astuple(figures), strict=True):
            yield GaugeMetricFamily(name, meaning, value=value)
        decisions = CounterMetricFamily(DECISIONS, DECISIONS_HELP, labels=["event", "outcome"])
        for (event, outcome), count in sorted(self._broker.decisions().items()):
            decisions.add_metric([event, outcome], count)
        yield decisions
