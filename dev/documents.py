"""The tables in the documents, and openapi.json, made from the declarations: ``python -m dev.documents [--check]``.

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
import dev.limits
import gateway.settings
from auth_api.app_token import REQUESTS
from broker import metrics as broker_metrics
from broker.doubts import PASSED_OVER
from broker.speaking.lease import TAKEOVERS
from dev import openapi
from gateway import metrics as gateway_metrics
from shared.contract.events import EVENTS, ClientEvent
from shared.contract.refusals import CATALOGUE
from shared.contract.told import COUNTED, PLUS, TOLD
from shared.envelopes.calls import CALLS, Call, Place
from shared.messaging.connection import RECONNECTS
from shared.process.settings import table

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("SETTINGS.md", "PROTOCOL.md", "OPERATIONS.md", "deploy/METRICS.md")
OPENAPI = ROOT / "auth_api/openapi.json"
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


def told() -> str:
    """Every event from the server."""
    rows = (
        (
            f"`{name}`" + (" **+**" if event.ADDED else ""),
            ", ".join(_told_field(field) for field in msgspec.structs.fields(event)),
            event.DOC,
            "yes" if event.COUNTED else "",
            str(event.SINCE),
        )
        for name, event in TOLD.items()
    )
    return _markdown(("event", "fields", "when", "counted", "since version"), rows)


def limits() -> str:
    """Every limit that clients meet."""
    return _markdown(("what", "default", "setting"), dev.limits.limits())


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


def operator_calls() -> str:
    """A command for each operator's call."""
    calls = [call for call in CALLS.values() if call.OPERATOR]
    lines = [(_curl(call), call.DOC + _query(call)) for call in calls]
    width = max(len(command) for command, _ in lines)
    commands = "".join(f"{command:{width}}  # {doc}\n" for command, doc in lines)
    return f"```sh\nT=$(sed -n 's/^ADMIN_TOKEN=//p' .env)\n{commands}```\n"


TABLES: dict[str, Callable[[], str]] = {
    "events": events,
    "refusals": refusals,
    "told": told,
    "counted": counted,
    "limits": limits,
    "gateway-settings": settings(gateway.settings.Settings),
    "broker-settings": settings(broker.settings.Settings),
    "auth-api-settings": settings(auth_api.settings.Settings),
    "metrics": metrics,
    "operator-calls": operator_calls,
}


def filled(text: str) -> str:
    """A document with its tables made anew."""
    return _TABLE.sub(lambda match: match[1] + TABLES[match["name"]]() + match[3], text)


def outdated() -> dict[Path, str]:
    """The documents that are not what the code says, and what they should be."""
    paths = [path for name in DOCUMENTS if (path := ROOT / name).exists()]
    made = {path: filled(path.read_text()) for path in paths} | {OPENAPI: openapi.description()}
    return {path: text for path, text in made.items() if path.read_text() != text}


def main() -> int:
    """Write the documents, or with ``--check`` only say which of them need it."""
    parser = argparse.ArgumentParser(prog="python -m dev.documents", description="Make the tables in the documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a document is not up to date")
    check = parser.parse_args().check
    stale = outdated()
    for path, text in stale.items():
        print(f"{path.relative_to(ROOT)}: {'not up to date, run: make docs' if check else 'written'}")
        if not check:
            path.write_text(text)
    return 1 if check and stale else 0


def _fields(event: type[ClientEvent]) -> str:
    names = [field.name for field in msgspec.structs.fields(event) if field.name not in ("auth", "payload")]
    needed = set(event.NEEDS) | ({"token"} if "token" in names else set())
    shown = [f"`{name}`" + (" (needed)" if name in needed else "") for name in names if name not in ("to", "peer_id")]
    if "peer" in event.NEEDS:
        shown.append("`to` or `peer_id` (one needed)")
    return ", ".join(shown)


def _told_field(field: msgspec.structs.FieldInfo) -> str:
    marks = getattr(field.type, "__metadata__", ())
    said = next((f" ({mark.description})" for mark in marks if isinstance(mark, msgspec.Meta)), "")
    return f"{'**+** ' if PLUS in marks else ''}`{field.name}`{said}"


def _curl(call: type[Call]) -> str:
    method = "" if call.METHOD == "GET" else f"-X {call.METHOD} "
    return f'curl -H "Authorization: Bearer $T" {method}localhost:8404{call.PATH.format(**examples(call))}'


def examples(call: type[Call]) -> dict[str, str]:
    """What may stand for the names in a call's path. Raises TypeError if a field does not say."""
    fields = {field.name: field.type for field in msgspec.structs.fields(call)}
    found = {}
    for name in (name for name, place in call.PLACES.items() if place is Place.PATH):
        schema = msgspec.json.schema(fields[name])
        if not schema.get("examples"):
            raise TypeError(f"{call.__name__}.{name} is part of a path: give an example of it, as Meta(examples=[…])")
        found[name] = schema["examples"][0]
    return found


def _query(call: type[Call]) -> str:
    names = [f"{name}=" for name, place in call.PLACES.items() if place is Place.QUERY]
    return f" (?{'&'.join(names)})" if names else ""


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
