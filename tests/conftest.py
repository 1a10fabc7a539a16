"""Fixtures for tests that need the whole system running."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from tests.system.harness import System
from tests.system.world import World

StartSystem = Callable[..., Awaitable[System]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    system = System(tmp_path_factory.mktemp("system"))
    try:
        await system.start()
        yield system
    finally:
        await system.stop()


@pytest.fixture
async def system(running_system: System) -> AsyncIterator[System]:
    """Two gateways, a broker, auth_api and NATS, shared by all tests; the test that makes a log complain fails."""
    yield running_system
    complaints = running_system.new_complaints()
    assert not complaints, "\n\n".join(complaints)


@pytest.fixture
async def start_system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StartSystem]:
    """Starts a system of the test's own, with special settings, and stops it."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> System:
            system = System(tmp_path_factory.mktemp("system"), **options)
            stack.push_async_callback(system.stop)
            await system.start()
            return system

        yield start


@pytest.fixture
async def world(system: System) -> AsyncIterator[World]:
    """Makes peers on the shared system and closes them."""
    world = World(system)
    yield world
    await world.close()
