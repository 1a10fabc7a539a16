"""The picture in the README, taken of a call while ``make run`` runs: ``python -m dev.screenshot``."""

import argparse
import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from dev.trouble import Trouble

PICTURE = Path(__file__).parent / "pictures" / "call.png"
SIZE = {"width": 1120, "height": 560}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
LOOKS = {"Ann": ("#f2b880", "#7b3f61", "#24475b"), "Ben": ("#c98a5b", "#2f6f5e", "#5b4a36")}  # skin, clothes, wall

# Chromium's own made-up camera shows a green wall; this one shows somebody in front of one.
CAMERA = """
([skin, clothes, wall]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const pen = canvas.getContext("2d");
  const blob = (colour, x, y, wide, high) => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.ellipse(x, y, wide, high, 0, 0, 2 * Math.PI);
    pen.fill();
  };
  setInterval(() => {
    pen.fillStyle = wall;
    pen.fillRect(0, 0, 640, 480);
    blob(clothes, 320, 500, 190, 170);
    blob(skin, 320, 220, 85, 105);
    for (const x of [290, 350]) blob("#222", x, 205, 8, 10);
    blob("#8c3b3b", 320, 265, 30, 9);
  }, 50);
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wishes) => (wishes.video ? canvas.captureStream(20) : ask(wishes));
}
"""


def main() -> int:
    """Take the picture. Exit code 1 if there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m dev.screenshot", description=__doc__)
    parser.add_argument("--demo", default="http://localhost:8000/demo", help="address of the demo page [%(default)s]")
    try:
        asyncio.run(_take(parser.parse_args().demo))
    except Trouble as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _take(demo: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_browser(), args=ARGUMENTS)
        ann = await _person(browser, demo, "Ann")
        await ann.click("text=Create room")
        ben = await _person(browser, ann.url, "Ben")
        await ben.click("text=Ask to join")
        await ann.click("text=Admit")
        await ann.locator(".tile[data-state=connected]", has_text="Ben").wait_for()
        await ann.locator(".toast").wait_for(state="hidden")
        await ann.screenshot(path=PICTURE)
        await browser.close()
    print(f"Written: {PICTURE}")


async def _person(browser: Browser, address: str, name: str) -> Page:
    context = await browser.new_context(permissions=["camera", "microphone"], viewport=SIZE)  # type: ignore[arg-type]
    await context.add_init_script(f"({CAMERA})({json.dumps(LOOKS[name])})")
    page = await context.new_page()
    await page.goto(address)
    await page.fill("#name", name)
    return page


def _browser() -> str:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise Trouble("Chromium is not installed (or set CHROMIUM to its path)")
    return found


if __name__ == "__main__":
    sys.exit(main())
