"""A line of the log: facts beside the message, one line each, in both forms."""

import json
import logging
import sys

import pytest

from shared.process.logs import PLACES, REPEATS, SPAN, JsonLines, Sparing, TextLines


def record(message: str, facts: dict[str, object] | None = None, error: bool = False) -> logging.LogRecord:
    try:
        raise ValueError("why") if error else KeyError
    except Exception:
        info = sys.exc_info() if error else None
    made = logging.LogRecord("parley", logging.WARNING, "file.py", 1, message, (), info)
    if facts is not None:
        made.facts = facts
    return made


def test_json_holds_the_facts_in_one_line() -> None:
    line = JsonLines("gateway").format(record("two\nlines", {"peer": "p", "position": 7}))
    assert "\n" not in line
    read = json.loads(line)
    assert (read["level"], read["process"], read["message"]) == ("warning", "gateway", "two\nlines")
    assert (read["peer"], read["position"]) == ("p", 7)


def test_json_keeps_an_exception_in_its_line() -> None:
    line = JsonLines("gateway").format(record("failed", error=True))
    assert "\n" not in line
    assert "ValueError: why" in json.loads(line)["exception"]


def test_text_is_for_people() -> None:
    line = TextLines("broker").format(record("speaking", {"term": 3}))
    assert line.endswith("broker WARNING speaking term=3")


@pytest.mark.parametrize(
    "sent", ["two\nlines", "\r", "\x1b[2J", "\x00", "\x7f", "\x9b", "\u2028", "\u202e", "\ud800", "\x85"]
)
def test_text_is_one_line_whatever_a_client_sent(sent: str) -> None:
    for line in (
        TextLines("gateway").format(record(f"said {sent}!")),
        TextLines("gateway").format(record("said", {"event": f"{sent}!"})),
    ):
        assert line.isprintable()
        assert sent not in line
        assert line.endswith("!")


def test_text_keeps_words_of_all_languages() -> None:
    assert TextLines("auth_api").format(record("app 'комната 会議 é 😀'")).endswith("app 'комната 会議 é 😀'")


def made_at(moment: float, line: int = 1, level: int = logging.WARNING) -> logging.LogRecord:
    made = logging.LogRecord("parley", level, "file.py", line, "again %d", (7,), None)
    made.created = moment
    return made


def test_the_same_place_warns_so_often_and_not_more_until_some_time_has_passed() -> None:
    sparing = Sparing()
    passed = [made for made in (made_at(100.0) for _ in range(1000)) if sparing.filter(made)]
    assert len(passed) == REPEATS
    assert [made.getMessage()[:7] for made in passed] == ["again 7"] * REPEATS
    assert "left out" in passed[-1].getMessage()
    assert "left out" not in passed[-2].getMessage()
    assert sparing.filter(made_at(100.0, line=2))
    assert sparing.filter(made_at(101.0 + SPAN))


def test_what_the_operator_asked_for_is_not_left_out() -> None:
    sparing = Sparing()
    assert all(sparing.filter(made_at(100.0, level=logging.INFO)) for _ in range(10 * REPEATS))


def test_places_are_not_remembered_without_end() -> None:
    sparing = Sparing()
    for line in range(10 * PLACES):
        sparing.filter(made_at(100.0, line))
    assert len(sparing._counts) <= PLACES + 1
