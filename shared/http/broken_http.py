"""Requests that are not even HTTP, or end in the middle: aiohttp logs a traceback for each. Anybody can send them."""

import logging
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

_GONE = ("Connection closed.",)  # what aiohttp raises when the rest of a body is waited for


def keep_broken_http_out_of_the_log() -> None:
    """From now on aiohttp logs what is our own error, and nothing that a caller did."""
    logging.getLogger("aiohttp.server").addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    error: Any = record.exc_info[1] if record.exc_info else None
    if isinstance(error, RuntimeError) and error.args == _GONE:
        return False
    return not isinstance(error, (HttpProcessingError, RequestPayloadError, ConnectionError))
