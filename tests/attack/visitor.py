"""A witness who comes again and again as somebody new: connects, authenticates, creates a room and leaves."""

import asyncio
import itertools
from collections.abc import Awaitable
from typing import Any, TypeVar

import aiohttp

from tests.attack.record import Record
from tests.chaos.rig.line import Line

EVERY = 0.25  # seconds
PATIENCE = 10.0  # seconds for one step
FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError)

Result = TypeVar("Result")
_numbers = itertools.count(1)


class Refused(Exception):
    """A visitor was told no."""


class Visitor:
    """Each of its steps counts as a wait."""

    def __init__(self, http: aiohttp.ClientSession, url: str, app_token: str, record: Record) -> None:
        self._http = http
        self._url = url
        self._app_token = app_token
        self._record = record

    async def visit(self) -> None:
        """Come and go until cancelled."""
        while True:
            line = Line(self._http, self._url, lambda _event, _data: None)
            try:
                await self._visit(line)
            except Refused as refusal:
                self._record.refused[str(refusal)] += 1
                await line.cut()
            except FAILURES as failure:
                self._record.refused[type(failure).__name__] += 1
                await line.cut()
            await asyncio.sleep(EVERY)

    async def _visit(self, line: Line) -> None:
        await self._timed(line.open(self._app_token))
        me = await self._ask(line, "auth-request", token=self._app_token)
        created = await self._ask(line, "room-create-request", auth=me["token"])
        await self._ask(line, "room-leave-request", auth=me["token"], room=created["room"])
        await self._timed(line.goodbye())

    async def _ask(self, line: Line, event: str, **fields: str) -> dict[str, Any]:
        """The acknowledgement. Raises Refused, or ConnectionError when the connection is closed first."""
        answer, down = line.send(event, fields), asyncio.ensure_future(line.down.wait())
        either: list[asyncio.Future[Any]] = [answer, down]
        await self._timed(asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED))
        down.cancel()
        if not answer.done():
            raise ConnectionResetError
        if not answer.result()["ok"]:
            raise Refused(answer.result()["code"])
        return answer.result()

    async def _timed(self, step: Awaitable[Result]) -> Result:
        key = ("step", next(_numbers))
        self._record.begin(key)
        try:
            return await asyncio.wait_for(step, PATIENCE)
        finally:
            self._record.end(key)
