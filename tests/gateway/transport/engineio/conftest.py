"""Clients that poll."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.gateway.site import Site
from tests.system.rig.rawsocket import Polling


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def polling_on(site: Site, http: aiohttp.ClientSession) -> Polling:
    polling = Polling(http, site.url)
    await polling.open("")
    return polling


@pytest.fixture
async def polling(site: Site, http: aiohttp.ClientSession) -> Polling:
    return await polling_on(site, http)
