"""auth_api behind a real socket."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from auth_api.server import build
from auth_api.settings import Settings
from shared.http.edge import Runner
from shared.process.stop import Stop
from shared.process.world import World
from tests.nats_server import nats_server, nc

__all__ = ["nats_server", "nc", "serve"]

SECRET = "a secret for tests, 32 bytes long"
PASSWORD = "pässword"

NOWHERE = "nats://127.0.0.1:1"  # whatever else may run on this machine

Serve = Callable[..., AbstractAsyncContextManager["TestClient[Any, Any]"]]


class EdgedServer(TestServer):
    """Serves behind the same edge as the process."""

    async def _make_runner(self, **options: Any) -> Runner:
        return Runner(self.app, **options)


@pytest.fixture
def serve() -> Serve:
    """Serves with the settings it is given, on a free port, for as long as its context lasts."""

    @contextlib.asynccontextmanager
    async def serving(**settings: Any) -> AsyncIterator["TestClient[Any, Any]"]:
        settings = {"app_secret": SECRET, "app_pass": PASSWORD, "nats_url": NOWHERE, **settings}
        app = build(Settings(**settings), World(), Stop())
        server = EdgedServer(app)
        await server.start_server()
        async with TestClient(server) as client:
            yield client

    return serving
