"""A policy changes by the keys that are given, and holds nothing that it must not."""

from typing import Any

import msgspec
import pytest

from shared.envelopes.policy import DEFAULT, Policy, PolicyChange


def change(**keys: Any) -> PolicyChange:
    return msgspec.json.decode(msgspec.json.encode(keys), type=PolicyChange)


def test_what_a_new_room_has() -> None:
    assert DEFAULT.shown(64) == {
        "admission": "ask",
        "max_peers": 64,
        "owner_leaves": "pass",
        "waiting_text": "",
        "history": 0,
    }


def test_only_what_is_given_changes() -> None:
    policy = change(admission="open", history=50).on(Policy(max_peers=5, waiting_text="soon"))
    assert policy == Policy("open", 5, "pass", "soon", 50)
    assert change().on(policy) == policy


def test_there_is_no_more_room_than_the_server_has() -> None:
    assert change(max_peers=100).on(DEFAULT).shown(64)["max_peers"] == 64
    assert change(max_peers=2).on(DEFAULT).limit(64) == 2
    assert change(max_peers=None).on(Policy(max_peers=2)).limit(64) == 64


@pytest.mark.parametrize(
    "keys",
    [
        {"admission": "perhaps"},
        {"admission": None},
        {"max_peers": 1},
        {"max_peers": 2.5},
        {"owner_leaves": "stay"},
        {"waiting_text": "x" * 257},
        {"history": 51},
        {"history": -1},
        {"colour": "red"},
    ],
)
def test_what_no_policy_can_be(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        change(**keys)
