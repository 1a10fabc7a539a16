"""GET /admin/notices: notices as JSON, with long polling, and as Server-Sent Events.

An answer has what is stored; a stream goes on with what comes. A client that does not read its stream is disconnected:
it finds everything again behind the last id that it has.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta, Raw

from auth_api.admin import Admin
from auth_api.answers import Refused
from auth_api.notices import MOST_NOTICES, Gone, NoNotices, Reader, Told, Unavailable
from auth_api.reading import read
from shared.envelopes.calls import Call, Must
from shared.envelopes.notices import LONGEST_ID, AnyNotice, NoticeId
from shared.process.world import World

LONGEST_WAIT = 50  # seconds; load balancers give up a server that says nothing for 60 s
MOST_READERS = 64  # that wait at the same time: streams, and answers that have nothing to say yet
HEARTBEAT = 15.0  # seconds after which a stream without news says so
LOOK_INTERVAL = 1.0  # seconds between looks at whether a reader that waits is still there
SLOWEST = 10.0  # seconds that a reader may take to read what it was sent
AGAIN = 2000  # milliseconds after which a client asks again when its stream has ended
STREAM = "text/event-stream"


class NoticePage(msgspec.Struct, frozen=True):
    """Some of the notices, in order."""

    notices: list[AnyNotice]


class ListNotices(Call, frozen=True):
    NAME = "listNotices"
    METHOD = "GET"
    PATH = "/admin/notices"
    DOC = "Read what happens in rooms"
    NOTE = (
        "Go on with the `id` of the last notice as `after`. With `Accept: text/event-stream` they come as Server-Sent "
        "Events, each with its `id`, from there on and without an end; `Last-Event-ID` is the same as `after`. 410: "
        "what follows `after` is not kept any more; `response.oldest` is the id of the oldest notice that is, and "
        "without `after` it comes first. A stream that falls behind so far has `notices-lost` instead. 429: too many "
        "wait. 404: brokers make no notices."
    )
    ANSWER = NoticePage
    ANSWERS: ClassVar[str] = "The notices behind `after`; none if none came within `wait`."
    OPERATOR: ClassVar[bool] = True
    EVENTS: ClassVar[bool] = True
    REFUSALS: ClassVar[tuple[int, ...]] = (*Call.REFUSALS, 404, 410, 503)

    after: Annotated[str, Meta(max_length=LONGEST_ID, description="The id of the last notice that is known.")] = ""
    wait: Annotated[
        float,
        Meta(ge=0, le=LONGEST_WAIT, description="Seconds to wait for a notice if there is none."),
        Must(f"be a number from 0 to {LONGEST_WAIT}"),
    ] = 0
    limit: Annotated[
        int,
        Meta(ge=1, le=MOST_NOTICES, description="How many notices to list at most."),
        Must(f"be a number from 1 to {MOST_NOTICES}"),
    ] = 100


class NoticeCalls:
    """Answers GET /admin/notices, for callers that ``admin`` lets in."""

    def __init__(self, admin: Admin, reader: Reader, world: World) -> None:
        self._admin = admin
        self._reader = reader
        self._world = world
        self._waiting = 0  # readers

    def add_to(self, app: web.Application) -> None:
        """Add the route."""
        app.router.add_route(ListNotices.METHOD, ListNotices.PATH, self._answer)  # no HEAD, whose answer has no body

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._admin.check(request, self._world.monotonic())
        asked = await read(ListNotices, request, int(self._world.now()))
        streams = STREAM in request.headers.get("Accept", "")
        after = _parse((streams and request.headers.get("Last-Event-ID")) or asked.after)
        try:
            found = await self._reader.read(after, asked.limit)
            if streams or (not found and asked.wait):
                with self._place():
                    return await (self._stream(request, found, after) if streams else self._wait(request, asked, after))
            return _page(found)
        except Gone as gone:
            raise Refused(
                410, f"What follows is not kept any more: {gone}", response={"oldest": str(gone.oldest)}
            ) from None
        except NoNotices:
            raise Refused(404, "There are no notices: brokers have NOTICES=off, or none has spoken yet") from None
        except Unavailable as error:
            raise Refused(503, f"Notices cannot be read: {error}") from None

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """One of those who may wait. Raises Refused."""
        if self._waiting >= MOST_READERS:
            raise Refused(429, "Too many wait for notices, try again later", {"Retry-After": "5"})
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def _wait(self, request: web.Request, asked: ListNotices, after: NoticeId | None) -> web.Response:
        until = self._world.monotonic() + asked.wait
        found: list[Told] = []
        while not found and _is_here(request) and (left := until - self._world.monotonic()) > 0:
            found = await self._reader.read(after, asked.limit, min(left, LOOK_INTERVAL))
        return _page(found)

    async def _stream(self, request: web.Request, found: list[Told], after: NoticeId | None) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        text, silent = b"retry: %d\n\n" % AGAIN, self._world.monotonic()
        try:
            await response.prepare(request)
            while _is_here(request):
                text += b"".join(b"id: %s\ndata: %s\n\n" % (str(told.id).encode(), told.data) for told in found)
                if not text and self._world.monotonic() - silent > HEARTBEAT:
                    text = b":\n\n"
                if text:
                    await self._send(request, response, text)
                    text, silent = b"", self._world.monotonic()
                after = found[-1].id if found else after
                found = await self._go_on(after)
        except (Unavailable, ConnectionError, TimeoutError):
            return response  # the client asks again behind what it has
        return response

    async def _go_on(self, after: NoticeId | None) -> list[Told]:
        try:
            return await self._reader.read(after, MOST_NOTICES, LOOK_INTERVAL)
        except Gone as gone:
            return [gone.lost]

    async def _send(self, request: web.Request, response: web.StreamResponse, text: bytes) -> None:
        """Raises TimeoutError for a reader that is too slow: what it was sent does not pile up."""
        try:
            async with asyncio.timeout(SLOWEST):
                await response.write(text)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise


def _parse(after: str) -> NoticeId | None:
    try:
        return NoticeId.parse(after) if after else None
    except ValueError as error:
        raise Refused(400, f"after: {error}") from None


def _page(found: list[Told]) -> web.Response:
    answer = {"status": 200, "error": None, "response": {"notices": [Raw(told.data) for told in found]}}
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def _is_here(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
