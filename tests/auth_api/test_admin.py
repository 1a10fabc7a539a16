import asyncio
import contextlib

import pytest

from auth_api.authority import MAX_TELLING, Authority
from shared.envelopes.admin import Answer, NoteIssued
from shared.messaging.settings import NatsSettings
from shared.process.stop import Stop
from shared.process.world import World
from tests.auth_api.conftest import Serve

TOKEN = "t" * 32


async def test_calls_are_limited_for_who_shows_the_token_too(serve: Serve) -> None:
    async with serve(admin_token=TOKEN, admin_calls_burst=2, admin_calls_per_second=0.01) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        # there is no broker
        assert [(await client.get("/admin/rooms", headers=headers)).status for _ in range(4)] == [503, 503, 429, 429]
        # a stranger takes none of it
        assert (await client.get("/admin/rooms")).status == 401


async def test_what_waits_for_the_broker_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    authority, answered = Authority(NatsSettings(nats_url="nats://127.0.0.1:1"), Stop(), World()), asyncio.Event()
    asked = []

    async def ask(ask: object) -> Answer:
        asked.append(ask)
        await answered.wait()
        return Answer(True, None)

    monkeypatch.setattr(authority, "ask", ask)
    for _ in range(MAX_TELLING + 100):
        authority.tell(NoteIssued("chat", 0))
    await asyncio.sleep(0)
    assert len(asked) == MAX_TELLING
    answered.set()
    await asyncio.gather(*authority._telling)


async def test_a_connection_in_the_making_ends_with_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connecting(*_: object, **__: object) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # as nats-py does now and then
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    monkeypatch.setattr("auth_api.authority.connect", connecting)
    async with Authority(NatsSettings(), Stop(), World()) as authority:
        await asyncio.sleep(0)
    assert authority._connecting is not None
    assert authority._connecting.done()
