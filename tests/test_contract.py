"""That what is not as described is noticed."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import contract
from tests.system.rig.recorder import Recorder

JOINED = {"room": "r", "peer_id": "p", "peerinfo": {"any": ["json"]}, "identity": {"id": "i", "name": "n"}}
ACCEPTED = {"ok": True, "room": "r", "peer_id": "p"}


@pytest.fixture(autouse=True)
def faults() -> Iterator[list[str]]:
    """What was found in this test, which the fixture of all tests does not see."""
    contract._seen.clear()  # other tests have shown enough of what looks the same
    yield contract.FAULTS
    contract.FAULTS.clear()


@pytest.mark.parametrize(
    ("event", "told", "wrong"),
    [
        ("room-user-join", {**JOINED, "colour": "red"}, "server.room-user-join: Additional properties"),
        (
            "room-user-join",
            {**JOINED, "identity": {"id": "i", "name": "n", "age": 5}},
            "server.room-user-join.identity",
        ),
        ("room-user-join", {**JOINED, "room": 5}, "server.room-user-join.room: 5 is not of type 'string'"),
        ("room-user-join", {"room": "r"}, "server.room-user-join: 'peer_id' is a required property"),
        ("room-user-leave", {**JOINED, "reason": "bored"}, "server.room-user-leave.reason: 'bored' is not one of"),
        ("room-jumped", {}, "server.room-jumped is not described"),
        ("room-role", {}, "room-role was told to a client of version 1"),
    ],
)
def test_what_is_told_is_held_against_the_description(
    faults: list[str], event: str, told: dict[str, Any], wrong: str
) -> None:
    Recorder("a client").note(event, told)
    assert len(faults) == 1
    assert faults[0].startswith(wrong)


@pytest.mark.parametrize(
    ("event", "said", "answer", "wrong"),
    [
        ("room-join-accept", {"auth": "a", "room": "r", "to": "p"}, {"ok": True, "room": "r"}, "answer.room-join-acc"),
        ("room-join-accept", {"auth": "a", "room": "r"}, ACCEPTED, "client.room-join-accept: "),
        ("room-jump", {}, {"ok": False, "code": "bored", "message": "m"}, "answer.refused.code: 'bored' is not one of"),
        ("room-jump", {}, None, "answer.refused: None is not of type 'object'"),
    ],
)
def test_so_is_what_is_answered(faults: list[str], event: str, said: Any, answer: Any, wrong: str) -> None:
    contract.hold_answer(event, said, answer)
    assert [fault[: len(wrong)] for fault in faults] == [wrong]


def test_what_is_right_is_nothing_to_note(faults: list[str]) -> None:
    client = Recorder("a client")
    client.note("connect", None)
    client.note("room-user-join", JOINED)
    contract.hold_answer("room-join-accept", {"auth": "a", "room": "r", "to": "p", "colour": "red"}, ACCEPTED)
    contract.hold_answer("room-jump", None, {"ok": False, "code": "bad-request", "message": "m"})
    assert faults == []


def test_one_event_of_many_is_still_noticed_if_it_looks_different(faults: list[str]) -> None:
    for _ in range(contract.ENOUGH + 5):
        contract.hold_told("room-user-leave", {**JOINED, "reason": "left"})
    contract.hold_told("room-user-leave", {**JOINED, "reason": "bored"})
    assert len(faults) == 1


def test_an_ear_hears_events_and_which_version_they_are_for(faults: list[str]) -> None:
    ear = contract.Ear()
    accepted = '"token":"t","peer_id":"p","expires_in":1,"resume_for":0,"resumed":false'
    role = '42["room-role",{"room":"r","peer_id":"p","role":"owner","by":null}]'
    for frame in ("2", b"42", '431[{"ok":true}]', f'42["auth-accept",{{{accepted},"version":2}}]', role):
        ear.hear(frame)
    assert faults == []
    ear.hear('42["room-role",{"room":"r"}]')
    ear.hear(f'42["auth-accept",{{{accepted}}}]')
    ear.hear(role)
    assert len(faults) == 4
    assert faults[-1] == "room-role was told to a client of version 1"
