"""Logs: one line an event, as JSON or as text, on standard error.

Facts go into ``extra={"facts": {...}}``: ids and numbers, never tokens, peerinfo or session descriptions.
"""

import datetime
import logging
import sys
from typing import Any

import msgspec

from shared.broken_http import keep_broken_http_out_of_the_log


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
        return f"{super().format(record)} {facts}".rstrip()


def configure(level: str, style: str, process: str) -> None:
    """Send all logs to standard error. ``style`` is ``json`` or ``text``; ``process`` names it in each line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process) if style == "json" else TextLines(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # the libraries say much that is of no use to an operator, some of it with what clients sent
    for name in ("aiohttp.access", "engineio", "engineio.server", "socketio", "socketio.server"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    keep_broken_http_out_of_the_log()
    logging.getLogger("nats").setLevel(logging.WARNING)
