"""An app's backend during a chaos run: it takes the rooms once, follows the notices, and knows every room from then on.

What it was told is held against the stories of all peers: none missing, none invented, in order.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp

from shared.envelopes.notices import NoticeId
from tests.backend import Backend, Room
from tests.chaos.rig.story import Back, Got, Sent, Story

ADMIN_TOKEN = "an operator's token for tests, long enough"
WAIT = 2  # seconds that one answer may take if there is no news
PAUSE = 0.1  # seconds until it asks again, if there was no answer
PATIENCE = aiohttp.ClientTimeout(total=WAIT + 3)  # with an auth_api that may be frozen


class Keeper:
    """Keeps a table of rooms. ``notices`` are all that it was told, ``faults`` what cannot be true of them.

    ``urls`` are of several auth_api with the same admin ``token``: it asks the next one when one does not answer.
    """

    def __init__(self, http: aiohttp.ClientSession, urls: Sequence[str], token: str = ADMIN_TOKEN) -> None:
        self._http = http
        self._shown = {"Authorization": f"Bearer {token}"}
        self._urls = itertools.cycle(urls)
        self._url = next(self._urls)
        self._after = ""
        self._since: dict[str, NoticeId] = {}  # up to where a room that was taken is known already
        self._ignored: set[str] = set()  # rooms that had gone when they were asked about
        self.backend = Backend()
        self.notices: list[dict[str, Any]] = []
        self.faults: list[str] = []

    async def begin(self) -> None:
        """Take the rooms as they are now."""
        while True:
            page = await self._get("/admin/rooms?limit=500")
            if page is not None and page["notices_after"]:
                break
            await asyncio.sleep(PAUSE)
        self._after = page["notices_after"]
        for line in page["rooms"]:
            await self._take(line)

    async def follow(self) -> None:
        """Read the notices, until cancelled."""
        while True:
            answer = await self._get(f"/admin/notices?limit=1000&wait={WAIT}&after={self._after}")
            if answer is None:
                await asyncio.sleep(PAUSE)
                continue
            for notice in answer["notices"]:
                self._note(notice)
                self._after = notice["id"]

    async def catch_up(self) -> None:
        """Follow until all that is in the rooms now has been read, and compare the two."""
        following = asyncio.create_task(self.follow())
        try:
            async with asyncio.timeout(20):
                while (page := await self._get("/admin/rooms?limit=500")) is None or page[
                    "notices_after"
                ] != self._after:
                    await asyncio.sleep(PAUSE)
        finally:
            following.cancel()
        await self._compare(page["rooms"])

    async def read_again(self) -> list[dict[str, Any]]:
        """All notices that there are, which must have among them what it was told."""
        found: list[dict[str, Any]] = []
        while True:
            answer = await self._get(f"/admin/notices?limit=1000&after={found[-1]['id'] if found else ''}")
            if answer is None:
                await asyncio.sleep(PAUSE)
            elif answer["notices"]:
                found += answer["notices"]
            else:
                break
        if found[len(found) - len(self.notices) :] != self.notices:
            self.faults.append(
                f"there are {len(found)} notices, and the {len(self.notices)} it was told are not the last"
            )
        return found

    async def _compare(self, lines: list[dict[str, Any]]) -> None:
        there = {line["key"]: _room(await self._get(f"/admin/rooms/{line['key']}")) for line in lines}
        if {key: _plain(room) for key, room in there.items()} != {
            key: _plain(room) for key, room in self.backend.rooms.items()
        }:
            self.faults.append(f"the rooms are {there}, and the table has {self.backend.rooms}")

    async def _take(self, line: dict[str, Any]) -> None:
        whole = None
        while whole is None:
            async with self._http.get(f"{self._url}/admin/rooms/{line['key']}", headers=self._shown) as answer:
                if answer.status == 404:
                    self._ignored.add(line["key"])
                    return
                whole = (await answer.json())["response"] if answer.status == 200 else None
        self.backend.rooms[line["key"]] = _room(whole)
        self._since[line["key"]] = NoticeId.parse(whole["notices_after"])

    def _note(self, notice: dict[str, Any]) -> None:
        notice_id, key = NoticeId.parse(notice["id"]), notice["key"]
        before = NoticeId.parse(self._after)
        if notice_id.log != before.log or notice_id.place <= before.place:
            self.faults.append(f"{notice['id']} comes after {self._after}")
        self.notices.append(notice)
        if key in self._since and notice_id.place <= self._since[key].place:
            return
        if key in self._ignored and notice["type"] != "room-created":
            return
        self._ignored.discard(key)
        try:
            self.backend.take(notice)
        except (AssertionError, LookupError, ValueError, AttributeError) as error:
            self.faults.append(f"{notice} does not fit what came before: {error!r}")

    async def _get(self, path: str) -> Any:
        """The response; None if there is none now."""
        try:
            async with self._http.get(self._url + path, headers=self._shown, timeout=PATIENCE) as answer:
                if answer.status == 200:
                    return (await answer.json())["response"]
        except (aiohttp.ClientError, TimeoutError):
            pass
        self._url = next(self._urls)
        return None


def faults(notices: Sequence[dict[str, Any]], stories: Sequence[Story]) -> Iterator[str]:
    """What the notices say that the peers cannot have lived, or do not say although they did."""
    joined = Counter((notice["peer_id"], notice["key"]) for notice in notices if notice["type"] == "peer-joined")
    lived = _lived(stories)
    caused = _caused(stories)
    for peer, room in joined.keys() | lived.keys():
        times = joined[peer, room]
        if times < lived[peer, room]:
            yield f"{peer} came into {room} {lived[peer, room]} times, and notices say {times}"
        if times > caused[peer, room]:
            yield f"notices say that {peer} came into {room} {times} times, and it can have been {caused[peer, room]}"
    decided = Counter(notice.get("decision") for notice in notices if notice["type"] == "request-decided")
    accepted = {got.number for story in stories for got in story.got("room-join-accept")} & _accepts(stories)
    if decided["accepted"] < len(accepted):
        yield f"{len(accepted)} requests were accepted, and notices say {decided['accepted']}"


def _lived(stories: Sequence[Story]) -> Counter[tuple[str, str]]:
    """How often each peer came into each room, as far as anybody was told: at least, as some need no acceptance."""
    causes: dict[tuple[str, str], set[int]] = {}
    made: set[tuple[str, str]] = set()
    found: set[tuple[str, str]] = set()
    accepts = _accepts(stories)
    for story in stories:
        for entry in story.entries:
            if isinstance(entry, Got) and entry.event in ("room-join-accept", "room-user-join"):
                peer = story.peer_id if entry.event == "room-join-accept" else entry.peer
                if entry.number in accepts:
                    causes.setdefault((peer, entry.room), set()).add(entry.number or 0)
            elif isinstance(entry, Got) and entry.event == "room-create-accept":
                made.add((story.peer_id, entry.room))
            elif isinstance(entry, Back):
                found |= {(story.peer_id, room) for room in entry.rooms}
    lived = {key: len(causes.get(key, ())) + (key in made) for key in causes.keys() | made}
    return Counter({**dict.fromkeys(found, 1), **lived})


def _accepts(stories: Sequence[Story]) -> set[int | None]:
    """The numbers with which hosts let somebody in."""
    return {sent.number for story in stories for sent in story.sent() if sent.event == "room-join-accept"}


def _caused(stories: Sequence[Story]) -> Counter[tuple[str, str]]:
    """How often each peer can have come into each room at most, by what was sent: it may have needed nobody."""
    most: Counter[tuple[str, str]] = Counter()
    sayings = [(story, sent) for story in stories for sent in story.sent()]
    opened = {sent.room for _, sent in sayings if sent.fields.get("policy", {}).get("admission") == "open"}
    for story, sent in sayings:
        alone = sent.room in opened or story.may(sent.room) in ("enter", "moderate", "own") or sent.fields.get("create")
        causes = ("room-create-request", "room-join-accept", *(("room-join-request",) if alone else ()))
        most[_whom(story, sent), sent.room] += sent.event in causes
    return most


def _whom(story: Story, sent: Sent) -> str:
    return sent.to if sent.event == "room-join-accept" else story.peer_id


def _room(whole: dict[str, Any]) -> Room:
    """A room as `GET /admin/rooms/{room}` shows it."""
    return Room(
        whole["room"],
        whole["owner"],
        whole["policy"],
        round(whole["created"] * 1000),
        {member["peer_id"]: member["role"] for member in whole["members"]},
        {member["peer_id"]: round(member["joined"] * 1000) for member in whole["members"]},
        [candidate["peer_id"] for candidate in whole["candidates"]],
    )


def _plain(room: Room) -> tuple[Any, ...]:
    return (room.name, room.owner, room.policy, list(room.members.items()), room.pending)
