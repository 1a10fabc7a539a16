"""What breaks clients of an earlier contract, rule by rule; and that nothing breaks those of the last release."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.compatibility import breaks
from dev.documents import ROOT

# What asyncapi.json said then. With each release: cp asyncapi.json tests/dev/last-release.json
LAST_RELEASE = Path(__file__).parent / "last-release.json"
NOW: dict[str, Any] = json.loads((ROOT / "asyncapi.json").read_text())

Change = Callable[[dict[str, Any]], None]


def fields(whole: dict[str, Any], message: str) -> Any:
    return whole["components"]["messages"][message]["payload"]["properties"]


def without(message: str, field: str) -> Change:
    return lambda whole: fields(whole, message).pop(field)


def field(message: str, name: str, schema: Any) -> Change:
    return lambda whole: fields(whole, message).__setitem__(name, schema)


def put(value: Any, *path: str) -> Change:
    def change(whole: dict[str, Any]) -> None:
        for step in path[:-1]:
            whole = whole[step]
        whole[path[-1]] = value

    return change


def message(value: Any, name: str, *path: str) -> Change:
    return put(value, "components", "messages", name, *path)


def gone(name: str) -> Change:
    return lambda whole: whole["components"]["messages"].pop(name)


def needs(name: str, *more: str) -> Change:
    return lambda whole: whole["components"]["messages"][name]["payload"]["required"].extend(more)


def may_lack(name: str, less: str) -> Change:
    return lambda whole: whole["components"]["messages"][name]["payload"]["required"].remove(less)


def added(name: str, **said: Any) -> Change:
    event = {"payload": {"type": "object", "required": [], "properties": {}}, **said}
    return put(event, "components", "messages", name)


KICK = "client.room-kick-request"
LEAVE = "server.room-user-leave"
NUMBER = {"type": "integer"}
BREAKING: list[tuple[Change, str]] = [
    # what clients send
    (gone(KICK), f"{KICK} is gone"),
    (without(KICK, "text"), f"{KICK}.text is gone"),
    (needs(KICK, "text"), f"{KICK}.text is needed"),
    (message([{"required": ["to"]}], KICK, "payload", "anyOf"), f"{KICK}: other fields are needed"),
    (message(False, KICK, "payload", "additionalProperties"), f"{KICK}: unknown fields are refused"),
    (field(KICK, "text", NUMBER), f"{KICK}.text: another type is expected"),
    (field(KICK, "payload", NUMBER), f"{KICK}.payload: another type is expected"),
    (field(KICK, "to", {"type": "string"}), f"{KICK}.to: another type is expected"),
    (field(KICK, "text", {"type": "string", "maxLength": 255}), f"{KICK}.text: maxLength is less"),
    (field(KICK, "text", {"type": "string", "maxLength": 256, "minLength": 1}), f"{KICK}.text: minLength is more"),
    (field(KICK, "payload", {"x-max-bytes": 4095}), f"{KICK}.payload: x-max-bytes is less"),
    (field(KICK, "auth", {"type": "string", "pattern": "^x"}), f"{KICK}.auth: another pattern is expected"),
    (
        field(KICK, "ban", {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 60}, {"type": "boolean"}]}),
        f"{KICK}.ban: maximum is less",
    ),
    (
        field("client.room-role-request", "role", {"enum": ["member", "owner"]}),
        "client.room-role-request.role: values that were possible are not",
    ),
    (
        put({"enum": ["ask"]}, "components", "schemas", "PolicyChange", "properties", "admission"),
        "client.room-policy-request.policy.admission: values that were possible are not",
    ),
    (message(3, KICK, "x-since"), f"{KICK} is there from version 3 on only"),
    (message("room-join-reject", KICK, "x-refused-as"), f"{KICK} has another x-refused-as"),
    (message("offer", "client.relay-ice-candidate", "x-relayed-as"), "client.relay-ice-candidate has another x-relay"),
    (message("owner", KICK, "x-right"), f"{KICK} takes a right that fewer have"),
    (message(["own"], "client.room-join-request", "x-grants"), "client.room-join-request takes a grant"),
    (message(["own"], KICK, "x-grants"), f"{KICK} takes a grant that it did not take"),
    # what they are told
    (gone(LEAVE), f"{LEAVE} is gone"),
    (without(LEAVE, "reason"), f"{LEAVE}.reason is gone"),
    (may_lack(LEAVE, "reason"), f"{LEAVE}.reason may be missing"),
    (field(LEAVE, "reason", NUMBER), f"{LEAVE}.reason: it may be of another type"),
    (field(LEAVE, "room", {"anyOf": [{"type": "string"}, {"type": "null"}]}), f"{LEAVE}.room: it may be of another"),
    (field("server.room-join-accept", "peers", {"type": "array", "items": NUMBER}), "server.room-join-accept.peers[]:"),
    (
        put(NUMBER, "components", "schemas", "Identity", "properties", "name"),
        f"{LEAVE}.identity.name: it may be of another type",
    ),
    (message([], LEAVE, "x-counted"), f"{LEAVE} is counted differently by version 1"),
    (message(2, LEAVE, "x-since"), f"{LEAVE} is not told to version 1 any more"),
    (message(1, LEAVE, "x-until"), f"{LEAVE} is not told to version 2 any more"),
    (
        added("server.room-news", **{"x-since": 2, "x-counted": [2]}),
        "server.room-news is new and counted, and clients of version 2 do not count it",
    ),
    # what they are answered
    (gone("answer.room-kick-request"), "answer.room-kick-request is gone"),
    (without("answer.room-kick-request", "banned_until"), "answer.room-kick-request.banned_until is gone"),
    (may_lack("answer.room-join-request", "peer_id"), "answer.room-join-request.peer_id may be missing"),
    (field("answer.room-create-request", "room", NUMBER), "answer.room-create-request.room: it may be of another type"),
    # all of it
    (put([2, 3], "x-versions"), "version 1 is not spoken any more"),
    (lambda whole: whole["x-refusals"].pop(0), "the refusal bad-request is gone"),
]

HARMLESS: list[Change] = [
    lambda whole: None,
    field(KICK, "why", {"type": "string"}),
    field(KICK, "text", {"type": "string", "maxLength": 257}),
    field(KICK, "text", {}),
    field(KICK, "text", {"anyOf": [{"type": "string", "maxLength": 256}, {"type": "null"}]}),
    field("client.room-role-request", "role", {"enum": ["guest", "member", "moderator", "owner"]}),
    field("client.room-role-request", "role", {"type": "string"}),
    field("client.auth-request", "received", {"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]}),
    may_lack(KICK, "room"),
    message("member", KICK, "x-right"),
    added("client.room-jump-request", **{"x-since": 2}),
    added("server.room-news", **{"x-since": 2, "x-counted": []}),
    added("server.room-news", **{"x-since": 3, "x-counted": [3]}),
    field(LEAVE, "when", {"type": "number"}),
    field(LEAVE, "reason", {"enum": ["left", "closed", "lost", "kicked", "bored"]}),
    field("server.auth-accept", "expires_in", {"type": "integer"}),
    needs(LEAVE, "identity"),
    put([1, 2, 3], "x-versions"),
    put([], "x-limits"),
]


def changed(change: Change) -> dict[str, Any]:
    whole = copy.deepcopy(NOW)
    change(whole)
    return whole


@pytest.mark.parametrize(("change", "why"), BREAKING, ids=[why for _, why in BREAKING])
def test_this_breaks_clients(change: Change, why: str) -> None:
    assert any(problem.startswith(why) for problem in breaks(NOW, changed(change)))


@pytest.mark.parametrize("change", HARMLESS)
def test_this_does_not(change: Change) -> None:
    assert breaks(NOW, changed(change)) == []


def test_nothing_breaks_clients_of_the_last_release() -> None:
    assert breaks(json.loads(LAST_RELEASE.read_text()), NOW) == []


def test_the_command_says_what_breaks(tmp_path: Path) -> None:
    other = tmp_path / "asyncapi.json"
    other.write_text(json.dumps(changed(gone(KICK))))
    command: list[str | Path] = [sys.executable, "-m", "dev.compatibility", ROOT / "asyncapi.json", other]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, f"{KICK} is gone\n")
