"""The documents that are made from the declarations: ``python -m dev.documents [--check]``.

They are the tables and the pictures in the documents for people, and three documents for machines: openapi.json,
asyncapi.json, events.d.ts.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``.
"""

import argparse
import functools
import json
import re
import sys
import typing
import urllib.parse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client.metrics import MetricWrapperBase

import auth_api.settings
import broker.settings
import dev.limits
import gateway.settings
from auth_api.app_token import APP_REQUESTS, USER_REQUESTS
from auth_api.webhooks import metrics as webhook_metrics
from broker import metrics as broker_metrics
from broker.doubts import PASSED_OVER
from broker.speaking.lease import TAKEOVERS
from broker.speaking.notices import NOTICES_LOST, NOTICES_STORED
from dev import asyncapi, charts, openapi, typescript
from gateway import metrics as gateway_metrics
from shared.contract.events import EVENTS, ClientEvent, Right, first, known
from shared.contract.refusals import CATALOGUE
from shared.contract.told import PLUS, TOLD, counted_in
from shared.envelopes.calls import CALLS, Call, Place
from shared.envelopes.notices import NOTICES, Notice
from shared.envelopes.users import Grant
from shared.messaging.connection import RECONNECTS
from shared.process.settings import table

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "SETTINGS.md", "PROTOCOL.md", "OPERATIONS.md", "deploy/METRICS.md")
PICTURES = Path("dev/pictures")
WHOLE: dict[str, Callable[[], str]] = {
    "auth_api/openapi.json": openapi.description,
    "asyncapi.json": asyncapi.description,
    "client/events.d.ts": typescript.description,
    "client/src/counted.js": typescript.counted,
    **{f"{PICTURES}/benchmarks-{theme}.svg": functools.partial(charts.benchmarks, theme) for theme in charts.THEMES},
    **{f"{PICTURES}/faults-{theme}.svg": functools.partial(charts.faults, theme) for theme in charts.THEMES},
}
_TABLE = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def events() -> str:
    """Every client event of version 1: fields, and what follows."""
    found = ((name, event) for name in EVENTS if (event := known(name, 1)) is not None)
    rows = (
        (f"`{name}`", _fields(event), event.DOC, _acknowledged(event), f"`{event.REFUSED_AS}`") for name, event in found
    )
    return _markdown(("event", "fields", "what follows", "acknowledged with", "refused by"), rows)


def events_of_version_2() -> str:
    """What version 2 adds to them."""
    found = ((name, event) for name, event in EVENTS.items() if event.SINCE > 1)
    rows = ((f"`{name}`", _fields(event), event.DOC, _acknowledged(event)) for name, event in found)
    return _markdown(("event", "fields", "what follows", "acknowledged with"), rows)


def rights() -> str:
    """Who may send which event."""
    declared = [(name, event) for name, event in EVENTS.items() if event.WHO is not Right.ANYONE]
    rows = ((f"`{name}`", event.WHO.value, _grants(event), str(first(name).SINCE)) for name, event in declared)
    return _markdown(("event", "who may send it", "grant that a user needs", "since version"), rows)


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
            "yes" if event.COUNTED else "from version 2 on" if event.COUNTED_LATER else "",
            f"{event.SINCE} alone" if event.UNTIL else str(event.SINCE),
        )
        for name, event in TOLD.items()
    )
    return _markdown(("event", "fields", "when", "counted", "version"), rows)


def limits() -> str:
    """Every limit that clients meet."""
    return _markdown(("what", "default", "setting"), dev.limits.limits())


def counted() -> str:
    """The events that a returning client of version 1 counts."""
    return _names(counted_in(1))


def counted_by_version_2() -> str:
    """The events that one of version 2 counts."""
    return _names(counted_in(2))


def settings(cls: type[Any]) -> Callable[[], str]:
    """The settings of one process."""

    def rows() -> str:
        return _markdown(
            ("variable", "default", "meaning"), ((f"`{name}`", default, doc) for name, default, doc in table(cls))
        )

    return rows


def metrics() -> str:
    """Every metric of our own."""
    of_brokers = [PASSED_OVER, TAKEOVERS, broker_metrics.RULES_FAILED, NOTICES_STORED, NOTICES_LOST]
    of_auth_api = [APP_REQUESTS, USER_REQUESTS, *vars(webhook_metrics).values()]
    declared = [*vars(gateway_metrics).values(), RECONNECTS, *of_auth_api, *of_brokers]
    rows = [_declared_metric(m) for m in declared if isinstance(m, MetricWrapperBase | gateway_metrics.EventCounter)]
    rows += [(f"`{name}`", "gauge", "", meaning) for name, meaning in broker_metrics.GAUGES.items()]
    rows.append((f"`{broker_metrics.DECISIONS}_total`", "counter", "event, outcome", broker_metrics.DECISIONS_HELP))
    return _markdown(("metric", "kind", "labels", "meaning"), rows)


def notices() -> str:
    """Every type of notice."""
    rows = ((f"`{name}`", _own_fields(notice), notice.DOC) for name, notice in NOTICES.items())
    return _markdown(("type", "fields", "when"), rows)


def fields_of_all_notices() -> str:
    """What every notice has."""
    described = ((field.name, _description(field)) for field in msgspec.structs.fields(Notice))
    rows = ((f"`{name}`", said) for name, said in [("type", "as below"), *described])
    return _markdown(("field", "meaning"), rows)


