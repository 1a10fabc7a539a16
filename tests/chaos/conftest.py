"""Fixtures for tests that kill."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.rig.company import Company, OwnCompany
from tests.chaos.rig.release import COMMITS, unpack
from tests.system.rig.harness import System

StartCompany = Callable[..., Awaitable[Company]]


@pytest.fixture
async def company(system: System) -> AsyncIterator[Company]:
    """Visitors of the system that all tests share."""
    company = Company(system)
    await company.open()
    yield company
    await company.close()


@pytest.fixture(scope="session", params=COMMITS[-1:], ids=lambda commit: commit[:7])  # no release is skipped
def last_release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code of the last release."""
    folder = tmp_path_factory.mktemp("last-release")
    unpack(request.param, folder)
    return folder


@pytest.fixture
async def start_company(tmp_path: Path) -> AsyncIterator[StartCompany]:
    """Starts a system of the test's own, with special settings or ready made, and stops it."""
    async with AsyncExitStack() as stack:

        async def start(system: System | None = None, **options: Any) -> Company:
            company = OwnCompany(system or System(tmp_path, **options))
            stack.push_async_callback(company.close)
            await company.open()
            return company

        yield start
