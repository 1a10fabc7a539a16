"""Probes, the same on every process: ``/livez`` it runs, ``/readyz`` it can serve, ``/metrics`` numbers."""

import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

SHARE = 0.1  # of the time is the most that goes into /metrics, however often somebody asks

Readiness = Callable[[], dict[str, str]]


def add_probes(app: web.Application, readiness: Readiness) -> None:
    """Add the three routes. ``readiness`` gives what is missing, each with its reason; nothing when ready."""

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def readyz(request: web.Request) -> web.Response:
        missing = readiness()
        # HAProxy sends no new clients to a server that answers 404, yet lets it keep those that it has
        unready = 404 if request.query.get("unready") == "404" else 503
        return web.json_response({"ready": not missing, "missing": missing}, status=unready if missing else 200)

    numbers = Numbers()

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=numbers.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)


class Numbers:
    """The text of /metrics. It is made anew when the last one is older than it took to make, by some times."""

    def __init__(self) -> None:
        self._text = b""
        self._until = 0.0

    def text(self) -> bytes:
        """The numbers now, or a few milliseconds ago."""
        start = time.monotonic()
        if start >= self._until:
            self._text = generate_latest()
            done = time.monotonic()
            self._until = done + (done - start) * (1 / SHARE - 1)
        return self._text
