"""Headless Chromium with a made-up camera and microphone, and the demo page in it."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.demo import Demo
from tests.system.rig.harness import APP_PASS, APP_SECRET, System
from tests.system.rig.ports import free_port
from tests.system.rig.process import ROOT, Process

ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is. Without it (or what else a browser test needs) the test is skipped, but fails in CI."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    missing = "" if found else "Chromium is not installed (or set CHROMIUM to its path)"
    if not (ROOT / "node_modules/socket.io-client").is_dir():
        missing = "socket.io-client is not installed: make setup"
    if missing:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return found or ""


@pytest.fixture
async def demo(chromium: str, system: System, tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo page over the shared system."""
    async with asyncio.timeout(60):
        serving = serve_demo(system, tmp_path)
        async with Demo(chromium, ARGUMENTS, serving, system.gateways) as demo:
            yield demo


def serve_demo(system: System, folder: Path, **settings: str) -> Process:
    """An auth_api that tells the page where the gateways of ``system`` are."""
    port = free_port()
    environ = {
        "APP_SECRET": APP_SECRET,
        "APP_PASS": APP_PASS,
        "APP_HOST": "127.0.0.1",
        "APP_PORT": str(port),
        "NATS_URL": f"nats://127.0.0.1:{system.nats_port}",
        "GATEWAY_URL": ",".join(gateway.url for gateway in system.gateways),
        "LOG_FORMAT": "text",
        **settings,
    }
    return Process("demo", [sys.executable, "-m", "auth_api"], environ, port, folder)
