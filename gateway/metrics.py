"""What a gateway counts. No label takes a value that a client could invent."""

from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.contract import events


class Distribution(Histogram):
    """As the library's, which takes two locks for each value: here is one thread."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Count a value."""
        self._sum._value += amount
        self._buckets[bisect_left(self._upper_bounds, amount)]._value += 1


class EventCounter(Collector):
    """Counts events by name. The library's own counter takes a lock and four calls for each."""

    LABELS = ("event",)

    def __init__(self) -> None:
        self.counts = dict.fromkeys((*events.EVENTS, "unknown"), 0)
        REGISTRY.register(self)

    def collect(self) -> Iterable[Metric]:
        """The metric now."""
        family = CounterMetricFamily(
            "parley_gateway_events", "Client events by name; all unknown ones are counted as one.", labels=self.LABELS
        )
        for name, count in self.counts.items():
            family.add_metric([name], count)
        yield family


CONNECTIONS = Gauge("parley_gateway_connections", "Sockets that have shown a good app token.")
HANDSHAKES = Counter(
    "parley_gateway_handshakes_total",
    "Handshakes by outcome: ok, the refusal's code, busy, or the limit that the caller's address exceeded.",
    ["outcome"],
)
STRANGERS = Gauge("parley_gateway_strangers", "Sockets that have not authenticated.")
WAITING = Gauge("parley_gateway_waiting", "Handshakes that wait for their turn.")
NEWCOMERS_PER_SECOND = Gauge(
    "parley_gateway_newcomers_per_second", "Handshakes that are served per second at most, as busy as the gateway is."
)
ADMISSIONS = Counter(
    "parley_gateway_admissions_total",
    "Sockets admitted as peers: new, resumed, or no longer resumable.",
    ["outcome"],
)
EVENTS = EventCounter()
REFUSALS = Counter("parley_gateway_refusals_total", "Client events refused by the gateway itself.", ["code"])
RELAY_SECONDS = Distribution(
    "parley_gateway_relay_seconds",
    "Seconds from the first event of a batch coming in at one gateway to its deliveries going out at another.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BATCH_ENTRIES = Distribution(
    "parley_gateway_batch_entries", "Entries in one batch to the log.", buckets=(1, 2, 5, 10, 20, 50, 100, 500, 2000)
)
HELD_BYTES = Gauge("parley_gateway_held_bytes", "Bytes of events that are not yet in the log.")
HELD_EVENTS = Gauge("parley_gateway_held_events", "Events that wait for the batch in flight.")
POSITION = Gauge("parley_gateway_position", "Log position of the newest deliveries taken.")
GAPS = Counter("parley_gateway_gaps_total", "Times that a delivery was missing and was requested again.")
FENCED = Counter("parley_gateway_fenced_total", "Times that the broker had considered this gateway lost.")
SLOW_CLIENTS = Counter("parley_gateway_slow_clients_total", "Clients disconnected because they did not read.")
FLOODS = Counter("parley_gateway_floods_total", "Clients disconnected because they sent more than their budget.")
USER_KEYS_BROKEN = Gauge(
    "parley_gateway_user_keys_broken", "1 while the file USER_KEYS cannot be used and older keys stay."
)
LEVEL = Gauge("parley_gateway_level", "Level of the log, as the broker has said it: from 2 on, users get in.")
