"""Calls with the package, in Chromium, in Firefox and between the two."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.browser.conftest import ARGUMENTS
from tests.browser.firefox import Firefox, find_firefox
from tests.browser.library import ChromiumPage, Runs, Site
from tests.conftest import StartSystem
from tests.system.rig.harness import System
from tests.system.rig.rooms import new_name

# Browsers take a while to start: all tests share them, and with them an event loop.
pytestmark = pytest.mark.asyncio(loop_scope="session")


class Browsers:
    """A tab in each kind of browser."""

    def __init__(self, chromium: Runs, firefox: Runs) -> None:
        self.chromium = chromium
        self.firefox = firefox


Open = Callable[[], Awaitable[Browsers]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def open_tabs(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Open]:
    firefox = find_firefox()
    if not firefox:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Firefox is not installed (or set FIREFOX)")
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(Site())
        fox = await stack.enter_async_context(Firefox(str(firefox), tmp_path_factory.mktemp("firefox")))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        stack.push_async_callback(browser.close)

        async def tabs() -> Browsers:
            tab = await browser.new_page()
            await tab.goto(site.url)
            return Browsers(ChromiumPage(tab), await fox.open(site.url))

        yield tabs


@pytest_asyncio.fixture(loop_scope="session")
async def browsers(open_tabs: Open) -> Browsers:
    return await open_tabs()


# One who is in a call, as tests can look at it.
CALL = """
globalThis.take = async (name, given, options) => {
  globalThis.person = enter(connect, name, given);
  globalThis.room = await join(person, given.room, options);
  globalThis.stream ??= await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  begin();
};
globalThis.begin = () => {
  globalThis.call = room.call(stream);
  call.on("gone", ({ id }) => person.told.push("gone " + id));
};
const videos = new WeakMap();
const videoOf = (remote) => {
  const video = videos.get(remote) ?? Object.assign(document.createElement("video"), { muted: true, autoplay: true });
  if (!videos.has(remote)) document.body.append(video);
  videos.set(remote, video);
  if (video.srcObject !== remote.stream) video.srcObject = remote.stream;
  video.play().catch(() => {});
  return video;
};
const shown = (remote) => {
  const heard = remote.state === "connected" && remote.stream.getAudioTracks().some((track) => !track.muted);
  return heard && videoOf(remote).videoWidth ? videoOf(remote).currentTime : 0;
};
globalThis.flows = async () => {
  const first = new Map();
  const moves = (remote) => {
    const now = shown(remote);
    if (now && !first.has(remote)) first.set(remote, now);
    return now > first.get(remote) + 0.3;
  };
  const show = (remote) => {
    const tracks = remote.stream.getTracks().map(({ kind, muted }) => `${kind} ${muted}`);
    return [remote.state, tracks, shown(remote), videoOf(remote).videoWidth];
  };
  await until(() => call.peers.size && [...call.peers.values()].every(moves), () => [...call.peers.values()].map(show));
};
"""


async def given(system: System, *gateways: int) -> dict[str, object]:
    await system.agreed()
    urls = [system.gateways[number].url for number in gateways]
    return {"urls": urls, "token": await system.app_token(), "room": new_name()}


async def calling(first: Runs, second: Runs, one: dict[str, object], other: dict[str, object]) -> None:
    """Two are in a call; the room is open."""
    for page in (first, second):
        await page.run(CALL)
    await first.run("await take('Ann', $, { create: true }); await room.setPolicy({ admission: 'open' });", one)
    await second.run("await take('Ben', $)", {**other, "room": one["room"]})
    for page in (first, second):
        await page.run("await flows()")


async def test_browsers_of_different_makers_in_one_call_while_a_gateway_dies(
    browsers: Browsers, start_system: StartSystem
) -> None:
    system = await start_system()
    assert isinstance(system, System)
    chromium, firefox = browsers.chromium, browsers.firefox
    await calling(chromium, firefox, await given(system, 0, 1), await given(system, 1, 0))
    for gateway in system.gateways:
        await gateway.kill()
        for page in (chromium, firefox):
            await page.run("await until(() => person.parley.state === 'online'); await flows()")
        gateway.start()
        await system.ready()
    for page in (chromium, firefox):
        told = await page.run("return person.told")
        assert not [line for line in told if line.startswith(("leave", "end", "lost", "gone"))]
        await page.run(
            """
            const [remote] = call.peers.values();
            await until(async () => {
              const { rtt, received, sent, loss } = await remote.stats();
              return rtt !== null && received > 0 && sent > 0 && loss < 0.5;
            });
            """
        )


async def test_a_call_changes_while_it_lasts(browsers: Browsers, system: System) -> None:
    """A screen is shown instead of a camera, and a side begins anew: in the same page, or after it was loaded again."""
    chromium, firefox = browsers.chromium, browsers.firefox
    at = await given(system, 0)
    await calling(chromium, firefox, at, at)
    await firefox.run("call.send({ video: null }); call.share(stream.clone())")
    await chromium.run(
        """
        const [remote] = call.peers.values();
        await until(() => remote.shares.get("screen")?.getTracks().filter((track) => !track.muted).length === 2);
        """
    )
    await firefox.run("call.unshare(); call.send(stream)")
    await chromium.run("await until(() => [...call.peers.values()][0].shares.size === 0); await flows()")
    for page in (firefox, chromium):
        await page.run("call.close(); begin();")
        for each in (firefox, chromium):
            await each.run("await flows()")
    for page in (firefox, chromium):
        await page.run("await take(person.parley.peerId, { ...$, resume: person.parley.suspend() })", at)
        for each in (firefox, chromium):
            await each.run("await flows()")
    told = await chromium.run("return person.told")
    assert not [line for line in told if line.startswith(("leave", "end", "lost", "gone"))]
