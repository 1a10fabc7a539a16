"""The package in Node, on a system of real processes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.client.rig.node import NodePage
from tests.system.rig.harness import System


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A system whose processes tests may kill, if they start them again."""
    system = System(tmp_path_factory.mktemp("system"), brokers=2)
    await system.start()
    yield system
    await system.stop()


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[NodePage]:
    async with NodePage(tmp_path) as page:
        yield page
