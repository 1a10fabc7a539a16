"""What clients are told when they are refused, word for word; and that no refusal of the core is left out."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contract import refusals
from shared.envelopes.levels import FIRST, LEVEL
from tests.broker.sentences import SITUATIONS, Situation

ROOT = Path(__file__).parents[3]

# What was never said before the present level: it may still be changed, until a release has gone out with it.
NEW = {
    ("bad-request", "This number was another event's"),
    ("bad-request", "set has no key"),
    ("bad-request", "set maps keys to values; a key has up to 64 of a-z, 0-9, `.`, `_` and `-`"),
    ("conflict", "Somebody else has changed this meanwhile"),
    ("forbidden", "The client of this peer knows of no messages"),
    ("full", "The room has as much data as it may have"),
    ("not-member", "As long as you wait to come in, you may write to `hosts` alone"),
    ("stale", "This number is too old: it is not known any more whether it was done"),
    ("too-many-requests", "Too much is said in this room, slow down"),
}
NEVER = {
    ("bad-request", "This cannot be done"),  # a rule has broken off: an error of ours
    ("forbidden", "The owner has banned this peer"),  # who would be neither in the room nor waiting for it
}


@pytest.mark.parametrize("level", range(FIRST, LEVEL + 1))
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_the_sentence_is_the_same_at_every_level(situation: Situation, level: int) -> None:
    if level < situation.level:
        pytest.skip("this does not happen before a later level")
    situation.at(level)


def test_no_refusal_is_forgotten() -> None:
    """One that is changed, or is new, has to be said here too: then it is seen that it is not an old one."""
    held = {(situation.code, situation.sentence) for situation in SITUATIONS}
    assert sorted(set(in_the_core()) - held - NEW - NEVER) == []
    assert sorted(NEW - set(in_the_core())) == []


def in_the_core() -> Iterator[tuple[str, str]]:
    """Code and sentence of each refusal in the source that is written out."""
    for path in sorted((ROOT / "broker" / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Refusal":
                yield from said_by(node)


def said_by(refusal: ast.Call) -> Iterator[tuple[str, str]]:
    codes = [node.id for node in ast.walk(refusal.args[0]) if isinstance(node, ast.Name) and node.id.isupper()]
    for code in (getattr(refusals, name) for name in codes):
        if len(refusal.args) == 1:
            yield code.code, code.message
        elif isinstance(refusal.args[1], ast.Constant):
            yield code.code, str(refusal.args[1].value)
