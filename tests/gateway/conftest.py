"""The loop that gateways run on, and our server on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop

from tests.gateway.site import Site
from tests.nats_server import nats_server, nc

__all__ = ["nats_server", "nc"]

OpenSite = Callable[..., Awaitable[Site]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def open_site(caplog: pytest.LogCaptureFixture) -> AsyncIterator[OpenSite]:
    """Opens sites with the options it is given. Whatever clients do to one, the log holds no traceback of it."""
    async with AsyncExitStack() as stack:

        async def opening(**options: Any) -> Site:
            return await stack.enter_async_context(Site(**options))

        yield opening
    complaints = [record for record in caplog.get_records("call") if record.exc_info or record.name == "asyncio"]
    assert not complaints, [record.getMessage() for record in complaints]


@pytest.fixture
async def site(open_site: OpenSite) -> Site:
    return await open_site()
