"""A witness who comes again and again as somebody new: connects, authenticates, creates a room and leaves."""

import asyncio
import itertools
from collections.abc import Awaitable
from typing import Any, TypeVar

import aiohttp

from tests.attack.record import Record
from tests.chaos.line import Line

EVERY = 0.25  # seconds
PATIENCE = 10.0  # seconds for one step
FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError)

Result = TypeVar("Result")
_numbers = itertools.count(1)


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
            except FAILURES as failure:
                self._record.refused[f"a visitor: {type(failure).__name__}"] += 1
                await line.cut()
            await asyncio.sleep(EVERY)

    async def _visit(self, line: Line) -> None:
        await self._timed(line.open(self._app_token))
        me = await self._timed(line.send("auth-request", {"token": self._app_token}))
        self._note(me)
        created = await self._timed(line.send("room-create-request", {"auth": me["token"]}))
        self._note(created)
        self._note(await self._timed(line.send("room-leave-request", {"auth": me["token"], "room": created["room"]})))
        await self._timed(line.goodbye())

    def _note(self, answer: dict[str, Any]) -> None:
        if not answer["ok"]:
            self._record.refused[answer["code"]] += 1
            raise ValueError

    async def _timed(self, step: Awaitable[Result]) -> Result:
        key = ("step", next(_numbers))
        self._record.begin(key)
        try:
            return await asyncio.wait_for(step, PATIENCE)
        finally:
            self._record.end(key)
