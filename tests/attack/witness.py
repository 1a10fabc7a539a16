"""An honest, resumable client. It comes back when it is disconnected, and notes that it was."""

import asyncio
import contextlib
import itertools
from collections.abc import Hashable
from typing import Any

import aiohttp

from tests.attack.record import Record
from tests.chaos.rig.line import Line

PATIENCE = 10.0  # seconds
AGAIN = 0.05  # seconds until one who was not let in tries again
FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError)

_numbers = itertools.count(1)


class Witness:
    """One client. While ``welcoming`` it lets in who asks; ``moved`` says that it was told of a new owner."""

    def __init__(self, http: aiohttp.ClientSession, url: str, app_token: str, record: Record) -> None:
        self.record = record
        self.peer_id = ""
        self.welcoming = True
        self.moved = False
        self.line: Line | None = None
        self._http = http
        self._url = url
        self._app_token = app_token
        self._token = ""
        self._unanswered: set[Hashable] = set()
        self._staying: asyncio.Task[None] | None = None

    async def come(self) -> None:
        """Become a peer, and stay one."""
        assert await self._arrive(), f"a witness is not let in at {self._url}"
        self._staying = asyncio.create_task(self._stay())

    async def go(self) -> None:
        """Leave for good."""
        await self._stop_staying()
        if self.line is not None and not self.line.down.is_set():
            await self.line.goodbye()

    async def step_out(self) -> None:
        """Lose the connection, and do not come back yet."""
        await self._stop_staying()
        if self.line is not None:
            await self.line.cut()

    async def step_in(self) -> None:
        """Come back from there."""
        await self._return()
        self._staying = asyncio.create_task(self._stay())

    def send(self, event: str, **fields: Any) -> "asyncio.Future[dict[str, Any]] | None":
        """Send an event, if there is a connection; the time until its acknowledgement is noted."""
        if self.line is None or self.line.down.is_set():
            return None
        with contextlib.suppress(OSError):
            answer = self.line.send(event, {"auth": self._token, **fields})
            self._time(answer)
            return answer
        return None

    async def ask(self, event: str, **fields: Any) -> str:
        """The same, and its outcome: ok, or a code, or nothing in time."""
        answer = self.send(event, **fields)
        if answer is None:
            return "not connected"
        try:
            said = await asyncio.wait_for(asyncio.shield(answer), PATIENCE)
        except TimeoutError:
            return "no answer"
        return "ok" if said["ok"] else str(said["code"])

    def _time(self, answer: "asyncio.Future[dict[str, Any]]") -> None:
        key: Hashable = ("answer", next(_numbers))
        self.record.begin(key)
        self._unanswered.add(key)
        answer.add_done_callback(lambda _: self._answered(key, answer))

    def _answered(self, key: Hashable, answer: "asyncio.Future[dict[str, Any]]") -> None:
        self.record.end(key)
        self._unanswered.discard(key)
        if not answer.cancelled() and not answer.result()["ok"]:
            self.record.refused[answer.result()["code"]] += 1

    async def _stay(self) -> None:
        while self.line is not None:
            await self.line.down.wait()
            self.record.disconnected += 1
            await self._return()

    async def _return(self) -> None:
        self.line = None
        key: Hashable = ("return", next(_numbers))
        self.record.begin(key)
        while not await self._arrive():
            await asyncio.sleep(AGAIN)
        for unanswered in (key, *self._unanswered):
            self.record.end(unanswered)
        self._unanswered.clear()

    async def _stop_staying(self) -> None:
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.wait({self._staying})

    async def _arrive(self) -> bool:
        line = Line(self._http, self._url, self._hear)
        resume = {"resume": self._token} if self._token else {}
        try:
            async with asyncio.timeout(PATIENCE):
                await line.open(self._app_token)
                answer = await line.send("auth-request", {"token": self._app_token, "resumable": True, **resume})
            if resume and not answer["resumed"]:
                self.record.places += 1
            self._token, self.peer_id = answer["token"], answer["peer_id"]
        except FAILURES:
            await line.cut()
            return False
        self.line = line
        return True

    def _hear(self, event: str, data: Any) -> None:
        if event == "room-join-request" and self.welcoming:
            self.send("room-join-accept", room=data["room"], peer_id=data["peer_id"])
        elif event == "room-owner" and data["peer_id"] != self.peer_id:
            self.moved = True
        elif event == "ice-candidate":
            self.record.end(("arrival", data["ice_candidate"]))
