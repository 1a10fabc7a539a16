"""The demo in Firefox, in a call with Chromium."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import ARGUMENTS, serve_demo
from tests.browser.demo import Demo
from tests.browser.firefox import Firefox, FirefoxPage, find_firefox
from tests.system.rig.harness import System

HELP = """
globalThis.shown = (selector, text = "") =>
  [...document.querySelectorAll(selector)].find((it) => it.checkVisibility() && it.textContent.includes(text));
globalThis.until = async (look, what) => {
  for (const end = Date.now() + 20_000; ; await new Promise((done) => setTimeout(done, 50))) {
    const found = look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not seen: ${what}; ${document.body.innerText}`);
  }
};
globalThis.see = (selector, text) => until(() => shown(selector, text), `${selector} ${text ?? ""}`);
globalThis.press = async (selector, text) => (await see(selector, text)).click();
globalThis.fill = async (selector, value) => ((await see(selector)).value = value);
globalThis.errors = [];
addEventListener("error", ({ message }) => errors.push(message));
addEventListener("unhandledrejection", ({ reason }) => errors.push(String(reason)));
"""


class Both:
    """The demo in Chromium, and a way to open it in Firefox."""

    def __init__(self, demo: Demo, fox: Firefox, url: str) -> None:
        self.demo = demo
        self._fox = fox
        self._url = url

    async def open(self, room: str = "") -> FirefoxPage:
        page = await self._fox.open(f"{self._url}/demo" + (f"#{room}" if room else ""))
        await page.run(HELP)
        return page


@pytest.fixture
async def both(chromium: str, system: System, tmp_path: Path) -> AsyncIterator[Both]:
    firefox = find_firefox()
    if not firefox:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Firefox is not installed (or set FIREFOX)")
    profile = tmp_path / "firefox"
    profile.mkdir()
    serving = serve_demo(system, tmp_path)
    async with asyncio.timeout(120), AsyncExitStack() as stack:
        demo = await stack.enter_async_context(Demo(chromium, ARGUMENTS, serving, system.gateways))
        yield Both(demo, await stack.enter_async_context(Firefox(str(firefox), profile)), serving.url)


async def test_a_call_between_chromium_and_firefox_with_all_that_the_demo_has(both: Both) -> None:
    ann, ben = await both.demo.open("Ann", gateway=0), await both.open("makers")
    await ann.create("makers")
    await ben.run("await fill('#name', 'Ben')")
    await ben.click("#first-choice")  # a browser plays no sound on a page that nobody has touched
    await ann.decide("Ben", "Admit")
    await ann.see_people("Ann (you)", "Ben")
    await ann.see_video_advance("Ben")
    await ben.run(
        """
        const tile = await see(".tile[data-state=connected]:not([data-own])", "Ann");
        const video = tile.querySelector("video");
        const first = video.currentTime;
        await until(() => video.videoWidth && video.currentTime > first + 0.3, "Ann's picture");
        """
    )

    await ann.page.locator("#chat-switch").click()
    await ann.page.get_by_label("Message to everyone").fill("Hello Firefox")
    await ann.page.keyboard.press("Enter")
    await ben.run(
        """
        await press("#chat-switch");
        await see(".chat li", "Hello Firefox");
        await fill("#chat input", "Hello Chromium");
        await press("#chat form button");
        await press("#chat .close");
        """
    )
    await expect(ann.page.locator(".chat li").last).to_contain_text("Hello Chromium")

    await ann.page.locator("#people-switch").click()
    await ben.run("await press('#hand-switch')")
    await expect(ann.page.locator(".people li", has_text="Ben").locator(".raised")).to_have_text("1")
    await ben.run("await press('#people-switch'); await see('#people li', 'Ben (you)'); await see('#people li', 'Ann')")
    assert await ben.run("return document.activeElement.id") == "people-title"
    await ben.run("await press('#people .close'); await press('#react-switch'); await press('#reactions button')")
    await expect(ann.page.locator("#reaction-said")).to_have_text("Ben: thumbs up")
    await ann.page.locator("#react-switch").click()
    await ann.page.locator("#reactions button").nth(1).click()
    await ben.run("await see('.tile .reaction', '👏')")
    await ben.run("await press('.tile:not([data-own])'); await see('.tile[data-main]', 'Ann')")

    await ann.page.locator(".people li", has_text="Ben").locator(".more").click()
    await ann.page.locator(".people li", has_text="Ben").locator("[data-deed=mute]").click()
    await expect(ann.page.locator(".tile[data-silent]", has_text="Ben")).to_be_visible()
    assert await ben.run("return document.scrollingElement.scrollWidth <= innerWidth")
    await ben.run("await press('#leave'); await see('.lobby')")
    await ann.see_people("Ann (you)")
    errors: Any = await ben.run("return errors")
    assert errors == []
    assert both.demo.complaints == []
