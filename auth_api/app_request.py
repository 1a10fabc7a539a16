"""What POST /app is asked: an app's name and the password, as a form or as JSON."""

import urllib.parse

import msgspec
from aiohttp import web

from auth_api.answers import Refused
from auth_api.app_name import check_app_name


class AppRequest(msgspec.Struct, frozen=True):
    """A well-formed request; the password is not yet checked."""

    app: str
    password: str


async def read_app_request(request: web.Request) -> AppRequest:
    """The request in the body of ``request``. Raises Refused."""
    body = await request.read()
    try:
        asked = _parse(request.content_type, body)
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError) as error:
        raise Refused(400, f"The request is not well-formed: {_reason(error)}") from None
    check_app_name(asked.app)
    return asked


def _parse(content_type: str, body: bytes) -> AppRequest:
    if content_type == "application/json":
        return msgspec.json.decode(body, type=AppRequest)
    if content_type == "application/x-www-form-urlencoded":
        return msgspec.convert(_form(body), AppRequest)
    raise ValueError("send application/x-www-form-urlencoded or application/json")


def _form(body: bytes) -> dict[str, str]:
    pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100)
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    return fields


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):  # its text would show what was sent, the password too
        return "it is not UTF-8"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)
