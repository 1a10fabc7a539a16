"""The description in ``asyncapi.json``: every event and acknowledgement, from the declarations in ``shared/contract``.

It is written as the server sees it: it receives what clients send. An operation's reply is the acknowledgement.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import dev.limits
from dev import schemas
from shared.contract.events import EVENTS, NEWEST, ClientEvent, Right, first
from shared.contract.refusals import CATALOGUE
from shared.contract.told import TOLD, ServerEvent, counts, is_for

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
VERSIONS = range(1, NEWEST + 1)
_ABOUT = (
    "What clients and the server say to each other, as PROTOCOL.md describes it. A message is one event of Socket.IO "
    '(`42["<name>",<payload>]` on the wire), and its payload is the one argument of the event. Each event of a client '
    "may ask for an acknowledgement, which is its operation's reply. Clients must ignore fields, events and values "
    "that they do not know: later releases may add some."
)
_GATEWAY = "Any gateway. The handshake carries `auth: {token: <app token or user token>}` (see PROTOCOL.md)."


def description() -> str:
    """The whole of it, as JSON."""
    return json.dumps(whole(), indent=2) + "\n"


def whole() -> dict[str, Any]:
    """The same, as data."""
    messages = {
        **{f"client.{name}": _said(event) for name, event in EVENTS.items()},
        **{f"server.{name}": _told(event) for name, event in TOLD.items()},
        **{f"answer.{name}": _accepted(event) for name, event in EVENTS.items()},
        "answer.refused": _refused(),
    }
    return {
        "asyncapi": "3.1.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {"gateway": _server()},
        "channels": {
            "events": _channel("/", "Events, in the default namespace", messages, ("client", "server")),
            "acknowledgements": _channel(
                None, "Acknowledgements, each to the socket that asked", messages, ("answer",)
            ),
        },
        "operations": {
            **{f"receive.{name}": _receive(name) for name in EVENTS},
            **{f"send.{name}": _send(name) for name in TOLD},
        },
        "components": {
            "messages": messages,
            "schemas": schemas.named(list(EVENTS.values()), list(TOLD.values())),
        },
        "x-versions": list(VERSIONS),
        "x-refusals": [{"code": one.code, "message": one.message, "when": one.when} for one in CATALOGUE],
        "x-limits": [
            {"what": what, "default": default, **({"setting": setting.replace("`", "")} if setting else {})}
            for what, default, setting in dev.limits.limits()
        ],
    }


def _info() -> dict[str, Any]:
    project = tomllib.loads(PROJECT.read_text())["project"]
    return {
        "title": "Parley",
        "version": project["version"],
        "description": _ABOUT,
        "license": {"name": project["license"]},
    }


def _server() -> dict[str, Any]:
    return {
        "host": "localhost:5000",
        "pathname": "/socket.io/",
        "protocol": "ws",
        "protocolVersion": "Socket.IO 5, Engine.IO 4",
        "description": _GATEWAY,
    }


def _channel(address: str | None, title: str, messages: dict[str, Any], kinds: tuple[str, ...]) -> dict[str, Any]:
    mine = (name for name in messages if name.partition(".")[0] in kinds)
    return {
        "address": address,
        "title": title,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in mine},
    }


def _said(event: type[ClientEvent]) -> dict[str, Any]:
    grants = {"x-grants": sorted(event.GRANTS)} if event.GRANTS is not None else {}
    relayed = {"x-relayed-as": event.RELAYED_AS} if event.RELAYED_AS else {}
    return {
        "name": event.NAME,
        "summary": f"{event.NAME}, from {event.WHO.value}" if event.WHO is not Right.ANYONE else event.NAME,
        "description": f"What follows: {event.DOC}.",
        "payload": schemas.said(event),
        "x-since": first(event.NAME).SINCE,
        "x-right": event.WHO.name.lower(),
        **grants,
        **relayed,
        "x-refused-as": event.REFUSED_AS,
    }


def _told(event: type[ServerEvent]) -> dict[str, Any]:
    until = {"x-until": event.UNTIL} if event.UNTIL else {}
    return {
        "name": event.NAME,
        "summary": event.DOC,
        "payload": schemas.told(event),
        "x-since": event.SINCE,
        **until,
        "x-counted": [version for version in VERSIONS if is_for(event, version) and counts(event.KIND, version)],
    }


def _accepted(event: type[ClientEvent]) -> dict[str, Any]:
    alike = f"; it says what the event {event.ANSWER} says" if isinstance(event.ANSWER, str) else ""
    return {
        "name": event.NAME,
        "summary": f"{event.NAME} took effect{alike}",
        "payload": schemas.acknowledged(event),
    }


def _refused() -> dict[str, Any]:
    return {"name": "refused", "summary": "the event was refused, and had no effect", "payload": schemas.refused()}


def _receive(name: str) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": "#/channels/events"},
        "summary": f"A client sends {name}",
        "messages": [{"$ref": f"#/channels/events/messages/client.{name}"}],
        "reply": {
            "channel": {"$ref": "#/channels/acknowledgements"},
            "messages": [
                {"$ref": f"#/channels/acknowledgements/messages/answer.{name}"},
                {"$ref": "#/channels/acknowledgements/messages/answer.refused"},
            ],
        },
    }


def _send(name: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/events"},
        "summary": f"A client is told {name}",
        "messages": [{"$ref": f"#/channels/events/messages/server.{name}"}],
    }
