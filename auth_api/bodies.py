"""Bodies of requests: whole, small and in time, on every route. A body that does not arrive is not waited for."""

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from auth_api.answers import Refused

MAX_BODY = 16 * 1024  # bytes
BODY_SECONDS = 10


@web.middleware
async def in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the body before anything else is done; the handler finds it read. Raises Refused with 400, 408 or 413."""
    if request.can_read_body:
        await _read(request)
    return await handler(request)


async def _read(request: web.Request) -> None:
    # Unpacked, 16 KiB can be 16 MiB, and unpacking holds everybody up.
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(400, "Send the request without a Content-Encoding")
    if (request.content_length or 0) > MAX_BODY:
        raise Refused(413, f"The request is larger than {MAX_BODY} bytes")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            await request.read()
    except HTTPRequestEntityTooLarge:
        raise Refused(413, f"The request is larger than {MAX_BODY} bytes") from None
    except TimeoutError:
        raise Refused(408, "The request took too long") from None
    except (HttpProcessingError, web.RequestPayloadError, ConnectionError):
        raise Refused(400, "The request could not be read") from None
