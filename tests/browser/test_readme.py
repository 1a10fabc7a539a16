"""The page in README.md, made and opened as it says there."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Dialog, Page, async_playwright

from tests import contract
from tests.browser.conftest import ARGUMENTS
from tests.browser.demo import PATIENCE
from tests.conftest import StartSystem
from tests.snippets import moved, snippets
from tests.system.rig.harness import APP_PASS, System
from tests.system.rig.process import ROOT

README = snippets("README.md")


class Windows:
    """Browser windows with the page in them, each on the gateway of the test's choice."""

    def __init__(self, browser: Browser, page: Path) -> None:
        self._browser = browser
        self._page = page
        self.errors: list[str] = []

    async def open(self, name: str, gateway: int) -> Page:
        window = await self._browser.new_page()
        window.set_default_timeout(PATIENCE)
        window.on("pageerror", lambda error: self.errors.append(f"{name}: {error}"))
        window.on("websocket", lambda socket: socket.on("framereceived", contract.Ear().hear))

        async def answer(question: Dialog) -> None:
            await question.accept(name)

        window.on("dialog", answer)
        await window.add_init_script(f"Math.random = () => {gateway / 2}")  # the page draws lots for its gateway
        await window.goto(self._page.as_uri())
        return window


@pytest.fixture
async def windows(chromium: str, start_system: StartSystem, tmp_path: Path) -> AsyncIterator[Windows]:
    page = make_page(await start_system(), tmp_path)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield Windows(browser, page)
        await browser.close()


def make_page(system: System, folder: Path) -> Path:
    """Follow README.md in a folder like that in which ``make run`` has been run."""
    (folder / ".parley").mkdir()
    (folder / ".parley/secrets.env").write_text(f"APP_PASS={APP_PASS}\n")
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    command = moved(README["token"], {"localhost:8000": system.auth.url})
    subprocess.run(["sh", "-ec", command], cwd=folder, check=True)
    gateways = [gateway.url for gateway in system.gateways]
    places = dict(zip(("http://localhost:5000", "http://localhost:5001"), gateways, strict=True))
    page = folder / "call.html"
    page.write_text(moved(README["call.html"], places))
    return page


async def see(window: Page, *lines: str) -> None:
    """Return when the page has said all of that."""
    for line in lines:
        await window.locator("#log", has_text=line).wait_for()


async def said(window: Page) -> list[str]:
    return (await window.locator("#log").inner_text()).splitlines()


async def test_each_window_greets_the_others(windows: Windows) -> None:
    ann = await windows.open("Ann", gateway=0)
    await see(ann, "The room is open. Waiting for someone to join…")
    ben = await windows.open("Ben", gateway=1)
    await see(ann, "Hello from Ben")
    await see(ben, "Hello from Ann")
    cleo = await windows.open("Cleo", gateway=0)
    await see(cleo, "Hello from Ann", "Hello from Ben")
    await see(ann, "Hello from Cleo")
    await see(ben, "Hello from Cleo")
    assert [len(await said(window)) for window in (ann, ben, cleo)] == [3, 2, 2]
    assert windows.errors == []
