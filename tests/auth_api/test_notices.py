"""Notices as backends read them: behind an id, as they come, as a stream, and what is told when some are gone."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from nats.js.api import StorageType, StreamConfig

from auth_api import notice_calls, notices
from auth_api.notice_calls import NoticeCalls
from auth_api.notices import Gone, NoNotices, Reader, Told, Unavailable
from shared.envelopes import subjects
from shared.envelopes.notices import Noticed, NoticeId, PeerJoined, encode_notice, pack_bundle, pack_noticed
from shared.messaging.nats import Client
from shared.process.world import World
from tests.auth_api.conftest import Serve
from tests.nats_server import NatsServer
from tests.system.rig.waiting import until

TOKEN = "t" * 32
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
EVENTS = {**SHOWN, "Accept": "text/event-stream"}


class Stream:
    """The stream, as a speaker fills it."""

    def __init__(self, nc: Client) -> None:
        self.nc = nc
        self.js = nc.jetstream()
        self.newest = ""

    async def make(self) -> "Stream":
        config = StreamConfig(
            name=subjects.NOTICE_STREAM, subjects=[f"{subjects.NOTICES}>"], storage=StorageType.MEMORY
        )
        await self.js.add_stream(config)
        return self

    async def store(self, *ids: str) -> None:
        """One message with notices of these ids."""
        encoded = [encode_notice(NoticeId.parse(one), joined()) for one in ids]
        bundle = pack_bundle(self.newest, encoded)
        self.newest = ids[-1]
        stored = await self.js.publish(f"{subjects.NOTICES}{ids[0].split('-')[0]}", bundle)
        self.nc.publish_now(subjects.NOTICED, pack_noticed(Noticed(stored.seq, self.newest)))

    async def drop(self, before: int) -> None:
        await self.js.purge_stream(subjects.NOTICE_STREAM, seq=before)


def joined() -> PeerJoined:
    return PeerJoined(time=1, app="app", room="tea", key="tea", peer_id="ann", identity=None, role="member")


@pytest.fixture
async def stream(nc: Client) -> Stream:
    return await Stream(nc).make()


@pytest.fixture
def reader(nc: Client) -> Reader:
    return Reader(lambda: nc, World())


async def ids(reader: Reader, after: str = "", limit: int = 100, wait: float = 0) -> list[str]:
    return [str(told.id) for told in await reader.read(NoticeId.parse(after) if after else None, limit, wait)]


async def test_one_reads_on_behind_an_id(stream: Stream, reader: Reader) -> None:
    await stream.store("log-1-0", "log-1-1", "log-4-0")
    await stream.store("log-7-0")
    await stream.store("log-8-0", "log-9-0")
    everything = ["log-1-0", "log-1-1", "log-4-0", "log-7-0", "log-8-0", "log-9-0"]
    for one in (reader, Reader(lambda: stream.nc, World())):
        for limit in (1, 2, 4, 9):
            read: list[str] = []
            while more := await ids(one, read[-1] if read else "", limit):
                assert len(more) <= limit
                read += more
            assert read == everything


@pytest.mark.parametrize(
    ("after", "first"),
    [("log-0-0", "log-1-0"), ("log-2-5", "log-4-0"), ("log-7-3", "log-8-0"), ("log-8-0", "log-9-0"), ("log-11-0", "")],
)
async def test_an_id_need_not_be_that_of_a_notice(stream: Stream, reader: Reader, after: str, first: str) -> None:
    await stream.store("log-1-0", "log-1-1", "log-4-0")
    await stream.store("log-7-0")
    await stream.store("log-8-0", "log-9-0")
    assert await ids(reader, after, 1) == ([first] if first else [])


async def test_a_reader_that_waits_hears_at_once(
    stream: Stream, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "LOOK_INTERVAL", 30.0)
    await stream.store("log-1-0")
    waiting = asyncio.create_task(ids(reader, "log-1-0", wait=20))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(2):
        await stream.store("log-2-0")
        assert await waiting == ["log-2-0"]
    assert await ids(reader, "log-2-0", wait=0.05) == []


async def test_a_reader_that_waits_finds_what_nobody_told_it_of(stream: Stream, reader: Reader) -> None:
    waiting = asyncio.create_task(ids(reader, wait=20))
    await asyncio.sleep(0.1)
    await stream.js.publish(f"{subjects.NOTICES}log", pack_bundle("", [encode_notice(NoticeId("log", 1, 0), joined())]))
    async with asyncio.timeout(3):
        assert await waiting == ["log-1-0"]


async def test_who_waits_at_an_id_is_searched_for_once(
    stream: Stream, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[NoticeId | None] = []
    search = Reader._search

    async def counted(self: Reader, after: NoticeId | None) -> int:
        searches.append(after)
        return await search(self, after)

    monkeypatch.setattr(Reader, "_search", counted)
    monkeypatch.setattr(notices, "MOST_KNOWN", 2)
    await stream.store("log-1-0", "log-1-1")
    await stream.store(*(f"log-2-{index}" for index in range(5)))
    for _ in range(3):
        assert await ids(reader, "log-2-4") == []
    assert len(searches) == 1
    assert len(await ids(reader)) == 7  # whoever reads everything
    assert await ids(reader, "log-2-4") == []
    await stream.store("log-3-0", "log-3-1", "log-3-2")
    assert await ids(reader, "log-2-4", limit=2) == ["log-3-0", "log-3-1"]
    assert await ids(reader, "log-3-1") == ["log-3-2"]
    assert searches == [NoticeId("log", 2, 4), None]


async def test_what_is_not_kept_any_more_is_gone(stream: Stream, reader: Reader) -> None:
    for position in range(1, 9):
        await stream.store(f"log-{position}-0", f"log-{position}-1")
    assert await ids(reader, "log-2-1", 2) == ["log-3-0", "log-3-1"]
    await stream.drop(5)
    for after in ("log-0-0", "log-2-1", "log-3-0", "log-4-0", "strange-5-0"):
        with pytest.raises(Gone) as raised:
            await ids(reader, after)
        assert (str(raised.value.oldest), str(raised.value.lost.id)) == ("log-5-0", "log-4-1")
        lost = json.loads(raised.value.lost.data)
        assert (lost["type"], lost["id"], lost["from"], lost["to"]) == ("notices-lost", "log-4-1", after, "log-4-1")
        assert lost["time"] == 1  # when the oldest happened: whoever says it, and whenever, it is the same
    for after in ("log-4-1", "log-4-7", ""):
        assert await ids(reader, after, 1) == ["log-5-0"]
    await stream.drop(9)
    assert await ids(reader, "log-8-1") == []
    await stream.store("log-12-0")
    assert await ids(reader, "log-8-1") == ["log-12-0"]
    with pytest.raises(Gone):
        await ids(reader, "log-7-0")


async def test_a_log_may_take_the_place_of_another(stream: Stream, reader: Reader) -> None:
    for one in ("old-1-0", "old-9-0", "new-0-0", "new-1-0", "new-5-0", "new.1-3-0", "new.1-4-0"):
        await stream.store(one)
    assert await ids(reader, "old-1-0") == ["old-9-0", "new-0-0", "new-1-0", "new-5-0", "new.1-3-0", "new.1-4-0"]
    assert await ids(reader, "old-9-0", 1) == ["new-0-0"]
    assert await ids(reader, "new-4-4") == ["new-5-0", "new.1-3-0", "new.1-4-0"]
    assert await ids(reader, "new-8-0", 1) == ["new.1-3-0"]
    assert await ids(reader, "new.1-3-0") == ["new.1-4-0"]


async def test_what_is_no_notice_is_passed_over(stream: Stream, reader: Reader) -> None:
    await stream.store("log-1-0")
    await stream.js.publish(f"{subjects.NOTICES}log", b"junk")
    await stream.store("log-2-0")
    for after in ("", "log-0-0", "log-1-0"):
        assert (await ids(reader, after))[-1] == "log-2-0"


async def test_without_a_stream_there_are_none(nc: Client) -> None:
    with pytest.raises(NoNotices):
        await Reader(lambda: nc, World()).read(None)
    with pytest.raises(Unavailable):
        await Reader(lambda: None, World()).read(None)


class Site:
    """auth_api, as a backend sees it."""

    def __init__(self, http: Any, calls: NoticeCalls) -> None:
        self.http = http
        self.calls = calls

    async def page(self, query: str = "", status: int = 200) -> Any:
        async with self.http.get(f"/admin/notices{query}", headers=SHOWN) as answer:
            assert answer.status == status
            body = await answer.json()
        return [notice["id"] for notice in body["response"]["notices"]] if status == 200 else body

    @contextlib.asynccontextmanager
    async def events(self, query: str = "", **headers: str) -> AsyncIterator["Events"]:
        async with self.http.get(f"/admin/notices{query}", headers={**EVENTS, **headers}) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            yield Events(answer)


class Events:
    """Server-Sent Events: the id, and what the notice says its id is."""

    def __init__(self, answer: ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> str:
        while True:
            fields = dict(line.split(": ", 1) for line in (await self.raw()).splitlines() if ": " in line)
            if "id" in fields:
                assert json.loads(fields["data"])["id"] == fields["id"]
                return fields["id"]

    async def raw(self) -> str:
        async with asyncio.timeout(5):
            return (await self.answer.content.readuntil(b"\n\n")).decode()


@pytest.fixture
async def site(
    serve: Serve, nats_server: NatsServer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    made: list[NoticeCalls] = []
    add_to = NoticeCalls.add_to

    def noting(self: NoticeCalls, app: web.Application) -> None:
        made.append(self)
        add_to(self, app)

    monkeypatch.setattr(NoticeCalls, "add_to", noting)
    async with serve(admin_token=TOKEN, nats_url=nats_server.url, admin_calls_burst=1000) as http:
        one = Site(http, made[0])
        async with asyncio.timeout(5):
            while (await http.get("/admin/notices", headers=SHOWN)).status != 200:
                await asyncio.sleep(0.02)
        yield one


async def test_pages(site: Site, stream: Stream) -> None:
    await stream.store("log-1-0", "log-2-0", "log-3-0")
    assert await site.page() == ["log-1-0", "log-2-0", "log-3-0"]
    assert await site.page("?after=log-1-0&limit=1") == ["log-2-0"]
    waiting = asyncio.create_task(site.page("?after=log-3-0&wait=5"))
    await asyncio.sleep(0.1)
    await stream.store("log-4-0")
    assert await waiting == ["log-4-0"]
    assert await site.page("?after=log-4-0&wait=0.1") == []


@pytest.mark.parametrize("query", ["?after=x", "?wait=61", "?wait=x", "?limit=0", f"?after={'a' * 129}-1-1"])
async def test_what_is_asked_wrongly(site: Site, query: str) -> None:
    await site.page(query, 400)


async def test_there_is_no_head_without_its_body(site: Site) -> None:
    """A stream would send its body all the same, and the next answer on that connection would begin with it."""
    async with site.http.head("/admin/notices", headers=EVENTS) as answer:
        assert answer.status == 405


async def test_a_reader_that_leaves_before_its_stream_begins_is_no_error(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, left, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(self: Reader, *_: Any) -> list[Told]:
        begun.set()
        await left.wait()
        asyncio.get_running_loop().call_later(0.1, done.set)
        return []

    monkeypatch.setattr(Reader, "read", late)
    _, writer = await asyncio.open_connection(site.http.server.host, site.http.server.port)
    writer.write(
        b"GET /admin/notices HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n"
        % TOKEN.encode()
    )
    await begun.wait()
    writer.transport.abort()
    await asyncio.sleep(0.1)
    left.set()
    await done.wait()
    assert "a request failed" not in caplog.text


async def test_only_operators_read(site: Site) -> None:
    async with site.http.get("/admin/notices") as answer:
        assert answer.status == 401


async def test_what_is_gone_is_answered_with_the_oldest(site: Site, stream: Stream) -> None:
    for position in (1, 2, 3):
        await stream.store(f"log-{position}-0")
    await stream.drop(3)
    refused = await site.page("?after=log-1-0", 410)
    assert refused["response"] == {"oldest": "log-3-0"}
    assert "log-3-0" in refused["error"]
    async with site.http.get("/admin/notices?after=log-1-0", headers=EVENTS) as answer:
        assert answer.status == 410


async def test_events(site: Site, stream: Stream) -> None:
    await stream.store("log-1-0", "log-2-0")
    async with site.events("?after=log-1-0") as events:
        assert await events.next() == "log-2-0"
        await stream.store("log-3-0")
        assert await events.next() == "log-3-0"
    async with site.events("?after=log-1-0", **{"Last-Event-ID": "log-2-0"}) as events:
        assert await events.next() == "log-3-0"
        await stream.drop(3)
        await stream.store("log-4-0")
        assert await events.next() == "log-4-0"


async def test_a_stream_that_fell_behind_is_told_so(
    site: Site, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stream.store("log-1-0")
    async with site.events() as events:
        assert await events.next() == "log-1-0"
        asking, held = asyncio.Event(), asyncio.Event()
        read = Reader.read

        async def late(self: Reader, *asked: Any) -> Any:
            asking.set()
            await held.wait()
            return await read(self, *asked)

        monkeypatch.setattr(Reader, "read", late)
        await asking.wait()  # until then it reads as it did
        for position in (2, 3, 4):
            await stream.store(f"log-{position}-0")
        await stream.drop(4)
        held.set()
        assert [await events.next() for _ in range(2)] == ["log-3-0", "log-4-0"]


async def test_a_stream_without_news_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_calls, "HEARTBEAT", 0.1)
    monkeypatch.setattr(notice_calls, "LOOK_INTERVAL", 0.1)
    async with site.events() as events:
        assert (await events.raw()).startswith("retry: ")
        assert await events.raw() == ":\n\n"


async def test_a_limited_number_of_readers_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_calls, "MOST_READERS", 1)
    monkeypatch.setattr(notice_calls, "LOOK_INTERVAL", 0.05)
    async with site.events():
        await site.page("?wait=1", 429)
        assert await site.page() == []
    async with asyncio.timeout(5):
        while (await site.http.get("/admin/notices?wait=0.1", headers=SHOWN)).status != 200:
            await asyncio.sleep(0.05)


async def test_a_reader_that_does_not_read_is_disconnected(
    site: Site, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_calls, "SLOWEST", 0.3)
    for first in range(1, 100_000, 1000):
        await stream.store(*(f"log-{position}-0" for position in range(first, first + 1000)))
    reader, writer = await asyncio.open_connection(site.http.server.host, site.http.server.port, limit=1024)
    writer.write(
        b"GET /admin/notices HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n"
        % TOKEN.encode()
    )
    await until(lambda: site.calls._waiting, "it is served")
    await until(lambda: not site.calls._waiting, "it is given up", 20)
    got = b""
    with contextlib.suppress(ConnectionError):
        while more := await reader.read(65536):
            got += more
    writer.close()
    assert b"log-1-0" in got
    assert b"log-99999-0" not in got


async def test_without_notices_there_is_no_such_thing(site: Site, stream: Stream) -> None:
    await stream.js.delete_stream(subjects.NOTICE_STREAM)
    await site.page("", 404)


async def test_nats_may_be_away(site: Site, nats_server: NatsServer) -> None:
    await nats_server.kill()
    await site.page("", 503)
    await nats_server.start()
