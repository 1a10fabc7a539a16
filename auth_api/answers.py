"""The one shape of every JSON answer, errors included."""

import http
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

log = logging.getLogger(__name__)


class Refused(Exception):
    """The request is answered with ``status`` and ``error``, a sentence for its sender, and ``response`` if need be."""

    def __init__(
        self, status: int, error: str, headers: Mapping[str, str] | None = None, response: Any = False
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = headers
        self.response = response


def accept(response: Any) -> web.Response:
    """200 with ``response``."""
    return web.json_response({"status": 200, "error": None, "response": response})


def refuse(status: int, error: str, headers: Mapping[str, str] | None = None, response: Any = False) -> web.Response:
    """``status`` with the sentence ``error``."""
    return web.json_response({"status": status, "error": error, "response": response}, status=status, headers=headers)


@web.middleware
async def in_shape(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every failure its shape, and keep what only concerns us in the log."""
    try:
        return await handler(request)
    except Refused as refused:
        return refuse(refused.status, refused.error, refused.headers, refused.response)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return refuse(error.status, http.HTTPStatus(error.status).phrase, allow)
    except Exception:
        # its method and path are a caller's words
        log.exception("a request failed")
        return refuse(500, "Internal Server Error")
