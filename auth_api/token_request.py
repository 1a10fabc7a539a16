"""What POST /app and POST /user are asked: who for, and the password, as a form or as JSON."""

import urllib.parse
from typing import Annotated, Any, TypeVar

import msgspec
from aiohttp import web

from auth_api.answers import Refused
from auth_api.app_name import check_app_name
from shared.envelopes.users import Grants, Single, UserId, UserName

HOUR = 3600  # seconds
LONGEST = 366 * 24 * HOUR  # seconds


class AppRequest(msgspec.Struct, frozen=True):
    """A well-formed request for an app token; the password is not yet checked."""

    app: str
    password: str


class UserRequest(AppRequest, frozen=True, kw_only=True):
    """The same for a user token. ``expires_in`` is its life in seconds; the rest is as in User."""

    id: UserId
    name: UserName = ""
    rooms: Grants = {}
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=LONGEST)] = HOUR
    single: Single = ""


Asked = TypeVar("Asked", bound=AppRequest)


async def read_request(request: web.Request, kind: type[Asked]) -> Asked:
    """The request in the body of ``request``. Raises Refused."""
    body = await request.read()
    try:
        asked = _parse(request.content_type, body, kind)
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError) as error:
        raise Refused(400, f"The request is not well-formed: {_reason(error)}") from None
    check_app_name(asked.app)
    return asked


def _parse(content_type: str, body: bytes, kind: type[Asked]) -> Asked:
    if content_type == "application/json":
        return msgspec.json.decode(body, type=kind)
    if content_type == "application/x-www-form-urlencoded":
        return msgspec.convert(_form(body), kind, strict=False)
    raise ValueError("send application/x-www-form-urlencoded or application/json")


def _form(body: bytes) -> dict[str, Any]:
    """The fields of a form; ``rooms`` is a JSON object in it."""
    pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100)
    fields: dict[str, Any] = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    if "rooms" in fields:
        fields["rooms"] = msgspec.json.decode(fields["rooms"])
    return fields


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):  # its text would show what was sent, the password too
        return "it is not UTF-8"
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)
