"""What is found in notices that do not tell what the peers have lived."""

from typing import Any

import pytest

from tests.chaos.rig.keeper import faults
from tests.chaos.rig.story import OK, Got, Sent, Story, View

BOTH = View(frozenset({"ann", "bob"}), "ann")


def stories() -> list[Story]:
    """Ann makes a room, and lets Bob in."""
    ann = Story("ann", True, stayed=True)
    ann.entries = [
        Sent(1, "room-create-request", "tea", answer=OK),
        Got("room-create-accept", "tea"),
        Got("room-join-request", "tea", 2, "bob"),
        Sent(3, "room-join-accept", "tea", "bob", OK),
        Got("room-user-join", "tea", 3, "bob"),
    ]
    bob = Story("bob", True, stayed=True)
    bob.entries = [
        Sent(2, "room-join-request", "tea", answer=OK),
        Got("room-join-accept", "tea", 3, "bob", BOTH),
    ]
    return [ann, bob]


def joined(peer: str) -> dict[str, Any]:
    return {"type": "peer-joined", "peer_id": peer, "key": "tea"}


ACCEPTED = {"type": "request-decided", "decision": "accepted", "peer_id": "bob", "key": "tea"}
TRUE = [joined("ann"), ACCEPTED, joined("bob")]


def test_what_is_true_is_no_fault() -> None:
    assert list(faults(TRUE, stories())) == []


@pytest.mark.parametrize("missing", range(len(TRUE)))
def test_one_that_is_missing_is_found(missing: int) -> None:
    [fault] = faults([notice for number, notice in enumerate(TRUE) if number != missing], stories())
    assert "notices say" in fault


@pytest.mark.parametrize("invented", [joined("bob"), joined("cid")])
def test_one_that_is_invented_is_found(invented: dict[str, Any]) -> None:
    [fault] = faults([*TRUE, invented], stories())
    assert fault.startswith("notices say that")
