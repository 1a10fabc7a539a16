"""A line of the log: facts beside the message, one line each, in both forms."""

import json
import logging
import sys

from shared.logs import JsonLines, TextLines


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
