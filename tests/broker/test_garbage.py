import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from broker import garbage as collector
from tests.system.rig.waiting import until


class Thing:
    """Something that may refer to itself."""

    itself: "Thing | None" = None


@pytest.fixture
async def collecting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(collector, "INTERVAL", 0.02)
    gc.disable()
    task = asyncio.create_task(collector.collect_now_and_then())
    yield
    task.cancel()
    gc.unfreeze()
    gc.enable()


async def test_what_is_new_and_refers_to_itself_goes(collecting: None) -> None:
    thing = Thing()
    thing.itself = thing
    watched = weakref.ref(thing)
    del thing
    await until(lambda: watched() is None, "the thing is gone")


async def test_what_stays_is_looked_at_once(collecting: None) -> None:
    things = [Thing() for _ in range(1000)]
    await until(lambda: gc.get_count()[0] < 1000 and gc.get_freeze_count() > 1000, "they are left alone")
    known = gc.get_objects()
    assert not any(thing is other for thing in things[:10] for other in known)
