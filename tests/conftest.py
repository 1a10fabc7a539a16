"""Fixtures for tests that need the whole system running."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import hypothesis
import pytest
import pytest_asyncio

from tests import contract
from tests.system.rig.harness import System
from tests.system.rig.peer import Peer
from tests.system.rig.world import World

hypothesis.settings.register_profile("any machine", deadline=None)  # one that is busy is no failure
hypothesis.settings.load_profile("any machine")

StartSystem = Callable[..., Awaitable[System]]


@pytest.fixture(autouse=True)
def contract_kept() -> Iterator[None]:
    """Fails a test in which a client was told or answered something that is not as asyncapi.json describes it."""
    contract.FAULTS.clear()
    yield
    assert contract.FAULTS == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    system = System(tmp_path_factory.mktemp("system"))
    await system.start()
    yield system
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
            await system.start()
            stack.push_async_callback(system.stop)
            return system

        yield start


@pytest.fixture
async def world(system: System) -> AsyncIterator[World]:
    """Makes peers on the shared system and closes them."""
    world = World(system)
    yield world
    await world.close()


@pytest.fixture(params=[(0, 0, 0), (0, 1, 0), (1, 0, 0)], ids=["one gateway", "owner and third", "second and third"])
async def trio(request: pytest.FixtureRequest, world: World) -> list[Peer]:
    """Three peers, on one gateway and on two. The tests' names for them: owner, second, third."""
    return await world.peers(*request.param)
