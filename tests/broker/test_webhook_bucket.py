import asyncio

import pytest

from broker import webhook_bucket
from broker.webhook_bucket import keep_bucket, make_bucket
from shared.envelopes import subjects
from shared.messaging.nats import Client
from tests.system.rig.waiting import until


async def test_making_it_twice_changes_nothing(nc: Client) -> None:
    await make_bucket(nc, 1)
    bucket = await nc.jetstream().key_value(subjects.WEBHOOKS_BUCKET)
    revision = await bucket.put("sender", b"record")
    await make_bucket(nc, 1)
    assert (await bucket.get("sender")).revision == revision


async def test_one_that_was_lost_is_made_again(nc: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_bucket, "LOOK_INTERVAL", 0.05)
    keeping = asyncio.create_task(keep_bucket(nc, 1))
    made: set[str] = set()

    async def names() -> None:
        made.clear()
        made.update(stream.config.name or "" for stream in await nc.jetstream().streams_info())

    async def is_there() -> None:
        async with asyncio.timeout(5):
            while f"KV_{subjects.WEBHOOKS_BUCKET}" not in made:
                await asyncio.sleep(0.02)
                await names()

    await is_there()
    await nc.jetstream().delete_key_value(subjects.WEBHOOKS_BUCKET)
    made.clear()
    await is_there()
    keeping.cancel()
    await until(keeping.done, "it ends")
