"""Logs: one line an event, as JSON or as text, on standard error.

Facts go into ``extra={"facts": {...}}``: ids and numbers, never tokens, peerinfo or session descriptions.
"""

import collections
import dataclasses
import datetime
import logging
import re
import sys
import traceback
from typing import Any

import msgspec

from shared.http.broken_http import keep_broken_http_out_of_the_log
from shared.process.settings import setting

REPEATS = 20  # records of one place in the code that are logged in each span
SPAN = 10.0  # seconds
PLACES = 500  # in the code that are told apart

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\U0010ffff]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogSettings:
    """What every process can be told about its logs."""

    log_level: str = setting("info", "Lowest level that is logged.", choices=("debug", "info", "warning", "error"))
    log_format: str = setting("json", "Log format: one JSON object per line, or text.", choices=("json", "text"))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class TextLines(logging.Formatter):
    """A line for people."""

    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s {process} %(levelname)-7s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in getattr(record, "facts", {}).items())
        return f"{super().format(record)} {_one_line(facts)}".rstrip()

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        record.message = _one_line(record.message)
        return super().formatMessage(record)


class Sparing(logging.Filter):
    """Lets the same place in the code log so often in a span, for what clients cause they can cause without end."""

    def __init__(self) -> None:
        super().__init__()
        self._since = 0.0
        self._counts: collections.Counter[tuple[str, int]] = collections.Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log it. The last one that is says that there may be more."""
        if record.levelno < logging.WARNING:
            return True
        if record.created - self._since > SPAN or len(self._counts) > PLACES:
            self._since = record.created
            self._counts.clear()
        place = record.pathname, record.lineno
        self._counts[place] += 1
        if self._counts[place] == REPEATS:
            record.msg = f"{record.msg} (and more like this, which are left out for {SPAN:g} s)"
        return self._counts[place] <= REPEATS


def _one_line(text: str) -> str:
    """With what could break a line, or move a terminal's cursor, written as escapes."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def configure(level: str, style: str, process: str) -> None:
    """Send all logs to standard error. ``style`` is ``json`` or ``text``; ``process`` names it in each line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Sparing())
    handler.setFormatter(JsonLines(process) if style == "json" else TextLines(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # the libraries say much that is of no use to an operator, some of it with what clients sent
    for name in ("aiohttp.access", "engineio", "engineio.server", "socketio", "socketio.server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    keep_broken_http_out_of_the_log()
    logging.getLogger("nats").setLevel(logging.WARNING)


def where(error: BaseException | None) -> str:
    """What an error is and the code it comes from, without its text, which may hold what a client said."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join([type(error).__name__, *(f"{one.name} ({one.filename}:{one.lineno})" for one in frames[::-1])])
