"""The demo page in headless Chromium, one browser context for each person."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, Self

from playwright.async_api import Browser, ConsoleMessage, Page, Request, Route, WebSocket, async_playwright
from playwright.async_api import TimeoutError as TookTooLong

from tests import contract
from tests.system.rig.process import Process

PATIENCE = 20_000  # ms; a machine with two cores has three pages' video to encode


class Serving(Protocol):
    """What serves the page."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    async def ready(self) -> None: ...
    async def stop(self) -> None: ...


class Demo:
    """A context in which people open the page that ``serving`` serves, each on the gateway of the test's choice."""

    def __init__(
        self,
        chromium: str,
        arguments: Sequence[str],
        serving: Serving,
        gateways: Sequence[Process],
        without: Sequence[str] = (),
    ) -> None:
        """``without`` are arguments that Playwright would give to Chromium."""
        self._chromium = chromium
        self._arguments = list(arguments)
        self._without = list(without)
        self._serving = serving
        self._gateways = list(gateways)
        self._stack = AsyncExitStack()
        self._browser: Browser
        self.complaints: list[str] = []

    async def __aenter__(self) -> Self:
        self._serving.start()
        self._stack.push_async_callback(self._serving.stop)
        await self._serving.ready()
        playwright = await self._stack.enter_async_context(async_playwright())
        self._browser = await playwright.chromium.launch(
            executable_path=self._chromium, args=self._arguments, ignore_default_args=self._without
        )
        self._stack.push_async_callback(self._browser.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def open(
        self, name: str, *, gateway: int | None, room: str = "", script: str = "", **options: Any
    ) -> "Person":
        """Open the page as somebody would who got a link to ``room``, and type a name. ``script`` runs before it.

        ``options`` are Playwright's for the context, such as ``locale`` and ``color_scheme``.
        """
        context = await self._browser.new_context(permissions=["camera", "microphone"], **options)
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(script)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{name}: {error}"))
        page.on("console", lambda message: self._note(name, message))
        page.on("websocket", lambda socket: socket.on("framereceived", contract.Ear().hear))
        if gateway is not None:
            url = self._gateways[gateway].url
            await page.route("**/demo/config.json", lambda route: _offer_only(url, route))
        await page.goto(f"{self._serving.url}/demo" + (f"#{room}" if room else ""))
        await page.fill("#name", name)
        return Person(name, page)

    def _note(self, name: str, message: ConsoleMessage) -> None:
        # A policy that is too narrow shows here and nowhere else.
        if "Content Security Policy" in message.text:
            self.complaints.append(f"{name}: {message.text}")


class Person:
    """Somebody in front of the page."""

    def __init__(self, name: str, page: Page) -> None:
        self.name = name
        self.page = page
        self.sockets: list[str] = []
        self.sessions = 0  # session tokens that came over websockets
        self.asked: list[str] = []  # events sent, over websockets and by polling
        self.sent: list[str] = []  # the same with all that they say
        page.on("websocket", self._watch)
        page.on("request", self._posted)

    async def create(self, room: str) -> None:
        await self.page.fill("#room", room)
        await self.page.click("text=Create room")
        await self.see("body[data-screen=call]")

    async def ask(self) -> None:
        await self.page.click("text=Ask to join")

    async def decide(self, name: str, verdict: str) -> None:
        """Press ``Admit`` or ``Decline`` for the one who asks by that name."""
        knock = self.page.locator(".knock", has_text=name)
        await knock.get_by_role("button", name=verdict).click()

    async def see(self, selector: str, text: str | None = None) -> None:
        """Return when there is such an element, with that text in it."""
        try:
            await self.page.locator(selector, has_text=text).first.wait_for()
        except TookTooLong as error:
            shown = await self.page.locator("body").inner_text()
            raise AssertionError(f"{self.name} does not see {text or selector!r}, but: {shown}") from error

    async def see_devices(self) -> None:
        """Return when camera and microphone are on."""
        for switch in ("#camera-switch", "#microphone-switch"):
            await self.see(f"{switch}[aria-pressed=true]")

    async def see_people(self, *names: str) -> None:
        """Return when there is a connected tile for each of them, and for nobody else."""
        async with asyncio.timeout(PATIENCE / 1000):
            while sorted(await self.page.locator(".tile[data-state=connected] .name").all_inner_texts()) != sorted(
                names
            ):
                await asyncio.sleep(0.1)

    async def frames(self) -> dict[str, int]:
        """How many frames of each other person's video were shown so far."""
        counted: dict[str, int] = {}
        for tile in await self.page.locator(".tile:not([data-own])").all():
            name = await tile.locator(".name").inner_text()
            video: Any = await tile.locator("video").evaluate(
                "video => [video.currentTime, video.getVideoPlaybackQuality().totalVideoFrames]"
            )
            counted[name] = int(video[1]) if video[0] > 0 else 0
        return counted

    async def see_video_advance(self, *names: str, by: int = 10) -> None:
        """Return when the video of each of them, and of nobody else, has moved on by so many frames."""
        first = await self.frames()
        assert sorted(first) == sorted(names)
        async with asyncio.timeout(PATIENCE / 1000):
            while any(count < first[name] + by for name, count in (await self.frames()).items()):
                await asyncio.sleep(0.1)

    def _watch(self, socket: WebSocket) -> None:
        self.sockets.append(socket.url)
        socket.on("framereceived", self._received)
        socket.on("framesent", self._sent)

    def _received(self, frame: str | bytes) -> None:
        self.sessions += isinstance(frame, str) and frame.startswith('42["auth-accept"')

    def _posted(self, request: Request) -> None:
        for packet in (request.post_data or "").split("\x1e"):
            self._sent(packet)

    def _sent(self, frame: str | bytes) -> None:
        if isinstance(frame, str) and (event := re.match(r'42\d*\["([a-z-]+)"', frame)):
            self.asked.append(event[1])
            self.sent.append(frame)


async def _offer_only(gateway: str, route: Route) -> None:
    answer = await route.fetch()
    await route.fulfill(response=answer, json={**await answer.json(), "gateways": [gateway]})
