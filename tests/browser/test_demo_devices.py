"""Camera and microphone: what the page shows is what is sent, whatever the order of clicks and of answers."""

from typing import Any

import pytest

from tests.browser.demo import Demo
from tests.browser.hardware import HARDWARE

OPENED = "answer()"
CLICK = "button('video').click()"


async def after(demo: Demo, *steps: str, kind: str = "video") -> str:
    """What is shown and sent once all steps were taken, each when the one before has had its effect."""
    page = (await demo.open("Ann", gateway=0, script=HARDWARE)).page
    await page.wait_for_function("asked.length === 1")  # the page asks for both as it opens
    for step in steps:
        await page.evaluate(f"async () => {{ {step}; await settled(); }}")
    assert await page.evaluate("asked.length") == 0
    state: str = await page.evaluate("kind => state(kind)", kind)
    assert await page.evaluate("held('video')") == await page.evaluate("live('video')"), "a camera is on for nobody"
    assert demo.complaints == []
    return state


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([OPENED], "on, 1 live"),
        ([OPENED, CLICK], "off, 0 live"),
        ([OPENED, CLICK, CLICK, OPENED], "on, 1 live"),
        # on, then off within the start-up
        ([OPENED, CLICK, CLICK, CLICK, OPENED], "off, 0 live"),
        # an impatient second click, and one as it comes on
        ([OPENED, CLICK, CLICK, CLICK, CLICK, CLICK, OPENED], "off, 0 live"),
        ([OPENED, CLICK, CLICK, CLICK, CLICK, OPENED, CLICK], "off, 0 live"),
        # while the permission prompt is open
        ([CLICK, OPENED], "off, 0 live"),
        ([CLICK, CLICK, OPENED], "on, 1 live"),
        # another camera while it is off, and while it starts
        ([OPENED, CLICK, "pick('video', 'two')"], "off, 0 live"),
        (["pick('video', 'two')", OPENED, OPENED], "on, 1 live"),
        ([OPENED, "pick('video', 'two')", "pick('video', 'one')", OPENED, OPENED], "on, 1 live"),
        ([OPENED, CLICK, CLICK, "answer('deny')", CLICK, OPENED], "on, 1 live"),
    ],
)
async def test_what_the_camera_button_says_is_sent(demo: Demo, steps: list[str], state: str) -> None:
    assert await after(demo, *steps) == state


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([OPENED, "button('audio').click()"], "off, 0 live"),
        (["button('audio').click()", OPENED], "off, 0 live"),
        ([OPENED, "button('audio').click()", "pick('audio', 'two')"], "off, 0 live"),
        ([OPENED, "button('audio').click()", "pick('audio', 'two')", "button('audio').click()", OPENED], "on, 1 live"),
    ],
)
async def test_what_the_microphone_button_says_is_sent(demo: Demo, steps: list[str], state: str) -> None:
    assert await after(demo, *steps, kind="audio") == state


# Steps by chance; after each one, what is shown is sent, and at most one request for each device is open.
RANDOM_WALKS = """async (seed) => {
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const steps = [
    () => button("video").click(), () => button("audio").click(), () => pick("video", ["one", "two"][random(2)]),
    () => pick("audio", ["one", "two"][random(2)]), () => asked.length && answer(), () => asked.length && answer(),
    () => asked.length && answer("deny", "NotReadableError"), () => tracks.at(-1)?.onended?.(),
  ];
  const taken = [];
  for (let count = 0; count < 400; count++) {
    const step = steps[random(steps.length)];
    taken.push(String(step));
    step();
    await settled();
    for (const kind of ["audio", "video"]) {
      const open = asked.filter(({ kinds }) => kinds.includes(kind)).length;
      if (live(kind) !== Number(on(kind)) || open > 1) return [kind, state(kind), open, ...taken.slice(-12)];
    }
    if (held("video") !== live("video") || held("audio") > 1) return ["held", ...taken.slice(-12)];
  }
  return [];
}"""


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_shown_and_sent_agree_after_any_steps(demo: Demo, seed: int) -> None:
    page = (await demo.open("Ann", gateway=0, script=HARDWARE)).page
    assert await page.evaluate(RANDOM_WALKS, seed) == []


async def test_a_camera_that_starts_looks_so(demo: Demo) -> None:
    page = (await demo.open("Ann", gateway=0, script=HARDWARE)).page
    busy: Any = await page.evaluate("[busy('video'), on('video')]")
    assert busy == [True, False]
    await page.evaluate("answer()")
    await page.locator("#camera-switch[aria-busy=false][aria-pressed=true]").wait_for()


async def test_each_click_on_a_forbidden_camera_says_why(demo: Demo) -> None:
    ann = await demo.open("Ann", gateway=0, script=HARDWARE)
    for _ in range(3):
        await ann.page.evaluate("async () => { answer('deny'); await settled(); }")
    await ann.see("#preview-note", "This page may not use your camera and microphone.")
    await ann.create("forbidden")
    button = ann.page.locator(".call #camera-switch")
    for _ in range(2):
        await button.click()
        await ann.page.evaluate("answer('deny')")
        await ann.see(".toast", "This page may not use your camera.")
        await ann.page.evaluate("document.getElementById('toasts').replaceChildren()")  # the next one is another
    assert "may not use your camera" in (await button.get_attribute("title") or "")
    assert await button.get_attribute("data-problem") == ""
