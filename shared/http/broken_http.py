"""Requests that are not even HTTP: aiohttp answers them, and logs a traceback for each. Anybody can send them."""

import logging
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError


def keep_broken_http_out_of_the_log() -> None:
    """From now on aiohttp logs what is our own error, and nothing that a caller did."""
    logging.getLogger("aiohttp.server").addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    error: Any = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (HttpProcessingError, RequestPayloadError, ConnectionError))
