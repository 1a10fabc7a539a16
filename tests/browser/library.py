"""A page without a bundler that uses the package, in any browser."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol, Self

from aiohttp import web
from playwright.async_api import Page

from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Calls</title>
<script type="importmap">
  {"imports": {"parley-client": "/parley-client/src/index.js", "socket.io-client": "/socket.io/socket.io.esm.min.js"}}
</script>
<script type="module">
  import * as rig from "/rig/people.js";
  import { connect, Refusal } from "parley-client";
  Object.assign(globalThis, rig, { connect, Refusal });
</script>
"""
FOLDERS = {
    "/parley-client/src": ROOT / "client/src",
    "/socket.io": ROOT / "node_modules/socket.io-client/dist",
    "/rig": ROOT / "tests/client/rig",
}


class Runs(Protocol):
    """A page in which a test runs its own JavaScript."""

    async def run(self, body: str, argument: Any = None, within: float = 40.0) -> Any:
        """What the body of an async function returns; ``$`` in it is the argument."""


class ChromiumPage:
    """A tab of Chromium."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def run(self, body: str, argument: Any = None, within: float = 40.0) -> Any:
        """What the body of an async function returns; ``$`` in it is the argument."""
        return await asyncio.wait_for(self._page.evaluate(f"async ($) => {{ {body} }}", argument), within)


class Site:
    """Serves the page and what it needs; or the files of ``folder``."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self._port = port
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        app = web.Application()
        if self._folder is not None:
            app.router.add_static("/", self._folder, follow_symlinks=True)
        else:
            app.router.add_get("/", self._page)
            for prefix, folder in FOLDERS.items():
                app.router.add_static(prefix, folder)
        runner = web.AppRunner(app)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")
