"""The package as it is published: in the page that its README shows, and in one that Vite has made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Dialog, Page, async_playwright

from tests.browser.conftest import ARGUMENTS
from tests.browser.demo import PATIENCE
from tests.browser.library import Site
from tests.client.rig.package import node, pack
from tests.client.test_rooms import entering
from tests.conftest import StartSystem
from tests.snippets import moved, snippets
from tests.system.rig.harness import System
from tests.system.rig.process import ROOT

APP = """
import { connect } from "parley-client";
globalThis.join = ({ urls, token, room }) => connect({ urls, getToken: () => token }).join(room, { create: true });
"""
PLAYING = """() => {
  const videos = [...document.querySelectorAll("video")];
  return videos.length === 2 && videos.every((video) => video.currentTime > 0.3 && video.videoWidth > 0);
}"""


class Windows:
    """Windows of one Chromium."""

    def __init__(self, stack: AsyncExitStack, chromium: str, folder: Path) -> None:
        self._stack = stack
        self._chromium = chromium
        self._folder = folder

    async def open(self, path: str, *names: str) -> list[Page]:
        site = await self._stack.enter_async_context(Site(self._folder))
        playwright = await self._stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=self._chromium, args=ARGUMENTS)
        self._stack.push_async_callback(browser.close)
        return [await self._window(await browser.new_page(), site.url + path, name) for name in names]

    async def _window(self, page: Page, url: str, name: str) -> Page:
        async def answer(question: Dialog) -> None:
            await question.accept(name)

        page.set_default_timeout(PATIENCE)
        page.on("dialog", answer)
        await page.goto(url)
        return page


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("package"))


@pytest.fixture
async def windows(chromium: str, project: Path) -> AsyncIterator[Windows]:
    async with AsyncExitStack() as stack:
        yield Windows(stack, chromium, project)


async def test_the_call_in_the_readme_is_one_of_three_and_outlives_a_gateway_and_a_reload(
    windows: Windows, project: Path, start_system: StartSystem
) -> None:
    system = await start_system()
    assert isinstance(system, System)
    await system.agreed()
    token = await system.app_token()
    (project / "token.js").write_text(f'const app = {{"response": {{"token": "{token}"}}}}')
    places = ("http://localhost:5000", "http://localhost:5001")
    urls = dict(zip(places, (gateway.url for gateway in system.gateways), strict=True))
    (project / "tea.html").write_text(moved(snippets("client/README.md")["tea.html"], urls))
    names = ("Ann", "Ben", "Cleo")
    pages = await windows.open("tea.html", *names)
    for page in pages:
        await page.wait_for_function(PLAYING)
    await system.gateways[0].kill()
    for page, name in zip(pages, names, strict=True):
        await page.wait_for_function("name => document.title === `${name} is online`", arg=name)
        await page.wait_for_function(PLAYING)
    for page in pages:
        await page.reload()
        for each in pages:
            await each.wait_for_function(PLAYING)
    text = (project / "tea.html").read_text()
    assert len(text[text.index('type="module"') :].splitlines()) <= 25


async def test_vite_makes_a_page_of_it(windows: Windows, project: Path, system: System) -> None:
    (project / "package.json").write_text('{"type": "module"}')
    (project / "index.html").write_text('<!doctype html><title>App</title><script type="module" src="app.js"></script>')
    (project / "app.js").write_text(APP)
    vite = ROOT / "node_modules/vite/bin/vite.js"
    await asyncio.to_thread(node, project, vite, "build", "--base", "./", "--logLevel", "warn")
    (page,) = await windows.open("dist/index.html", "Ann")
    await page.wait_for_function("() => globalThis.join")
    assert await page.evaluate("async (given) => (await join(given)).me.role", await entering(system)) == "owner"
