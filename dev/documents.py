"""The tables in the documents, made from the code's declarations: ``python -m dev.documents [--check]``.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client.metrics import MetricWrapperBase

import auth_api.settings
import broker.settings
import gateway.settings
from auth_api.app_token import REQUESTS
from broker import metrics as broker_metrics
from broker.doubts import PASSED_OVER
from broker.speaking.lease import TAKEOVERS
from gateway import metrics as gateway_metrics
from shared.contract.events import EVENTS, ClientEvent
from shared.contract.refusals import CATALOGUE
from shared.contract.told import COUNTED
from shared.messaging.connection import RECONNECTS
from shared.process.settings import table

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("SETTINGS.md", "PROTOCOL.md", "deploy/METRICS.md")
_TABLE = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def events() -> str:
    """Every client event: fields, and what follows."""
    rows = (
        (f"`{name}`", event.WHO.value, _fields(event), event.DOC, f"`{event.REFUSED_AS}`")
        for name, event in EVENTS.items()
    )
    return _markdown(("event", "who may send it", "fields", "what follows", "refused by"), rows)


def refusals() -> str:
    """Every code."""
    return _markdown(("code", "sentence", "when"), ((f"`{code.code}`", code.message, code.when) for code in CATALOGUE))


def counted() -> str:
    """The events that a returning client counts."""
    return ", ".join(f"`{name}`" for name in COUNTED) + "\n"


def settings(cls: type[Any]) -> Callable[[], str]:
    """The settings of one process."""

    def rows() -> str:
        return _markdown(
            ("variable", "default", "meaning"), ((f"`{name}`", default, doc) for name, default, doc in table(cls))
        )

    return rows


def metrics() -> str:
    """Every metric of our own."""
    of_brokers = [PASSED_OVER, TAKEOVERS, broker_metrics.RULES_FAILED]
    declared = [*vars(gateway_metrics).values(), RECONNECTS, REQUESTS, *of_brokers]
    rows = [_declared_metric(m) for m in declared if isinstance(m, MetricWrapperBase | gateway_metrics.EventCounter)]
    rows += [(f"`{name}`", "gauge", "", meaning) for name, meaning in broker_metrics.GAUGES.items()]
    rows.append((f"`{broker_metrics.DECISIONS}_total`", "counter", "event, outcome", broker_metrics.DECISIONS_HELP))
    return _markdown(("metric", "kind", "labels", "meaning"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "events": events,
    "refusals": refusals,
    "counted": counted,
    "gateway-settings": settings(gateway.settings.Settings),
    "broker-settings": settings(broker.settings.Settings),
    "auth-api-settings": settings(auth_api.settings.Settings),
    "metrics": metrics,
}


def filled(text: str) -> str:
    """A document with its tables made anew."""
    return _TABLE.sub(lambda match: match[1] + TABLES[match["name"]]() + match[3], text)


def outdated() -> list[Path]:
    """The documents whose tables are not what the code says."""
    paths = (ROOT / name for name in DOCUMENTS)
    return [path for path in paths if path.exists() and filled(path.read_text()) != path.read_text()]


def main() -> int:
    """Write the tables, or with ``--check`` only say which documents need it."""
    parser = argparse.ArgumentParser(prog="python -m dev.documents", description="Make the tables in the documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a table is not up to date")
    check = parser.parse_args().check
    stale = outdated()
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'not up to date, run: make docs' if check else 'written'}")
        if not check:
            path.write_text(filled(path.read_text()))
    return 1 if check and stale else 0


def _fields(event: type[ClientEvent]) -> str:
    names = [field.name for field in msgspec.structs.fields(event) if field.name not in ("auth", "payload")]
    needed = set(event.NEEDS) | ({"token"} if "token" in names else set())
    shown = [f"`{name}`" + (" (needed)" if name in needed else "") for name in names if name not in ("to", "peer_id")]
    if "peer" in event.NEEDS:
        shown.append("`to` or `peer_id` (one needed)")
    return ", ".join(shown)


def _declared_metric(metric: MetricWrapperBase | gateway_metrics.EventCounter) -> tuple[str, str, str, str]:
    described = next(iter(metric.collect()))
    suffix = "_total" if described.type == "counter" else ""
    labels: Iterable[str] = metric._labelnames if isinstance(metric, MetricWrapperBase) else metric.LABELS
    return f"`{described.name}{suffix}`", described.type, ", ".join(labels), described.documentation


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