def operator_calls() -> str:
    """A command for each operator's call."""
    calls = [call for call in CALLS.values() if call.OPERATOR]
    commands = "".join(f"# {call.DOC}{_query(call)}\n{_curl(call)}\n" for call in calls)
    return f"```sh\nA=localhost:8404 T=$(sed -n 's/^ADMIN_TOKEN=//p' .env)\n\n{commands}```\n"


def architecture() -> str:
    """The drawing of the whole system."""
    return f"```mermaid\n{(ROOT / PICTURES / 'architecture.mmd').read_text()}```\n"


TABLES: dict[str, Callable[[], str]] = {
    "architecture": architecture,
    "events": events,
    "refusals": refusals,
    "told": told,
    "counted": counted,
    "counted-2": counted_by_version_2,
    "events-2": events_of_version_2,
    "rights": rights,
    "limits": limits,
    "gateway-settings": settings(gateway.settings.Settings),
    "broker-settings": settings(broker.settings.Settings),
    "auth-api-settings": settings(auth_api.settings.Settings),
    "metrics": metrics,
    "operator-calls": operator_calls,
    "notices": notices,
    "all-notices": fields_of_all_notices,
}


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) + "\n"


def _grants(event: type[ClientEvent]) -> str:
    if event.GRANTS is None:
        return ""
    return ", ".join(f"`{grant}`" for grant in typing.get_args(Grant) if grant in event.GRANTS)


def filled(text: str) -> str:
    """A document with its tables made anew."""
    return _TABLE.sub(lambda match: match[1] + TABLES[match["name"]]() + match[3], text)


def outdated() -> dict[Path, str]:
    """The documents that are not what the code says, and what they should be."""
    paths = [path for name in DOCUMENTS if (path := ROOT / name).exists()]
    made = {path: filled(path.read_text()) for path in paths} | {ROOT / name: make() for name, make in WHOLE.items()}
    return {path: text for path, text in made.items() if not path.exists() or path.read_text() != text}


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
    fields = [field for field in msgspec.structs.fields(event) if field.name not in ("auth", "n", "payload")]
    names = [field.encode_name for field in fields]
    needed = {*event.NEEDS, "token", *(field.encode_name for field in fields if field.required)}
    shown = [f"`{name}`" + (" (needed)" if name in needed else "") for name in names if name not in ("to", "peer_id")]
    if "to" in names:
        shown.append("`to` or `peer_id`" + (" (one needed)" if "peer" in event.NEEDS else ""))
    return ", ".join(shown)


def _acknowledged(event: type[ClientEvent]) -> str:
    """What an acknowledgement has beside ``ok``."""
    if isinstance(event.ANSWER, str):
        return f"as `{event.ANSWER}`"
    return ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(event.ANSWER))


def _told_field(field: msgspec.structs.FieldInfo) -> str:
    marks = getattr(field.type, "__metadata__", ())
    said = next((f" ({mark.description})" for mark in marks if isinstance(mark, msgspec.Meta)), "")
    return f"{'**+** ' if PLUS in marks else ''}`{field.name}`{said}"


def _own_fields(notice: type[Notice]) -> str:
    """The fields that not all notices have."""
    own = (field for field in msgspec.structs.fields(notice) if field.name not in Notice.__struct_fields__)
    shown = ((field.encode_name, _description(field)) for field in own)
    return ", ".join(f"`{name}`" + (f" ({said})" if said else "") for name, said in shown)


def _description(field: msgspec.structs.FieldInfo) -> str:
    marks = getattr(field.type, "__metadata__", ())
    return next((mark.description or "" for mark in marks if isinstance(mark, msgspec.Meta)), "")


def _curl(call: type[Call]) -> str:
    method = "" if call.METHOD == "GET" else f"-X {call.METHOD} "
    sent = examples(call, Place.BODY)
    body = f" --json '{json.dumps(sent)}'" if sent else ""
    query = urllib.parse.urlencode(examples(call, Place.QUERY))
    path = call.PATH.format(**examples(call, Place.PATH)) + (f"?{query}" if query else "")
    place = f'"$A{path}"' if query else f"$A{path}"
    return f'curl -H "Authorization: Bearer $T" {method if not body else ""}{place}{body}'


def examples(call: type[Call], place: Place = Place.PATH) -> dict[str, Any]:
    """What may be sent in one place. Raises TypeError if a field that must be sent does not say."""
    found = {}
    for field in (field for field in msgspec.structs.fields(call) if call.PLACES[field.name] is place):
        said = _examples(field.type)
        if said:
            found[field.name] = said[0]
        elif field.required:
            raise TypeError(f"{call.__name__}.{field.name} is needed: give an example of it, as Meta(examples=[…])")
    return found


def _examples(kind: Any) -> list[Any]:
    (schema,), _ = msgspec.json.schema_components((kind,))
    return list(schema.get("examples", ()))


def _query(call: type[Call]) -> str:
    shown = examples(call, Place.QUERY)
    names = [f"{name}=" for name, place in call.PLACES.items() if place is Place.QUERY and name not in shown]
    return f" ({'&' if shown else '?'}{'&'.join(names)})" if names else ""


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
