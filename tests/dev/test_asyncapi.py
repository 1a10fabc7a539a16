"""What asyncapi.json says, and that others can read it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs would be one more package, for one call
import pytest

from dev.documents import ROOT
from shared.contract.events import EVENTS
from shared.contract.told import TOLD, counted_in
from tests.system.rig.node import find_node

FILE = ROOT / "asyncapi.json"
SCRIPT = Path(__file__).parent / "read_asyncapi.mjs"
SCHEMA = ROOT / "node_modules/@asyncapi/specs/schemas/3.1.0.json"

WHOLE: dict[str, Any] = json.loads(FILE.read_text())
MESSAGES = WHOLE["components"]["messages"]


def test_it_is_valid() -> None:
    find_node("@asyncapi/specs")
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator(schema).validate(WHOLE)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate({**WHOLE, "operations": {"x": {"action": "shout"}}})


def test_the_official_parser_reads_it() -> None:
    node = find_node("@asyncapi/parser")
    read = subprocess.run([node, SCRIPT, FILE], check=True, capture_output=True, text=True, timeout=60)
    answer = json.loads(read.stdout)
    assert answer["problems"] == []
    assert answer["found"]["version"] == "3.1.0"
    assert answer["found"]["operations"] == [f"receive.{name}" for name in EVENTS] + [f"send.{name}" for name in TOLD]
    assert answer["found"]["answered"] == [f"receive.{name}" for name in EVENTS], "all can be acknowledged"


def test_it_says_what_clients_of_each_version_count() -> None:
    for version in WHOLE["x-versions"]:
        counted = {name for name in TOLD if version in MESSAGES[f"server.{name}"]["x-counted"]}
        assert counted == set(counted_in(version))


@pytest.mark.parametrize("name", MESSAGES)
def test_every_payload_is_a_schema(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(MESSAGES[name]["payload"])


@pytest.mark.parametrize(
    ("name", "sent", "fits"),
    [
        ("client.room-join-accept", {"auth": "a", "room": "r", "to": "p"}, True),
        ("client.room-join-accept", {"auth": "a", "room": "r"}, False),
        ("client.room-join-request", {"auth": "a", "room": None}, False),
        ("client.room-create-request", {"auth": "a", "room": None}, True),
        ("client.room-kick-request", {"auth": "a", "room": "r", "to": "p", "ban": 0}, False),
        ("client.room-kick-request", {"auth": "a", "room": "r", "to": "p", "ban": True}, True),
        ("client.room-unban-request", {"auth": "a", "room": "r", "id": "a\tb"}, False),
        ("client.room-policy-request", {"auth": "a", "room": "r", "policy": {"colour": "red"}}, False),
        ("client.auth-request", {"token": "t"}, True),
        ("client.auth-request", {}, False),
        ("answer.room-join-request", {"ok": True, "room": "r", "peer_id": "p"}, True),
        ("answer.room-join-request", {"ok": True, "room": "r"}, False),
        ("answer.refused", {"ok": False, "code": "full", "message": "m"}, True),
        ("answer.refused", {"ok": False, "code": "nonsense", "message": "m"}, False),
        ("server.room-user-leave", {"room": "r", "peer_id": "p", "reason": "bored"}, False),
    ],
)
def test_what_may_be_said_fits(name: str, sent: dict[str, Any], fits: bool) -> None:
    schema = {**MESSAGES[name]["payload"], "components": WHOLE["components"]}
    assert jsonschema.Draft7Validator(schema).is_valid(sent) is fits
