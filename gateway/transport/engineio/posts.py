"""The body of a POST: it has a size and a time limit, however it is sent. Then the packets in it."""

import asyncio
from typing import Any

from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_protocol import RequestPayloadError

from gateway.transport.engineio.endings import ProtocolError

MAX_POLLED_PACKETS = 1024  # in one POST; the library drops more than 16 silently
MAX_POST = 1024 * 1024  # bytes of all packets in one; clients before 4.5 send all that waits at once
BODY_SECONDS = 10.0  # for the body of a POST to come
SEPARATOR = "\x1e"


async def body_of(stream: Any, most: int) -> bytes:
    """The body of a POST, whether its length was announced or it comes in chunks. Raises ProtocolError."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while part := await stream.readany():
                body += part
                if len(body) > most:
                    raise ProtocolError("Payload is too large")
    except (
        TimeoutError,
        ConnectionError,
        RuntimeError,
        BadHttpMessage,
        RequestPayloadError,
    ):  # RuntimeError: it has gone
        raise ProtocolError("A payload that does not come") from None
    return bytes(body)


def packets_of(body: bytes) -> list[str]:
    """The packets in a POST. Raises ProtocolError."""
    try:
        text = body.decode()
    except UnicodeError:
        raise ProtocolError("Unreadable payload") from None
    if text.count(SEPARATOR) >= MAX_POLLED_PACKETS:
        raise ProtocolError("Too many packets")
    return [part for part in text.split(SEPARATOR) if part]
