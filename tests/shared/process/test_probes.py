"""The three probes, over a real socket."""

import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shared.process import probes
from shared.process.probes import Numbers, add_probes


async def test_readiness_says_what_is_missing_and_liveness_does_not_care() -> None:
    missing = {"nats": "cannot be reached"}
    app = web.Application()
    add_probes(app, lambda: missing)
    async with TestClient(TestServer(app)) as client:
        async with client.get("/livez") as live:
            assert live.status == 200
        async with client.get("/readyz") as ready:
            assert (ready.status, await ready.json()) == (503, {"ready": False, "missing": missing})
        missing.clear()
        async with client.get("/readyz") as ready:
            assert (ready.status, (await ready.json())["ready"]) == (200, True)
        async with client.get("/metrics") as metrics:
            assert "python_info" in await metrics.text()


def test_numbers_take_a_small_part_of_the_time_however_often_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    now, made = 100.0, 0

    def make() -> bytes:
        nonlocal now, made
        now, made = now + 0.05, made + 1
        return b"numbers"

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(probes, "generate_latest", make)
    numbers = Numbers()
    while now < 110:
        assert numbers.text() == b"numbers"
        now += 0.001
    assert made * 0.05 <= 1.1
    now += 0.5
    numbers.text()
    assert made * 0.05 <= 1.2
