"""What a broker tells of itself: read from its state when asked. No label takes a value that a client could invent."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from broker.server import Broker

GAUGES = {
    "parley_broker_speaking": "1 on the broker that speaks, 0 on a standby.",
    "parley_broker_term": "The newest term that the log tells of; grows when another broker begins to speak.",
    "parley_broker_position": "Log position applied.",
    "parley_broker_lag": "Messages of the log that are not applied yet.",
    "parley_broker_rooms": "Rooms.",
    "parley_broker_peers": "Peers, absent ones included.",
    "parley_broker_absent_peers": "Peers that have lost their socket and may come back.",
    "parley_broker_gateways": "Gateways that are up.",
    "parley_broker_snapshot_age_seconds": "Seconds since this broker took a snapshot; -1 if it has not.",
    "parley_broker_snapshot_seconds": "Seconds that the newest snapshot took.",
    "parley_broker_snapshot_bytes": "Size of the newest snapshot.",
}
RULES_FAILED = Counter(
    "parley_broker_rules_failed_total", "Entries of the log at which a rule failed: an error of ours. They are refused."
)
DECISIONS = "parley_broker_decisions"
DECISIONS_HELP = "Client events by name and outcome: ok or the refusal's code."


class BrokerCollector(Collector):
    """Makes metrics of a broker's state at the moment of being asked."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker

    def collect(self) -> Iterable[Metric]:
        """The metrics now."""
        figures = self._broker.figures()
        for name, meaning in GAUGES.items():
            yield GaugeMetricFamily(name, meaning, value=figures.get(name.removeprefix("parley_broker_"), 0.0))
        decisions = CounterMetricFamily(DECISIONS, DECISIONS_HELP, labels=["event", "outcome"])
        for (event, outcome), count in sorted(self._broker.decisions().items()):
            decisions.add_metric([event, outcome], count)
        yield decisions
