"""The photographs in README.md and OPERATIONS.md, of a call and of the console: ``python -m dev.screenshot``.

It takes them of what ``ADMIN_TOKEN=… make run`` runs, in which there must be no rooms.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from dev import console_picture, secrets_file
from dev.trouble import Trouble

PICTURES = Path(__file__).parent / "pictures"
SIZE = ViewportSize(width=1280, height=720)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
ROOM = "monday-morning"

# Everybody's skin, hair, how long that is, clothes and wall.
LOOKS = {
    "Ann": ("#f0c09a", "#7a4a2b", 1.0, "#c9506a", "#37566b"),
    "Ben": ("#a9714b", "#241a17", 0.2, "#2f7d6b", "#6d5a48"),
    "Cleo": ("#e3ab84", "#1f2230", 1.3, "#e0a13c", "#4a4368"),
    "Fatima": ("#d9a07a", "#33506e", 1.5, "#33506e", "#8a7a5c"),
}
SAID = (
    ("Ben", "Good morning! Can you all see me?"),
    ("Ann", "We can. Who has slides for today?"),
    ("Cleo", "I do, for later."),
    ("Ann", "Then let us begin with last week. Fatima, you wanted to say something?"),
)

# Chromium's own made-up camera shows a green wall; this one shows somebody in front of one.
CAMERA = """
([skin, hair, long, clothes, wall]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 400 });
  const pen = canvas.getContext("2d");
  const darker = (colour, part) => `color-mix(in srgb, ${colour}, #0b0d12 ${part}%)`;
  const blob = (colour, x, y, wide, high, from = 0, to = 2 * Math.PI) => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.ellipse(x, y, wide, high, 0, from, to);
    pen.fill();
  };
  const box = (colour, x, y, wide, high, round = 0) => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.roundRect(x, y, wide, high, round);
    pen.fill();
  };
  const room = () => {
    const light = pen.createLinearGradient(0, 0, 640, 400);
    light.addColorStop(0, wall);
    light.addColorStop(1, darker(wall, 45));
    box(light, 0, 0, 640, 400);
    box(darker(wall, 35), 430, 90, 170, 8);
    for (const [x, high] of [[440, 46], [458, 58], [476, 50], [500, 62], [518, 44]]) {
      box(darker(clothes, x % 40), x, 90 - high, 14, high, 2);
    }
    box("rgb(255 255 255 / 14%)", 60, 50, 120, 150, 6);
    box("rgb(255 255 255 / 8%)", 116, 50, 8, 150);
  };
  const person = () => {
    if (long > 0.5) box(hair, 225, 110, 190, 130 + 90 * long, 80);
    blob(darker(clothes, 12), 320, 440, 185, 150);
    blob(clothes, 320, 446, 180, 148);
    box(darker(skin, 18), 288, 240, 64, 80, 30);
    for (const x of [238, 402]) blob(darker(skin, 10), x, 190, 15, 22);
    blob(skin, 320, 185, 82, 100);
    blob(hair, 320, 150, 90, 78, Math.PI, 2 * Math.PI);
    blob(hair, 275, 140, 52, 38);
    for (const x of [288, 352]) {
      blob("#fff", x, 186, 13, 9);
      blob("#2a2020", x, 186, 7, 8);
      box(darker(hair, 20), x - 16, 166, 32, 5, 3);
    }
    box(darker(skin, 14), 316, 192, 9, 28, 5);
    blob("#8e3344", 320, 240, 27, 15, 0, Math.PI);
    box("#fff", 300, 240, 40, 5, 2);
  };
  setInterval(() => [room, person].forEach((paint) => paint()), 500);
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    const heard = audio ? (await ask({ audio })).getTracks() : [];
    for (const track of heard) track.enabled = false; // it would beep
    return new MediaStream([...(video ? canvas.captureStream(2).getTracks() : []), ...heard]);
  };
}
"""


def main() -> int:
    """Take the pictures. Exit code 1 if there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m dev.screenshot", description=__doc__)
    parser.add_argument("--auth-api", default="http://localhost:8000", help="address of auth_api [%(default)s]")
    parser.add_argument("--secrets", default=".parley/secrets.env", help="where `make run` has them [%(default)s]")
    given = parser.parse_args()
    try:
        kept = secrets_file.complete(("APP_PASS",), Path(given.secrets), os.environ)
        admin_token = os.environ.get("ADMIN_TOKEN")
        if not admin_token:
            raise Trouble("Set ADMIN_TOKEN, for `make run` and for this")
        asyncio.run(_take(given.auth_api, kept["APP_PASS"], admin_token))
    except Trouble as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _take(auth_api: str, app_pass: str, admin_token: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_browser(), args=ARGUMENTS)
        console = PICTURES / "console.png"
        await console_picture.take(browser, auth_api, app_pass, admin_token, console)
        print(f"Written: {console}")
        people = await _call(browser, f"{auth_api}/demo")
        ann = people["Ann"]
        for name, text in SAID:
            await _write(people[name], text)
        await people["Fatima"].click("#hand-switch")
        await people["Cleo"].click("#microphone-switch")
        await ann.mouse.move(640, 5)
        await ann.locator(".tile .quality[data-step]").nth(len(LOOKS) - 2).wait_for()
        await ann.locator(".toast").last.wait_for(state="detached")
        for scheme in ("light", "dark"):
            await ann.emulate_media(color_scheme=scheme)
            picture = PICTURES / f"call-{scheme}.png"
            await ann.screenshot(path=picture)
            print(f"Written: {picture}")
        await browser.close()


async def _call(browser: Browser, demo: str) -> dict[str, Page]:
    """Everybody in one call, by name; the first of them owns the room."""
    ann, *others = [await _person(browser, f"{demo}#{ROOM}", name) for name in LOOKS]
    await ann.click("text=Create room")
    await ann.locator("body[data-screen=call]").wait_for()
    for other in others:
        await other.click("text=Ask to join")
        await ann.locator(".knock .admit").click()
        await other.locator("body[data-screen=call]").wait_for()
    await ann.locator(".tile[data-state=connected]").nth(len(others)).wait_for()
    return dict(zip(LOOKS, [ann, *others], strict=True))


async def _write(page: Page, text: str) -> None:
    if await page.locator("#chat").is_hidden():
        await page.click("#chat-switch")
    await page.fill("#chat input", text)
    await page.press("#chat input", "Enter")
    await page.locator(".chat li", has_text=text).wait_for()


async def _person(browser: Browser, address: str, name: str) -> Page:
    context = await browser.new_context(permissions=["camera", "microphone"], viewport=SIZE, locale="en")
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
