"""The three probes, over a real socket."""

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shared.probes import add_probes


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
